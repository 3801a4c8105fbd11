#include "admission/key_lines.h"

#include <algorithm>

namespace penstock::admission {

KeyLines::Group KeyLines::AddGroup() {
  const Group group = groups_.Take();
  groups_[group] = KeyGroup{};
  return group;
}

bool KeyLines::ForgetIdle(Group group) {
  PENSTOCK_CHECK(groups_[group].root == kNoCell);
  for (int inspected = 0; inspected < 2; ++inspected) InspectIdle(group, true);
  if (groups_[group].flows > 0) return false;
  groups_.Free(group);
  return true;
}

void KeyLines::Adopt(Group group, KeyId key, int32_t weight, const Line& line) {
  const Flow flow = FlowOf(group, key, weight);
  flows_[flow].line = line;
  Join(groups_[group], flow);
}

void KeyLines::Append(Group group, Place place) {
  const Waiting& waiting = room_[place];
  const Flow flow = FlowOf(group, waiting.key, static_cast<int32_t>(waiting.key_weight));
  KeyFlow& to = flows_[flow];
  to.share.weight = static_cast<int32_t>(waiting.key_weight);
  const bool joins = to.line.empty();
  room_.Append(to.line, &Waiting::share, place);
  if (joins) Join(groups_[group], flow);
}

void KeyLines::Remove(Group group, Place place) {
  const Flow flow = Find(group, room_[place].key);
  room_.Remove(flows_[flow].line, &Waiting::share, place);
  if (!flows_[flow].line.empty()) return;
  Leave(groups_[group], flow);
  BecomeIdle(groups_[group], flow);
}

Place KeyLines::First(Group group) const {
  const Flow root = groups_[group].root;
  return root == kNoCell ? kNoPlace : flows_[root].line.first;
}

bool KeyLines::IsAlone(Group group) const {
  const KeyFlow& root = flows_[groups_[group].root];
  return root.child == kNoCell && root.line.first == root.line.last;
}

ShareMark KeyLines::Start(Group group, Place place) {
  KeyGroup& of = groups_[group];
  const Flow flow = of.root;
  KeyFlow& starting = flows_[flow];
  PENSTOCK_CHECK(starting.line.first == place);
  of.time.Follow(starting.share.tag());
  ++starting.unsettled;
  Leave(of, flow);
  const ShareMark mark = ChargeFlow(starting.share, Work(room_[place].work));
  room_.Remove(starting.line, &Waiting::share, place);
  if (!starting.line.empty()) of.root = Meld(of.root, flow);  // it never left, so it is not lifted
  return mark;
}

void KeyLines::Release(Group group, KeyId key) {
  const Flow flow = Find(group, key);
  KeyFlow& releasing = flows_[flow];
  PENSTOCK_CHECK(releasing.unsettled > 0);
  if (--releasing.unsettled > 0) return;
  KeyGroup& of = groups_[group];
  const Tag tag = releasing.share.tag();
  of.time.Follow(of.root == kNoCell ? tag : std::min(tag, flows_[of.root].share.tag()));
  BecomeIdle(of, flow);
}

void KeyLines::TrueUp(Group group, KeyId key, const ShareMark& mark, Work charged, Work known) {
  const auto found = flow_of_.find({group, key});
  if (found == flow_of_.end()) return;
  KeyGroup& of = groups_[group];
  KeyFlow& flow = flows_[found->second];
  const bool competes = !flow.line.empty();
  if (competes) Leave(of, found->second);
  TrueUpFlow(flow.share, mark, charged, known);
  if (competes) of.root = Meld(of.root, found->second);
}

size_t KeyLines::MemoryBytes() const {
  return flows_.MemoryBytes() + groups_.MemoryBytes() + flow_of_.capacity() * (sizeof(*flow_of_.begin()) + 1);
}

KeyLines::Flow KeyLines::Find(Group group, KeyId key) const {
  const auto found = flow_of_.find({group, key});
  PENSTOCK_CHECK(found != flow_of_.end());
  return found->second;
}

KeyLines::Flow KeyLines::FlowOf(Group group, KeyId key, int32_t weight) {
  const auto found = flow_of_.find({group, key});
  if (found != flow_of_.end()) return found->second;
  for (int inspected = 0; inspected < 2; ++inspected) InspectIdle(group, false);
  const Flow flow = flows_.Take();
  KeyFlow& entering = flows_[flow] = KeyFlow{};
  entering.key = key;
  entering.share.weight = weight;
  groups_[group].time.Lift(entering.share, stays_);
  ++groups_[group].flows;
  flow_of_.emplace(std::pair(group, key), flow);
  return flow;
}

void KeyLines::Join(KeyGroup& group, Flow flow) {
  group.time.Lift(flows_[flow].share, stays_);
  group.root = Meld(group.root, flow);
}

void KeyLines::Leave(KeyGroup& group, Flow flow) {
  KeyFlow& leaving = flows_[flow];
  const Flow below = MeldSiblings(leaving.child);
  leaving.child = kNoCell;
  if (group.root == flow) {
    group.root = below;
    return;
  }
  KeyFlow& before = flows_[leaving.previous];
  (before.child == flow ? before.child : before.next) = leaving.next;
  if (leaving.next != kNoCell) flows_[leaving.next].previous = leaving.previous;
  leaving.next = leaving.previous = kNoCell;
  group.root = Meld(group.root, below);
}

void KeyLines::BecomeIdle(KeyGroup& group, Flow flow) {
  KeyFlow& idle = flows_[flow];
  if (idle.Busy() || idle.queued) return;
  idle.queued = true;
  idle.next_idle = kNoCell;
  (group.newest_idle == kNoCell ? group.oldest_idle : flows_[group.newest_idle].next_idle) = flow;
  group.newest_idle = flow;
}

void KeyLines::InspectIdle(Group group, bool anyway) {
  KeyGroup& of = groups_[group];
  const Flow flow = of.oldest_idle;
  if (flow == kNoCell) return;
  KeyFlow& idle = flows_[flow];
  of.oldest_idle = idle.next_idle;
  if (of.oldest_idle == kNoCell) of.newest_idle = kNoCell;
  idle.queued = false;
  if (idle.Busy()) return;  // it will come again
  if (!anyway && idle.share.tag() > of.time.now()) {
    BecomeIdle(of, flow);  // still in debt: to the end of the line
    return;
  }
  flow_of_.erase({group, idle.key});
  flows_.Free(flow);
  --of.flows;
}

bool KeyLines::Less(Flow a, Flow b) const {
  const Tag of_a = flows_[a].share.tag();
  const Tag of_b = flows_[b].share.tag();
  return of_a < of_b || (of_a == of_b && a < b);
}

KeyLines::Flow KeyLines::Meld(Flow a, Flow b) {
  if (a == kNoCell || b == kNoCell) return a == kNoCell ? b : a;
  if (Less(b, a)) std::swap(a, b);
  KeyFlow& parent = flows_[a];
  flows_[b].previous = a;
  flows_[b].next = parent.child;
  if (parent.child != kNoCell) flows_[parent.child].previous = b;
  parent.child = b;
  return a;
}

KeyLines::Flow KeyLines::MeldSiblings(Flow first) {
  Flow pairs = kNoCell;  // melded pairs, the last first, by `next`
  while (first != kNoCell) {
    const Flow second = flows_[first].next;
    const Flow rest = second == kNoCell ? kNoCell : flows_[second].next;
    flows_[first].next = flows_[first].previous = kNoCell;
    if (second != kNoCell) flows_[second].next = flows_[second].previous = kNoCell;
    const Flow pair = Meld(first, second);
    flows_[pair].next = pairs;
    pairs = pair;
    first = rest;
  }
  Flow root = kNoCell;
  while (pairs != kNoCell) {
    const Flow rest = flows_[pairs].next;
    flows_[pairs].next = kNoCell;
    root = Meld(root, pairs);
    pairs = rest;
  }
  return root;
}

void KeyLines::CheckInvariants() const {
  PENSTOCK_CHECK(flow_of_.size() == flows_.used());
  for (const auto& [group_and_key, flow] : flow_of_) {
    const KeyFlow& of = flows_[flow];
    PENSTOCK_CHECK(of.key == group_and_key.second);
    PENSTOCK_CHECK(of.Busy() || of.queued);
    const Flow root = groups_[group_and_key.first].root;
    if (!of.line.empty()) PENSTOCK_CHECK(flow == root || (of.previous != kNoCell && !Less(flow, root)));
    if (of.line.empty()) PENSTOCK_CHECK(flow != root && of.child == kNoCell && of.previous == kNoCell);
  }
}

}  // namespace penstock::admission
