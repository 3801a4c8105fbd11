// The scheduler of a pool: contracts first, then classes, tenants and keys by weight, behind the pool's gates.
//
//   1. gates of a dispatch: a free slot; pace (a leaky level over estimated work); KV tokens; at the share level also
//   the
//      class's caps and holdbacks. A contract's dispatch ignores those
//   2. the guarantee level goes first whenever a contract's head is eligible (contracts.h)
//   3. the share level is three levels of start-time fair queueing (share_law.h): classes with floors and caps
//      (class_shares.h), tenants in each (tenant_lines.h), keys in those (key_lines.h)
//   4. the chosen one waits for pace and KV itself: nobody smaller passes it, or large requests would starve. That is
//   the
//      one line in which somebody stands in front of another without a better claim, and for pace it lasts
//      largest / capacity
//   5. a class that its caps or holdbacks block does not compete: others go on, and its tag keeps up with virtual time
//      (being blocked earns no credit; its debts stay). Full slots block nobody in this sense: then nobody goes
//   6. a reserved request stands in its tenant's contract line and, if the tenant's policy is to spill, in its tenant's
//      line of the class kSpillover; whichever goes first takes it out of the other. Served inside a contract it is
//      charged to contract and pace, as spillover to share and pace
//   7. whose deadline has come is never dispatched: it leaves the lines before anyone is chosen
//   8. a full line has as much room again for requests that conform to their contracts and for promised ones
//   9. controlled delay looks at a head of the share level when it could run: what it sheds departs. It spares requests
//      that a contract may still serve
//  10. a head that the pool's KV can no longer hold, however empty, departs when it is chosen (kDeadline)
//
// O(log n) per decision in the tenants, keys and contracts that wait; nothing is allocated once the slabs have grown.
#pragma once

#include <array>
#include <optional>

#include "admission/class_shares.h"
#include "admission/contracts.h"
#include "admission/scheduler.h"
#include "admission/tagged_heap.h"
#include "admission/tenant_lines.h"
#include "admission/waiting_room.h"

namespace penstock::admission {

class FairScheduler final : public Scheduler {
 public:
  FairScheduler(const PoolTerms& terms, Instant now);
  FairScheduler(const FairScheduler&) = delete;
  FairScheduler& operator=(const FairScheduler&) = delete;

  void SetTerms(const PoolTerms& terms, Instant now) override;
  ContractId AddContract(const ContractTerms& terms, Instant now) override;
  void SetContract(ContractId id, const ContractTerms& terms, Instant now) override;
  void RemoveContract(ContractId id, Instant now) override;

  Enqueued Enqueue(const Offer& offer, Instant now) override;
  bool Cancel(WaitingId id, Instant now) override;
  void Expect(TenantId tenant, ServiceClass share_class) override;
  std::optional<uint64_t> LikelyNext() override;

  std::optional<Dispatch> PopDispatch(Instant now) override;
  std::optional<Departure> PopDeparture(Instant now) override;

  void TrueUp(Charge& charge, Work work, const PackedCounts& tokens, int64_t kv_tokens, Instant now) override;
  void Release(const Charge& charge, Instant now) override;
  void OccupySlot(const Charge& charge, Instant now) override;

  Instant NextWake(Instant now) override;
  Standing StandingOf(ServiceClass share_class) const override;
  int64_t InFlight() const override { return total_in_flight_; }
  int64_t KvInUse() const override { return kv_in_use_; }
  Gate GateOf(ServiceClass share_class, Instant now) override;
  Duration ForecastWait(const Offer& offer, Work promised, Instant now) override;

  void CheckInvariants() const override;

  /// Tenants of a class whose state is kept, and keys of those that have several.
  size_t FlowCount(ServiceClass share_class) const { return lines_[static_cast<size_t>(share_class)].FlowCount(); }
  size_t KeyFlowCount(ServiceClass c) const { return lines_[static_cast<size_t>(c)].KeyFlowCount(); }

  /// Bytes held, by what for.
  struct Memory {
    size_t places = 0;     // those who wait
    size_t deadlines = 0;  // those who wait
    size_t flows = 0;      // tenants and keys
  };
  Memory MemoryBytes() const;

 private:
  /// Who is next at some instant, whether or not the gates are open for it.
  struct Choice {
    Place place = kNoPlace;
    bool reserved = false;  // on a contract; else at the share level:
    size_t share_class = 0;
    std::optional<Instant> floor_from;  // since when the floor of its class lets it go
  };

  bool SlotIsFree() const { return total_in_flight_ < terms_.max_in_flight; }
  bool HasKvGate() const { return terms_.kv_tokens > 0; }
  /// Whether an empty pool could hold so many KV tokens of a class, or of a contract.
  bool CouldFit(int64_t kv_tokens, bool reserved, size_t share_class) const;
  bool KvIsFree(Place place) const { return !HasKvGate() || kv_in_use_ + room_[place].kv_tokens <= terms_.kv_tokens; }
  Instant PacedAt(Place place, Instant now) { return now + pace_.WaitFor(room_[place].work, now); }
  /// By its caps or holdbacks. The class has a share line.
  Gate ClassGate(size_t share_class, Instant now);

  Choice Choose(Instant now);
  Choice ChooseShared(Instant now);
  bool CouldFit(const Choice& choice) const;
  bool Sheds(const Choice& choice, Instant now);
  /// The chosen one leaves the line that it was chosen from, and departs if it stands in no other.
  void GiveUp(const Choice& choice);

  /// What the offer's tenant gets beyond its contracts; nothing when none serves it.
  std::optional<Overrun> OverrunFor(const Offer& offer) const;
  Enqueued Refuse(EnqueueRefusal refusal, Duration retry_after) const;
  void JoinShare(const Offer& offer, size_t share_class, Place place, Instant now);
  void LeaveShare(Place place);
  void LeaveLines(Place place);
  void Depart(Place place, bool shed);
  /// Takes those whose deadline has come out of their lines; PopDeparture hands them out.
  void ExpireDue(Instant now);

  std::optional<Dispatch> Run(const Choice& choice, Instant now);
  /// Starts to load what the next dispatch will look at, if it is of the class of the last one: in two steps, because
  /// one address is known only when another value has come.
  void PrefetchNext(bool position_has_come) const;

  Instant NextDispatch(Instant now);
  /// What a class can expect of the capacity while the classes that wait now do so, milli-nt/s, at least 1.
  int64_t ExpectedRate(size_t share_class) const;
  Duration ForecastShare(const Offer& offer, size_t share_class, Work promised) const;

  PoolTerms terms_;
  LeakyLevel pace_;
  WaitingRoom room_;
  Contracts contracts_{&room_};
  ClassShares classes_;
  std::array<TenantLines, kShareClassCount> lines_;
  uint32_t backlogged_ = 0;     // a bit per class with a share line
  uint32_t gated_ = 0;          // a bit per class with a cap, a holdback or a floor
  uint32_t likely_next_ = 0;    // class
  Place looked_at_ = kNoPlace;  // by LikelyNext
  DeadlineHeap deadlines_;      // places that wait
  Line departed_;
  size_t departed_count_ = 0;
  struct Sums {
    int64_t waiting = 0;
    Int128 waiting_work = 0;
    int64_t in_flight = 0;
  };
  std::array<Sums, kServiceClassCount> sums_;  // those who wait, by share class; slots, by class served
  int64_t total_in_flight_ = 0;
  int64_t kv_in_use_ = 0;
};

}  // namespace penstock::admission
