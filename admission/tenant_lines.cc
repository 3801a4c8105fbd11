#include "admission/tenant_lines.h"

#include <algorithm>

namespace penstock::admission {

void TenantLines::Append(TenantId tenant, int32_t weight, Place place) {
  const Flow flow = FlowOf(tenant, weight);
  TenantFlow& to = flows_[flow];
  Waiting& waiting = room_[place];
  const bool joins = to.line.empty();
  if (!joins) competing_weight_ += weight - to.share.weight;
  to.share.weight = weight;
  waiting.flow = flow;
  waiting.in_share = true;
  AppendToLine(to, place);
  const auto work = static_cast<uint64_t>(waiting.work);
  to.waiting_work = Packed96(to.waiting_work.value() + work);
  waiting_work_ += work;
  if (joins) Join(flow);
}

void TenantLines::Remove(Place place) {
  Waiting& waiting = room_[place];
  PENSTOCK_CHECK(waiting.in_share);
  waiting.in_share = false;
  const Flow flow = waiting.flow;
  TenantFlow& from = flows_[flow];
  RemoveFromLine(from, place);
  const auto work = static_cast<uint64_t>(waiting.work);
  from.waiting_work = Packed96(from.waiting_work.value() - work);
  waiting_work_ -= work;
  if (!from.line.empty()) return;
  Leave(flow);
  BecomeIdle(flow);
}

void TenantLines::AppendToLine(TenantFlow& flow, Place place) {
  const KeyId key = room_[place].key;
  if (flow.keys == kNoCell && !flow.line.empty() && key != flow.key) {
    const auto weight = static_cast<int32_t>(room_[flow.line.last].key_weight);
    flow.keys = keys_.AddGroup();
    keys_.Adopt(flow.keys, flow.key, weight, flow.line);
  }
  if (flow.keys == kNoCell) {
    flow.key = key;
    room_.Append(flow.line, &Waiting::share, place);
  } else {
    keys_.Append(flow.keys, place);
    flow.line.first = keys_.First(flow.keys);
  }
}

void TenantLines::RemoveFromLine(TenantFlow& flow, Place place) {
  if (flow.keys == kNoCell) {
    room_.Remove(flow.line, &Waiting::share, place);
  } else {
    keys_.Remove(flow.keys, place);
    flow.line.first = keys_.First(flow.keys);
  }
}

bool TenantLines::ShedsFirst(Duration target, Duration interval, Instant now) {
  const Flow flow = competing_.Top();
  const TenantFlow& first = flows_[flow];
  if (flow >= codel_.size()) GrowTo(codel_, size_t{flow} + 1, Codel());
  const bool alone = first.keys == kNoCell ? first.line.first == first.line.last : keys_.IsAlone(first.keys);
  return codel_[flow].Sheds(now - room_[first.line.first].since, alone, target, interval, now);
}

void TenantLines::Start(Place place, Charge& charge, DispatchReason& reason) {
  Waiting& waiting = room_[place];
  const Flow flow = waiting.flow;
  TenantFlow& starting = flows_[flow];
  PENSTOCK_CHECK(competing_.Top() == flow && starting.line.first == place && waiting.in_share);
  time_.Follow(starting.share.tag());
  charge.tenant = starting.tenant;
  reason.tenant_tag = WholeUnits(starting.share.tag());
  reason.tenant_virtual_time = WholeUnits(time_.now());
  charge.tenant_mark = ChargeFlow(starting.share, Work(waiting.work));
  ++starting.unsettled;
  waiting.in_share = false;
  if (starting.keys == kNoCell) {
    room_.Remove(starting.line, &Waiting::share, place);
  } else {
    reason.key_tag = WholeUnits(keys_.TagOf(starting.keys, place));
    charge.key_mark = keys_.Start(starting.keys, place);
    reason.key_virtual_time = WholeUnits(keys_.virtual_time(starting.keys));
    starting.line.first = keys_.First(starting.keys);
  }
  const auto work = static_cast<uint64_t>(waiting.work);
  starting.waiting_work = Packed96(starting.waiting_work.value() - work);
  waiting_work_ -= work;
  starting.line.empty() ? Leave(flow) : competing_.Update(flow, starting.share.tag());
}

void TenantLines::Occupy(TenantId tenant) { ++flows_[FlowOf(tenant, 1)].unsettled; }

void TenantLines::Release(const Charge& charge) {
  const Flow flow = Find(charge.tenant);
  PENSTOCK_CHECK(flow != kNoCell && flows_[flow].unsettled > 0);
  TenantFlow& releasing = flows_[flow];
  if (charge.key_mark.stay != 0) keys_.Release(releasing.keys, charge.key);
  if (--releasing.unsettled > 0) return;
  const Tag tag = releasing.share.tag();
  if (charge.tenant_mark.stay != 0) time_.Follow(competing_.empty() ? tag : std::min(tag, competing_.TopKey()));
  BecomeIdle(flow);
}

void TenantLines::TrueUp(const Charge& charge, Work known) {
  Flow flow = Find(charge.tenant);
  const bool refund = known < charge.work;
  if (flow == kNoCell && refund) return;  // its tag has passed: nothing to give back
  if (flow == kNoCell) {
    flow = FlowOf(charge.tenant, charge.tenant_mark.weight > 0 ? charge.tenant_mark.weight : 1);
    BecomeIdle(flow);
  }
  TenantFlow& of = flows_[flow];
  // A truth that comes after the release is charged as if it were dispatched now, whether the state still lived or not.
  if (!refund && !of.Busy()) time_.Lift(of.share, stays_);
  TrueUpFlow(of.share, charge.tenant_mark, charge.work, known);
  if (!of.line.empty()) competing_.Update(flow, of.share.tag());
  if (of.keys == kNoCell) return;
  keys_.TrueUp(of.keys, charge.key, charge.key_mark, charge.work, known);
  of.line.first = keys_.First(of.keys);
}

size_t TenantLines::MemoryBytes() const {
  return keys_.MemoryBytes() + competing_.MemoryBytes() + flow_of_.capacity() * sizeof(Flow) + flows_.MemoryBytes() +
         codel_.capacity() * sizeof(Codel);
}

void TenantLines::Prefetch(TenantId tenant) const {
  const Flow flow = Find(tenant);
  if (flow == kNoCell) return;
  StartToLoad(&flows_[flow]);
  competing_.PrefetchPosition(flow);
}

void TenantLines::PrefetchFirst() const {
  if (!competing_.empty()) StartToLoad(&flows_[competing_.Top()]);
}

TenantLines::Outlook TenantLines::OutlookFor(TenantId tenant, int64_t weight) const {
  Outlook outlook{.ahead = 0, .own_weight = weight, .all_weights = competing_weight_ + weight};
  const Flow flow = Find(tenant);
  if (flow != kNoCell && !flows_[flow].line.empty()) {
    outlook.ahead = static_cast<Int128>(flows_[flow].waiting_work.value());
    outlook.all_weights -= flows_[flow].share.weight;
  }
  return outlook;
}

TenantLines::Flow TenantLines::FlowOf(TenantId tenant, int32_t weight) {
  if (const Flow flow = Find(tenant); flow != kNoCell) return flow;
  for (int inspected = 0; inspected < 2; ++inspected) InspectIdle();
  const Flow flow = flows_.Take();
  TenantFlow& entering = flows_[flow] = TenantFlow{};
  entering.tenant = tenant;
  entering.share.weight = weight;
  time_.Lift(entering.share, stays_);
  if (flow < codel_.size()) codel_[flow] = Codel();
  if (tenant.value >= flow_of_.size()) GrowTo(flow_of_, size_t{tenant.value} + 1, kNoCell);
  flow_of_[tenant.value] = flow;
  return flow;
}

void TenantLines::Join(Flow flow) {
  TenantFlow& joining = flows_[flow];
  time_.Lift(joining.share, stays_);
  competing_.Push(flow, joining.share.tag());
  competing_weight_ += joining.share.weight;
}

void TenantLines::Leave(Flow flow) {
  competing_.Remove(flow);
  competing_weight_ -= flows_[flow].share.weight;
}

void TenantLines::BecomeIdle(Flow flow) {
  TenantFlow& idle = flows_[flow];
  if (idle.Busy() || idle.next_idle != kNotQueued) return;
  idle.next_idle = kNoCell;
  (newest_idle_ == kNoCell ? oldest_idle_ : flows_[newest_idle_].next_idle) = flow;
  newest_idle_ = flow;
}

void TenantLines::InspectIdle() {
  const Flow flow = oldest_idle_;
  if (flow == kNoCell) return;
  TenantFlow& idle = flows_[flow];
  oldest_idle_ = idle.next_idle;
  if (oldest_idle_ == kNoCell) newest_idle_ = kNoCell;
  idle.next_idle = kNotQueued;
  if (idle.Busy()) return;  // it will come again
  const bool in_debt = idle.share.tag() > time_.now();
  if (in_debt || (idle.keys != kNoCell && !keys_.ForgetIdle(idle.keys))) {
    BecomeIdle(flow);  // to the end of the line
    return;
  }
  flow_of_[idle.tenant.value] = kNoCell;
  flows_.Free(flow);
}

void TenantLines::CheckInvariants() const {
  competing_.CheckInvariants();
  keys_.CheckInvariants();
  Uint128 work = 0;
  int64_t weights = 0;
  size_t known = 0;
  for (uint32_t tenant = 0; tenant < flow_of_.size(); ++tenant) {
    const Flow flow = flow_of_[tenant];
    if (flow == kNoCell) continue;
    ++known;
    const TenantFlow& of = flows_[flow];
    PENSTOCK_CHECK(of.tenant.value == tenant && (of.Busy() || of.next_idle != kNotQueued));
    PENSTOCK_CHECK(competing_.Contains(flow) == !of.line.empty());
    if (!of.line.empty()) {
      PENSTOCK_CHECK(competing_.KeyOf(flow) == of.share.tag());
      weights += of.share.weight;
    } else {
      PENSTOCK_CHECK(of.waiting_work.value() == 0);
    }
    if (of.keys != kNoCell) PENSTOCK_CHECK(of.line.first == keys_.First(of.keys));
    work += of.waiting_work.value();
  }
  PENSTOCK_CHECK(known == flows_.used() && weights == competing_weight_);
  PENSTOCK_CHECK(static_cast<Int128>(work) == waiting_work_);
}

}  // namespace penstock::admission
