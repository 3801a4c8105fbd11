// Who runs next on one pool. Pure and single-threaded: `now` is an argument, nothing here reads a clock.
//
// The protocol, seen from the owner (broker/core/PoolState):
//
//   Enqueue  a request stands in line (a reserved one in its contract's line and in its share line at once)
//   PopDispatch / PopExpired   called until they answer nothing: the scheduler hands out who runs and who waited too
//   long TrueUp   the charged estimate becomes what is known by now, both ways Release  the slot comes back
//   (completion, void, or lease deadline) NextWake when PopDispatch or PopExpired will have something without any
//   further call; Instant::Max() if never
//
// Every implementation passes tests/contract/scheduler_contract_test.cc.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "admission/leaky_level.h"
#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"

namespace penstock::admission {

/// Terms of one class at the share level.
struct ClassTerms {
  int64_t weight = 1;            // 1..kMaxWeight, relative to the other classes
  int64_t max_in_flight = 0;     // cap on slots this class may occupy; 0 means no cap
  int64_t holdback_slots = 0;    // slots that this class must leave free for others
  int64_t max_waiting = 10'000;  // the class's own bound on its line
};

/// A pool's gates and shares; may change live.
struct PoolTerms {
  WorkPerSecond capacity;                            // paced work per second; positive
  Work burst;                                        // how much of it may be dispatched at once; positive
  int64_t max_in_flight = 0;                         // dispatch slots; positive
  std::array<ClassTerms, kShareClassCount> classes;  // by ServiceClass kFree..kSpillover
};

/// What a reserved tenant gets beyond its contract.
enum class Overrun : uint8_t { kSpill, kWait, kRefuse };

using ContractId = uint32_t;  // 1-based; 0 is no contract

/// A guaranteed rate: on work (milli-nt) or on a token kind (tokens); the unit of `rate` and of Offer::contract_amount.
struct ContractTerms {
  TenantId tenant;
  RateTerms rate;
  Overrun overrun = Overrun::kSpill;
};

/// A request that asks to run.
struct Offer {
  uint64_t request = 0;  // the owner's handle, handed back on dispatch and expiry
  TenantId tenant;
  int64_t tenant_weight = 1;  // relative to other tenants of the class; the newest offer's weight holds
  ServiceClass share_class = ServiceClass::kDefault;  // kFree..kSpillover: where it stands at the share level
  ContractId contract = 0;
  int64_t contract_amount = 0;  // estimate in the contract's unit
  Work work;                    // estimate; non-negative
  Instant deadline;             // waits no longer than this
};

/// A place in line; never reused.
using WaitingId = uint64_t;

/// How one level of the share queue charged a dispatch, so that a true-up undoes exactly that.
struct ShareMark {
  Int128 start = 0;    // the start tag
  uint64_t stay = 0;   // the flow's stay in the competition that was charged; 0 when none was
  int64_t weight = 0;  // the flow's weight at that time
};

/// What a dispatch took, kept by the owner until the slot is released and the truth is known. A charge restored from
/// an earlier run leaves `paced` and the marks empty: what this scheduler never took it does not give back.
struct Charge {
  TenantId tenant;
  ServiceClass served = ServiceClass::kDefault;  // kReserved when it ran inside its contract
  ContractId contract = 0;                       // set only when served inside it
  int64_t contract_amount = 0;
  Work work;
  bool paced = false;  // taken from pace (and contract) by this scheduler
  ShareMark class_mark;
  ShareMark tenant_mark;
};

/// Why this one, and why now: for `explain`.
struct DispatchReason {
  Int128 start_tag = 0;     // its flow's start tag (share level), 0 inside a contract
  Int128 virtual_time = 0;  // of its class at dispatch
  Instant eligible_at;      // since when its contract allowed it (contract level)
};

struct Dispatch {
  uint64_t request = 0;
  Charge charge;
  DispatchReason reason;
};

/// Why an offer cannot even stand in line.
enum class EnqueueRefusal : uint8_t { kQueueFull, kContractExhausted };

struct Enqueued {
  WaitingId id = 0;  // set when it stands in line
  std::optional<EnqueueRefusal> refusal;
  Duration retry_after;  // with a refusal
};

/// What is known about the line right now.
struct Standing {
  int64_t waiting = 0;    // requests of this class in line
  Work waiting_work;      // their estimates
  int64_t in_flight = 0;  // slots this class occupies
};

class Scheduler {
 public:
  virtual ~Scheduler() = default;

  virtual void SetTerms(const PoolTerms& terms, Instant now) = 0;
  virtual ContractId AddContract(const ContractTerms& terms, Instant now) = 0;
  virtual void SetContract(ContractId id, const ContractTerms& terms, Instant now) = 0;
  /// Its waiting requests keep their places in the share line.
  virtual void RemoveContract(ContractId id, Instant now) = 0;

  virtual Enqueued Enqueue(const Offer& offer, Instant now) = 0;
  /// Takes a request out of all its lines; false when it is no longer waiting.
  virtual bool Cancel(WaitingId id, Instant now) = 0;

  virtual std::optional<Dispatch> PopDispatch(Instant now) = 0;
  virtual std::optional<uint64_t> PopExpired(Instant now) = 0;

  /// Makes `charge` what is known: `work` and `contract_amount` replace the charged estimates, in `charge` too.
  virtual void TrueUp(Charge& charge, Work work, int64_t contract_amount, Instant now) = 0;
  /// Returns the slot. Exactly once per dispatch.
  virtual void Release(const Charge& charge, Instant now) = 0;
  /// Occupies a slot for a grant that an earlier run of the daemon gave and that may still be running.
  virtual void OccupySlot(const Charge& charge, Instant now) = 0;

  virtual Instant NextWake(Instant now) = 0;
  virtual Standing StandingOf(ServiceClass share_class) const = 0;
  virtual int64_t InFlight() const = 0;
  /// Requests that would be dispatched before this offer if it came now, and a forecast of its wait from the drain
  /// rate: (work in line before it) / (capacity its class can expect).
  virtual Duration ForecastWait(const Offer& offer, Instant now) = 0;

  /// Crashes if a bookkeeping invariant does not hold (slots, lines, sums). For tests; O(n).
  virtual void CheckInvariants() const = 0;
};

}  // namespace penstock::admission
