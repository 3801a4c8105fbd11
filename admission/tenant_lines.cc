#include "admission/tenant_lines.h"

namespace penstock::admission {

void TenantLines::Append(Place place) {
  Waiting& waiting = room_[place];
  const Flow flow = FlowOf(waiting.offer.tenant, waiting.offer.tenant_weight);
  queue_.SetWeight(flow, waiting.offer.tenant_weight);
  waiting.flow = flow;
  waiting.in_share = true;
  room_.Append(flows_[flow].line, &Waiting::share, place);
  flows_[flow].waiting_work += waiting.offer.work.count();
  waiting_work_ += waiting.offer.work.count();
  ++waiting_;
  Refresh(flow);
}

void TenantLines::Remove(Place place) {
  Waiting& waiting = room_[place];
  PENSTOCK_CHECK(waiting.in_share);
  waiting.in_share = false;
  TenantFlow& flow = flows_[waiting.flow];
  room_.Remove(flow.line, &Waiting::share, place);
  flow.waiting_work -= waiting.offer.work.count();
  waiting_work_ -= waiting.offer.work.count();
  --waiting_;
  Refresh(waiting.flow);
}

Place TenantLines::First() const { return flows_[queue_.First()].line.first; }

ShareMark TenantLines::Start(Place place) {
  const Waiting& waiting = room_[place];
  ++flows_[waiting.flow].unsettled;
  Remove(place);
  return queue_.Charge(waiting.flow, waiting.offer.work);
}

void TenantLines::Occupy(TenantId tenant) {
  const Flow flow = FlowOf(tenant, 1);
  ++flows_[flow].unsettled;
  Refresh(flow);
}

void TenantLines::Release(const Charge& charge) {
  const auto found = flow_of_.find(charge.tenant);
  PENSTOCK_CHECK(found != flow_of_.end() && flows_[found->second].unsettled > 0);
  --flows_[found->second].unsettled;
  queue_.Finish(found->second, charge.tenant_mark, charge.work);
  Refresh(found->second);
}

void TenantLines::TrueUp(const Charge& charge, Work known) {
  const bool refund = known < charge.work;
  if (refund && !flow_of_.contains(charge.tenant)) return;  // its tag has passed: nothing to give back
  const Flow flow = FlowOf(charge.tenant, charge.tenant_mark.weight > 0 ? charge.tenant_mark.weight : 1);
  // A truth that comes after the release is charged as if it were dispatched now, whether the state still lived or not.
  if (!refund && !flows_[flow].Busy()) queue_.Lift(flow);
  queue_.TrueUp(flow, charge.tenant_mark, charge.work, known);
}

TenantLines::Outlook TenantLines::OutlookFor(TenantId tenant, int64_t weight) const {
  Outlook outlook{.ahead = 0, .own_weight = weight, .all_weights = queue_.CompetingWeight() + weight};
  const auto found = flow_of_.find(tenant);
  if (found != flow_of_.end() && queue_.Competes(found->second)) {
    outlook.ahead = flows_[found->second].waiting_work;
    outlook.all_weights -= queue_.WeightOf(found->second);
  }
  return outlook;
}

TenantLines::Flow TenantLines::FlowOf(TenantId tenant, int64_t weight) {
  const auto found = flow_of_.find(tenant);
  if (found != flow_of_.end()) return found->second;
  ReuseIdleFlows();
  const Flow flow = queue_.AddFlow(weight);
  if (flow >= flows_.size()) flows_.resize(size_t{flow} + 1);
  flows_[flow] = TenantFlow{.tenant = tenant, .line = {}};
  flow_of_.emplace(tenant, flow);
  EnterRing(flow);
  return flow;
}

void TenantLines::ReuseIdleFlows() {
  for (int inspected = 0; inspected < 2 && oldest_idle_ != kNoFlow; ++inspected) {
    const Flow flow = oldest_idle_;
    LeaveRing(flow);
    if (queue_.TagOf(flow) > queue_.virtual_time()) {
      EnterRing(flow);  // still in debt: to the end of the ring
    } else {
      flow_of_.erase(flows_[flow].tenant);
      queue_.RemoveFlow(flow);
    }
  }
}

void TenantLines::EnterRing(Flow flow) {
  TenantFlow& entering = flows_[flow];
  entering.idle = true;
  entering.previous = newest_idle_;
  entering.next = kNoFlow;
  (newest_idle_ == kNoFlow ? oldest_idle_ : flows_[newest_idle_].next) = flow;
  newest_idle_ = flow;
}

void TenantLines::LeaveRing(Flow flow) {
  TenantFlow& leaving = flows_[flow];
  leaving.idle = false;
  (leaving.previous == kNoFlow ? oldest_idle_ : flows_[leaving.previous].next) = leaving.next;
  (leaving.next == kNoFlow ? newest_idle_ : flows_[leaving.next].previous) = leaving.previous;
}

void TenantLines::Refresh(Flow flow) {
  const TenantFlow& changed = flows_[flow];
  changed.line.empty() ? queue_.Leave(flow) : queue_.Join(flow);
  if (changed.Busy() && changed.idle) LeaveRing(flow);
  if (!changed.Busy() && !changed.idle) EnterRing(flow);
}

void TenantLines::CheckInvariants() const {
  queue_.CheckInvariants();
  int64_t waiting = 0;
  Int128 work = 0;
  for (const auto& [tenant, flow] : flow_of_) {
    const TenantFlow& state = flows_[flow];
    PENSTOCK_CHECK(state.tenant == tenant && state.idle == !state.Busy() && state.unsettled >= 0);
    PENSTOCK_CHECK(queue_.Competes(flow) == !state.line.empty());
    waiting += state.line.count;
    work += state.waiting_work;
  }
  PENSTOCK_CHECK(waiting == waiting_ && work == waiting_work_);
}

}  // namespace penstock::admission
