#include "admission/share_queue.h"

#include <algorithm>

namespace penstock::admission {

ShareQueue::Flow ShareQueue::AddFlow(int64_t weight) {
  PENSTOCK_CHECK(weight > 0);
  if (free_.empty()) {
    free_.push_back(static_cast<Flow>(flows_.size()));
    flows_.emplace_back();
  }
  const Flow flow = free_.back();
  free_.pop_back();
  flows_[flow] = State{.tag = virtual_time_, .weight = weight, .stay = ++stays_};
  return flow;
}

void ShareQueue::RemoveFlow(Flow flow) {
  PENSTOCK_CHECK(!Competes(flow));
  free_.push_back(flow);
}

void ShareQueue::SetWeight(Flow flow, int64_t weight) {
  PENSTOCK_CHECK(weight > 0);
  if (Competes(flow)) competing_weight_ += weight - flows_[flow].weight;
  flows_[flow].weight = weight;
}

void ShareQueue::Join(Flow flow) {
  if (Competes(flow)) return;
  Lift(flow);
  competing_.Push(flow, flows_[flow].tag);
  competing_weight_ += flows_[flow].weight;
}

void ShareQueue::Leave(Flow flow) {
  if (!Competes(flow)) return;
  competing_.Remove(flow);
  competing_weight_ -= flows_[flow].weight;
}

ShareMark ShareQueue::Charge(Flow flow, Work work) {
  State& state = flows_[flow];
  virtual_time_ = std::max(virtual_time_, state.tag);
  const ShareMark mark{.start = state.tag, .stay = state.stay, .weight = state.weight};
  state.tag += ChargeOf(work, state.weight);
  if (Competes(flow)) competing_.Update(flow, state.tag);
  return mark;
}

void ShareQueue::TrueUp(Flow flow, const ShareMark& mark, Work charged, Work known) {
  State& state = flows_[flow];
  const int64_t weight = mark.stay == 0 ? state.weight : mark.weight;
  const Int128 change = ChargeOf(known, weight) - ChargeOf(charged, weight);
  if (change < 0 && mark.stay != state.stay) return;
  state.tag += change;
  if (Competes(flow)) competing_.Update(flow, state.tag);
}

void ShareQueue::Finish(Flow flow, const ShareMark& mark, Work work) {
  if (mark.stay == 0) return;
  // A refund of other work may have moved the tag below the end that this work once had.
  Int128 end = std::min(mark.start + ChargeOf(work, mark.weight), flows_[flow].tag);
  if (!competing_.empty()) end = std::min(end, competing_.TopKey());
  virtual_time_ = std::max(virtual_time_, end);
}

void ShareQueue::Lift(Flow flow) {
  State& state = flows_[flow];
  if (state.tag >= virtual_time_) return;
  PENSTOCK_CHECK(!Competes(flow));
  state.tag = virtual_time_;
  state.stay = ++stays_;
}

void ShareQueue::CheckInvariants() const {
  competing_.CheckInvariants();
  int64_t weights = 0;
  for (Flow flow = 0; flow < flows_.size(); ++flow) {
    if (!Competes(flow)) continue;
    weights += flows_[flow].weight;
    PENSTOCK_CHECK(competing_.KeyOf(flow) == flows_[flow].tag);
  }
  PENSTOCK_CHECK(weights == competing_weight_);
}

}  // namespace penstock::admission
