// The scheduler of a pool: contracts first, then classes and tenants by weight, behind the pool's gates.
//
//   1. gates of a dispatch: a free slot; pace (a leaky level over estimated work); at the share level also the class'
//      cap and its holdback. A contract's dispatch ignores cap and holdback
//   2. the guarantee level goes first whenever a contract's head is eligible (contracts.h)
//   3. the share level is two levels of start-time fair queueing: classes (share_queue.h), tenants in each
//      (tenant_lines.h)
//   4. the chosen one waits for pace itself: nobody smaller passes it, or large requests would starve. That is the one
//      line in which somebody stands in front of another without a better claim, and it lasts largest / capacity
//   5. a class that its cap or holdback blocks does not compete: others go on, and its tag keeps up with virtual time
//      (being blocked earns no credit; its debts stay). Full slots block nobody in this sense: then nobody goes
//   6. a reserved request stands in its contract's line and, with Overrun::kSpill, in its tenant's line of the class
//      kSpillover; whichever goes first takes it out of the other. Served inside the contract it is charged to contract
//      and pace, as spillover to share and pace
//   7. whose deadline has come is never dispatched: it leaves the lines before anyone is chosen
//   8. a line that spillover filled has as much room again for requests that conform to their contracts
//
// O(log n) per decision in the tenants and contracts that wait; nothing is allocated once the slabs have grown.
#pragma once

#include <array>
#include <optional>

#include "admission/contracts.h"
#include "admission/scheduler.h"
#include "admission/share_queue.h"
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
  /// Those who stand in no other line expire at once: the contract they wait for will not serve them.
  void RemoveContract(ContractId id, Instant now) override;

  Enqueued Enqueue(const Offer& offer, Instant now) override;
  bool Cancel(WaitingId id, Instant now) override;

  std::optional<Dispatch> PopDispatch(Instant now) override;
  std::optional<uint64_t> PopExpired(Instant now) override;

  void TrueUp(Charge& charge, Work work, int64_t contract_amount, Instant now) override;
  void Release(const Charge& charge, Instant now) override;
  void OccupySlot(const Charge& charge, Instant now) override;

  Instant NextWake(Instant now) override;
  Standing StandingOf(ServiceClass share_class) const override;
  int64_t InFlight() const override { return total_in_flight_; }
  Duration ForecastWait(const Offer& offer, Instant now) override;

  void CheckInvariants() const override;

  /// Tenants of a class whose state is kept.
  size_t FlowCount(ServiceClass share_class) const { return lines_[static_cast<size_t>(share_class)].FlowCount(); }

 private:
  bool SlotIsFree() const { return total_in_flight_ < terms_.max_in_flight; }
  /// By its cap or its holdback.
  bool IsBlocked(size_t share_class) const;
  bool MayCompete(size_t share_class) const;
  /// Keeps invariant 5 after anything moved.
  void RefreshClasses();

  Enqueued Refuse(EnqueueRefusal refusal, Duration retry_after) const;
  void LeaveLines(Place place);
  /// Takes those whose deadline has come out of their lines; PopExpired hands them out.
  void ExpireDue(Instant now);

  Dispatch DispatchReserved(Place place, Instant now);
  Dispatch DispatchShared(size_t share_class, Place place, Instant now);
  Dispatch Finish(Place place, Dispatch dispatch, Instant now);

  Instant NextDispatch(Instant now);
  Instant PacedAt(Place place, Instant now) { return now + pace_.WaitFor(room_[place].offer.work.count(), now); }
  /// What a class can expect of the capacity while the classes that wait now do so, milli-nt/s, at least 1.
  int64_t ExpectedRate(size_t share_class) const;
  Duration ForecastShare(const Offer& offer) const;

  PoolTerms terms_;
  LeakyLevel pace_;
  WaitingRoom room_;
  Contracts contracts_{&room_};
  ShareQueue classes_;  // a flow per share class, by its number
  std::array<TenantLines, kShareClassCount> lines_;
  TaggedHeap<Instant> deadlines_;  // places that wait
  Line expired_;
  struct Sums {
    int64_t waiting = 0;
    Int128 waiting_work = 0;
    int64_t in_flight = 0;
  };
  std::array<Sums, kServiceClassCount> sums_;  // those who wait, by share class; slots, by class served
  int64_t total_in_flight_ = 0;
};

}  // namespace penstock::admission
