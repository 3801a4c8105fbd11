// Who runs next on one pool. Pure and single-threaded: `now` is an argument, nothing here reads a clock.
//
// The protocol, seen from the owner (broker/core/PoolState):
//
//   Enqueue        a request stands in line (a reserved one in its tenant's contract line and its share line at once)
//   PopDispatch,   called until they answer nothing: the scheduler hands out who runs, and who waited too long
//   PopDeparture   or was shed
//   TrueUp         the charged estimate becomes what is known by now, both ways
//   Release        the slot comes back (completion, void, or lease deadline)
//   NextWake       when PopDispatch or PopDeparture may have something without any further call: never late, early only
//                  when somebody's turn comes who then waits for pace; Instant::Max() if never
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
#include "admission/vocabulary/token_kinds.h"
#include "admission/vocabulary/work.h"

namespace penstock::admission {

/// Terms of one class at the share level.
struct ClassTerms {
  int64_t weight = 1;            // 1..kMaxWeight, relative to the other classes
  int64_t max_in_flight = 0;     // cap on slots this class may occupy; 0 means no cap
  int64_t holdback_slots = 0;    // slots that this class must leave free for others
  int64_t holdback_kv = 0;       // KV tokens that this class must leave free for others
  int64_t max_waiting = 10'000;  // the class's own bound on its line
  WorkPerSecond floor;           // goes before the other classes while it got less than this; zero: no floor
  WorkPerSecond cap;             // gets no more than this, whatever is idle; zero: no cap
  Duration codel_target;         // sheds from lines whose heads waited longer than this ...
  Duration codel_interval;       // ... for at least this long; zero: no shedding
};

/// A pool's gates and shares; may change live.
struct PoolTerms {
  WorkPerSecond capacity;                            // paced work per second; positive
  Work burst;                                        // how much of it may be dispatched at once; positive
  int64_t max_in_flight = 0;                         // dispatch slots; positive
  int64_t kv_tokens = 0;                             // what fits into the fleet's KV memory; 0: no such gate
  std::array<ClassTerms, kShareClassCount> classes;  // by ServiceClass kFree..kSpillover
};

using ContractId = uint32_t;  // 1-based; 0 is no contract

/// A guaranteed rate. A tenant may have any number in a pool: its requests go in the order in which they came, each on
/// the contract that lets it go first.
struct ContractTerms {
  TenantId tenant;
  std::optional<TokenKind> kind;  // nothing: on work; the rate is in milli-nt or in tokens of this kind
  RateTerms rate;
  Overrun overrun = Overrun::kSpill;
};

/// A request that asks to run.
struct Offer {
  uint64_t request = 0;  // the owner's handle, handed back on dispatch and departure
  TenantId tenant;
  KeyId key;
  int32_t tenant_weight = 1;  // relative to other tenants of the class; the newest offer's weight holds
  int32_t key_weight = 1;     // relative to other keys of the tenant; likewise
  ServiceClass share_class = ServiceClass::kDefault;  // kFree..kSpillover: where it stands at the share level
  bool reserved = false;  // may go on its tenant's contracts; then its share class is kSpillover
  bool promised = false;  // was promised a place: a full line has as much room again for these
  PackedCounts tokens;    // estimate by kind: what contracts on a kind count
  Work work;              // estimate; non-negative
  int64_t kv_tokens = 0;  // context that it will occupy: input and predicted output
  Instant deadline;       // waits no longer than this
};

/// A place in line; never reused.
using WaitingId = uint64_t;

/// How one level of the share queue charged a dispatch, so that a true-up undoes exactly that.
struct ShareMark {
  uint64_t stay = 0;   // the flow's stay in the competition that was charged; 0 when none was
  int32_t weight = 0;  // the flow's weight at that time
};

/// What a dispatch took, kept by the owner until the slot is released and the truth is known. A charge restored from
/// an earlier run leaves `paced` and the marks empty: what this scheduler never took it does not give back.
struct Charge {
  TenantId tenant;
  KeyId key;
  ServiceClass served = ServiceClass::kDefault;  // kReserved when it ran inside a contract
  bool paced = false;                            // taken from pace (and contract) by this scheduler
  ContractId contract = 0;                       // set only when served inside it
  int64_t contract_amount = 0;                   // in the contract's unit
  Work work;
  Work floor_work;  // taken from its class's floor
  int64_t kv_tokens = 0;
  ShareMark class_mark;
  ShareMark tenant_mark;
  ShareMark key_mark;
};

/// Why this one, and why now: for `explain`. Tags are whole units of virtual time (milli-nt at weight 1, rounded down).
struct DispatchReason {
  ContractId contract = 0;
  Instant eligible_at;        // contract level: since when its contract allowed it
  Instant contract_deadline;  // contract level: what ordered it among the eligible
  bool by_floor = false;      // its class was below its floor
  int64_t class_tag = 0;      // share level: start tags, and the virtual times at dispatch
  int64_t class_virtual_time = 0;
  int64_t tenant_tag = 0;
  int64_t tenant_virtual_time = 0;
  int64_t key_tag = 0;
  int64_t key_virtual_time = 0;
};

struct Dispatch {
  Dispatch() {}  // user-provided, or std::optional would clear all of it before the members are set
  uint64_t request = 0;
  Charge charge;
  DispatchReason reason;
};

/// A request that left the line without running.
struct Departure {
  enum class Why : uint8_t { kDeadline, kShed };
  uint64_t request = 0;
  Why why = Why::kDeadline;
  ContractId owed = 0;  // it was inside this contract, and got no place; 0: none
};

/// Why an offer cannot even stand in line.
enum class EnqueueRefusal : uint8_t {
  kQueueFull,
  kContractExhausted,
  kTooLarge,  // more KV tokens than the pool has, or than its class may take
};

struct Enqueued {
  WaitingId id = 0;  // set when it stands in line
  std::optional<EnqueueRefusal> refusal;
  Duration retry_after;  // with a refusal
};

/// What keeps the next request of a class from being dispatched.
enum class Gate : uint8_t { kOpen, kSlots, kPace, kKvTokens, kClassCap, kHoldback, kOthersFirst };

/// What is known about a class's line right now.
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
  /// Changes rate and overrun; tenant and kind stay.
  virtual void SetContract(ContractId id, const ContractTerms& terms, Instant now) = 0;
  /// Waiting requests keep their places in the share line. If it was its tenant's last contract, those that stand in no
  /// share line depart at once (kDeadline).
  virtual void RemoveContract(ContractId id, Instant now) = 0;

  virtual Enqueued Enqueue(const Offer& offer, Instant now) = 0;
  /// Takes a request out of all its lines; false when it is no longer waiting.
  virtual bool Cancel(WaitingId id, Instant now) = 0;
  /// A hint without effect: an offer of this tenant in this class comes soon (the owner sees it behind the command that
  /// it is at), so that what Enqueue will look at can be on its way from memory.
  virtual void Expect(TenantId, ServiceClass) {}
  /// Likewise: who is likely to be dispatched next, or nothing. The first call after a dispatch only starts to look.
  virtual std::optional<uint64_t> LikelyNext() { return std::nullopt; }

  virtual std::optional<Dispatch> PopDispatch(Instant now) = 0;
  virtual std::optional<Departure> PopDeparture(Instant now) = 0;

  /// Makes `charge` what is known: these replace the charged estimates, in `charge` too. After its Release the slot and
  /// the KV tokens are back already: then `kv_tokens` must be what the charge says.
  virtual void TrueUp(Charge& charge, Work work, const PackedCounts& tokens, int64_t kv_tokens, Instant now) = 0;
  /// Returns the slot. Exactly once per dispatch.
  virtual void Release(const Charge& charge, Instant now) = 0;
  /// Occupies a slot for a grant that an earlier run of the daemon gave and that may still be running.
  virtual void OccupySlot(const Charge& charge, Instant now) = 0;

  virtual Instant NextWake(Instant now) = 0;
  virtual Standing StandingOf(ServiceClass share_class) const = 0;
  virtual int64_t InFlight() const = 0;
  virtual int64_t KvInUse() const = 0;
  /// What keeps the next request of this class waiting; kOpen when none waits.
  virtual Gate GateOf(ServiceClass share_class, Instant now) = 0;
  /// A forecast of this offer's wait if it came now, from the drain rate: (work in line before it + `promised`) /
  /// (capacity that its class and tenant can expect).
  virtual Duration ForecastWait(const Offer& offer, Work promised, Instant now) = 0;

  /// Crashes if a bookkeeping invariant does not hold (slots, lines, sums). For tests; O(n).
  virtual void CheckInvariants() const = 0;
};

}  // namespace penstock::admission
