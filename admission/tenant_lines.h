// One class at the share level: its tenants, fairly queued among each other (share_law.h), and the keys inside each.
//
//   1. a tenant's flow competes exactly while somebody waits in it
//   2. a tenant of which one key waits at a time has one first-in-first-out line, right in its flow. When another key
//      comes while one waits, the flow gets a group of keys (key_lines.h) and keeps it until it is forgotten. What a
//      key dispatched while it was alone is not charged to it: it had nobody to be fair to
//   3. a flow's state lives until nobody waits in it, its dispatches are released, and virtual time has passed its tag:
//      who leaves and comes back finds its debt. Only while newcomers keep the line from ever emptying does virtual
//      time stand still; then the state of all that were served meanwhile is kept
//   4. flows that became idle form a first-in-first-out line, and each new flow inspects two of them for reuse: memory
//      follows the largest number of flows that had to live at once, and no decision pays for a sweep
//   5. a flow is one cache line. A tenant without state costs its number in flow_of_: 4 bytes
#pragma once

#include <cstdint>
#include <vector>

#include "admission/codel.h"
#include "admission/key_lines.h"
#include "admission/share_law.h"
#include "admission/slab.h"
#include "admission/tagged_heap.h"
#include "admission/waiting_room.h"

namespace penstock::admission {

class TenantLines {
 public:
  /// `room` holds the places and must outlive this.
  explicit TenantLines(WaitingRoom* room) : room_(*room), keys_(room) {}

  /// Puts a place at the end of its tenant's (and key's) line. The weights hold from now on.
  void Append(TenantId tenant, int32_t weight, Place place);
  /// Takes a place out of its line, wherever it stands.
  void Remove(Place place);

  bool empty() const { return competing_.empty(); }
  /// The head of the line of the tenant and key that are next. Not when empty.
  Place First() const { return flows_[competing_.Top()].line.first; }
  /// Whether controlled delay sheds the first, which is about to run.
  bool ShedsFirst(Duration target, Duration interval, Instant now);

  /// Takes the first out of its line to run, charged to its tenant and key; unsettled until Release. Sets the marks and
  /// the tenant of `charge`, and the tags in `reason`.
  void Start(Place place, Charge& charge, DispatchReason& reason);
  /// As if a charge of an earlier run were unsettled here.
  void Occupy(TenantId tenant);
  void Release(const Charge& charge);
  /// Moves the tenant's and the key's tag by what `known` costs more or less than charge.work.
  void TrueUp(const Charge& charge, Work known);

  TenantId TenantOf(Place place) const { return flows_[room_[place].flow].tenant; }
  /// Estimated work in all lines, milli-nt.
  Int128 waiting_work() const { return waiting_work_; }
  /// Flows whose state is kept, idle ones included.
  size_t FlowCount() const { return flows_.used(); }
  size_t KeyFlowCount() const { return keys_.FlowCount(); }
  size_t MemoryBytes() const;

  /// Starts to load what Append for this tenant, or First, will look at.
  void Prefetch(TenantId tenant) const;
  void PrefetchFirst() const;

  /// What a tenant finds that would join now.
  struct Outlook {
    Int128 ahead = 0;  // work in its own line, milli-nt
    int64_t own_weight = 1;
    int64_t all_weights = 1;  // of the backlogged tenants and itself
  };
  Outlook OutlookFor(TenantId tenant, int64_t weight) const;

  void CheckInvariants() const;

 private:
  using Flow = uint32_t;
  static constexpr uint32_t kNotQueued = UINT32_MAX - 1;  // not in the line of the idle

  struct alignas(64) TenantFlow {
    ShareFlow share;
    Packed96 waiting_work;  // milli-nt
    TenantId tenant;
    Line line;  // of the one key that waits; with a group only its head is kept here
    KeyId key;  // that stands in `line`
    KeyLines::Group keys = kNoCell;
    uint32_t unsettled = 0;
    Flow next_idle = kNotQueued;
    bool Busy() const { return !line.empty() || unsettled > 0; }
  };
  static_assert(sizeof(TenantFlow) == 64);

  Flow Find(TenantId tenant) const { return tenant.value < flow_of_.size() ? flow_of_[tenant.value] : kNoCell; }
  Flow FlowOf(TenantId tenant, int32_t weight);
  void AppendToLine(TenantFlow& flow, Place place);
  void RemoveFromLine(TenantFlow& flow, Place place);
  void Join(Flow flow);
  void Leave(Flow flow);
  void BecomeIdle(Flow flow);
  void InspectIdle();

  WaitingRoom& room_;
  KeyLines keys_;
  VirtualTime time_;
  uint64_t stays_ = 0;
  TaggedHeap competing_;
  int64_t competing_weight_ = 0;
  std::vector<Flow> flow_of_;  // by tenant
  Slab<TenantFlow> flows_;
  std::vector<Codel> codel_;  // by flow, as far as anybody asked
  Flow oldest_idle_ = kNoCell;
  Flow newest_idle_ = kNoCell;
  Int128 waiting_work_ = 0;
};

}  // namespace penstock::admission
