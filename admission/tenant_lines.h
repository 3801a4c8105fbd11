// One class at the share level: its tenants, first in first out inside each, fairly queued among each other.
//
//   1. a tenant's flow competes exactly while its line is not empty
//   2. a flow's state lives until its line is empty, its dispatches are released, and virtual time has passed its tag:
//      who leaves and comes back finds its debt. Only while newcomers keep the line from ever emptying does virtual
//      time stand still; then the state of all that were served meanwhile is kept
//   3. flows without line and dispatches form a ring, and each new flow inspects two of them for reuse: memory follows
//      the largest number of flows that had to live at once, and no decision pays for a sweep
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "admission/share_queue.h"
#include "admission/waiting_room.h"

namespace penstock::admission {

class TenantLines {
 public:
  /// `room` holds the places and must outlive this.
  explicit TenantLines(WaitingRoom* room) : room_(*room) {}

  /// Puts a place at the end of its tenant's line. The offer's tenant weight holds from now on.
  void Append(Place place);
  /// Takes a place out of its tenant's line, wherever it stands.
  void Remove(Place place);

  bool empty() const { return waiting_ == 0; }
  /// The head of the line of the tenant that is next. Not when empty.
  Place First() const;

  /// Takes a place out of its line to run, charged to its tenant; unsettled until Release.
  ShareMark Start(Place place);
  /// As if a charge of an earlier run were unsettled here.
  void Occupy(TenantId tenant);
  void Release(const Charge& charge);
  /// Moves the tenant's tag by what `known` costs more or less than charge.work.
  void TrueUp(const Charge& charge, Work known);

  Int128 virtual_time() const { return queue_.virtual_time(); }
  Int128 TagOf(Place place) const { return queue_.TagOf(room_[place].flow); }
  /// Estimated work in all lines, milli-nt.
  Int128 waiting_work() const { return waiting_work_; }
  /// Flows whose state is kept, idle ones included.
  size_t FlowCount() const { return flow_of_.size(); }

  /// What a tenant finds that would join now.
  struct Outlook {
    Int128 ahead = 0;  // work in its own line, milli-nt
    int64_t own_weight = 1;
    int64_t all_weights = 1;  // of the backlogged tenants and itself
  };
  Outlook OutlookFor(TenantId tenant, int64_t weight) const;

  void CheckInvariants() const;

 private:
  using Flow = ShareQueue::Flow;
  static constexpr Flow kNoFlow = UINT32_MAX;

  struct TenantFlow {
    TenantId tenant;
    Line line;
    Int128 waiting_work = 0;
    int64_t unsettled = 0;
    bool idle = false;  // in the ring
    Flow previous = kNoFlow;
    Flow next = kNoFlow;
    bool Busy() const { return !line.empty() || unsettled > 0; }
  };

  Flow FlowOf(TenantId tenant, int64_t weight);
  void ReuseIdleFlows();
  void EnterRing(Flow flow);
  void LeaveRing(Flow flow);
  /// Keeps invariants 1 and 3 after the line or the unsettled dispatches of a flow changed.
  void Refresh(Flow flow);

  WaitingRoom& room_;
  ShareQueue queue_;
  absl::flat_hash_map<TenantId, Flow> flow_of_;
  std::vector<TenantFlow> flows_;  // by flow
  Flow oldest_idle_ = kNoFlow;
  Flow newest_idle_ = kNoFlow;
  int64_t waiting_ = 0;
  Int128 waiting_work_ = 0;
};

}  // namespace penstock::admission
