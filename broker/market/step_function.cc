#include "broker/market/step_function.h"

#include <algorithm>

#include "admission/vocabulary/check.h"

namespace penstock::market {
namespace {

// Nodes that are built from a list leave some room, so that the next changes do not split every one of them.
constexpr size_t BuiltSize(size_t capacity) { return capacity - capacity / 8; }

template <class T>
void OpenGap(T& items, size_t size, size_t at) {
  std::move_backward(items.data() + at, items.data() + size, items.data() + size + 1);
}

template <class T>
void CloseGap(T& items, size_t size, size_t at, size_t count) {
  std::move(items.data() + at + count, items.data() + size, items.data() + at);
}

template <class T>
void MoveTail(T& from, size_t first, size_t size, T& to, size_t at) {
  std::move(from.data() + first, from.data() + size, to.data() + at);
}

}  // namespace

template <class T>
StepFunction::Node StepFunction::Pool<T>::Add() {
  if (free_.empty()) {
    nodes_.emplace_back();
    return static_cast<Node>(nodes_.size() - 1);
  }
  const Node node = free_.back();
  free_.pop_back();
  nodes_[node].size = 0;
  return node;
}

StepFunction::StepFunction() : root_(leaves_.Add()) {}

StepFunction::StepFunction(std::vector<Change> changes) {
  std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) { return a.from < b.from; });
  struct Child {
    Node node;
    Instant first;
  };
  std::vector<Child> level;
  for (size_t i = 0; i < changes.size();) {
    Change sum = changes[i++];
    while (i < changes.size() && changes[i].from == sum.from) sum.by = sum.by + changes[i++].by;
    if (sum.by == Amounts{} || sum.from == Instant::Max()) continue;
    if (level.empty() || leaves_[level.back().node].size == BuiltSize(kLeafChanges)) {
      level.push_back({leaves_.Add(), sum.from});
    }
    Leaf& leaf = leaves_[level.back().node];
    leaf.at[leaf.size] = sum.from;
    leaf.by[leaf.size++] = sum.by;
    ++changes_;
  }
  if (level.empty()) level.push_back({leaves_.Add(), begin_});
  for (; level.size() > 1; ++height_) {
    std::vector<Child> above;
    for (const Child& child : level) {
      if (above.empty() || branches_[above.back().node].size == BuiltSize(kChildren)) {
        above.push_back({branches_.Add(), child.first});
      }
      Branch& branch = branches_[above.back().node];
      branch.child[branch.size] = child.node;
      branch.first[branch.size] = child.first;
      branch.summary[branch.size++] = SummaryOf(child.node, height_);
    }
    level = std::move(above);
  }
  root_ = level.front().node;
}

StepFunction::Summary StepFunction::SummaryOf(Node node, int height) const {
  Summary of;
  if (height == 0) {
    const Leaf& leaf = leaves_[node];
    for (size_t i = 0; i < leaf.size; ++i) {
      of.sum = of.sum + leaf.by[i];
      of.least = i == 0 ? of.sum : LesserOf(of.least, of.sum);
      of.greatest = i == 0 ? of.sum : GreaterOf(of.greatest, of.sum);
    }
    return of;
  }
  const Branch& branch = branches_[node];
  for (size_t i = 0; i < branch.size; ++i) {
    const Summary& child = branch.summary[i];
    const Amounts least = of.sum + child.least;
    const Amounts greatest = of.sum + child.greatest;
    of.least = i == 0 ? least : LesserOf(of.least, least);
    of.greatest = i == 0 ? greatest : GreaterOf(of.greatest, greatest);
    of.sum = of.sum + child.sum;
  }
  return of;
}

// ---- Changes.

void StepFunction::Add(const Change& change) {
  if (change.by == Amounts{} || change.from == Instant::Max()) return;
  if (change.from <= begin_) {
    value_at_begin_ = value_at_begin_ + change.by;
    return;
  }
  if (SizeOf(root_, height_) == CapacityAt(height_)) {
    const Node old_root = root_;
    root_ = branches_.Add();
    Branch& branch = branches_[root_];
    branch.size = 1;
    branch.child[0] = old_root;
    SplitChild(branch, 0, height_++);
  }
  AddBelow(root_, height_, change);
  TidyRoot();
}

size_t StepFunction::ChildFor(const Branch& branch, Instant t) {
  size_t i = 1;
  while (i < branch.size && branch.first[i] <= t) ++i;
  return i - 1;
}

// There is room in the node for one more.
void StepFunction::AddBelow(Node node, int height, const Change& change) {
  if (height == 0) return AddToLeaf(leaves_[node], change);
  Branch& branch = branches_[node];
  size_t i = ChildFor(branch, change.from);
  if (SizeOf(branch.child[i], height - 1) == CapacityAt(height - 1)) {
    SplitChild(branch, i, height - 1);
    if (branch.first[i + 1] <= change.from) ++i;
  }
  AddBelow(branch.child[i], height - 1, change);
  TidyChild(branch, i, height - 1);
}

void StepFunction::AddToLeaf(Leaf& leaf, const Change& change) {
  const auto place = std::lower_bound(leaf.at.data(), leaf.at.data() + leaf.size, change.from);
  const auto i = static_cast<size_t>(place - leaf.at.data());
  if (i == leaf.size || leaf.at[i] != change.from) {
    OpenGap(leaf.at, leaf.size, i);
    OpenGap(leaf.by, leaf.size, i);
    leaf.at[i] = change.from;
    leaf.by[i] = change.by;
    ++leaf.size;
    ++changes_;
    return;
  }
  leaf.by[i] = leaf.by[i] + change.by;
  if (leaf.by[i] != Amounts{}) return;
  CloseGap(leaf.at, leaf.size, i, 1);
  CloseGap(leaf.by, leaf.size, i, 1);
  --leaf.size;
  --changes_;
}

// A full child becomes two halves; the branch has room.
void StepFunction::SplitChild(Branch& branch, size_t i, int child_height) {
  const Node left = branch.child[i];
  const size_t half = CapacityAt(child_height) / 2;
  Node right = 0;
  Instant separator;
  if (child_height == 0) {
    right = leaves_.Add();
    Leaf& from = leaves_[left];
    Leaf& to = leaves_[right];
    MoveTail(from.at, half, from.size, to.at, 0);
    MoveTail(from.by, half, from.size, to.by, 0);
    to.size = from.size - half;
    from.size = half;
    separator = to.at[0];
  } else {
    right = branches_.Add();
    Branch& from = branches_[left];
    Branch& to = branches_[right];
    MoveTail(from.child, half, from.size, to.child, 0);
    MoveTail(from.first, half, from.size, to.first, 0);
    MoveTail(from.summary, half, from.size, to.summary, 0);
    to.size = from.size - half;
    from.size = half;
    separator = to.first[0];
  }
  OpenGap(branch.child, branch.size, i + 1);
  OpenGap(branch.first, branch.size, i + 1);
  OpenGap(branch.summary, branch.size, i + 1);
  ++branch.size;
  branch.child[i + 1] = right;
  branch.first[i + 1] = separator;
  branch.summary[i] = SummaryOf(left, child_height);
  branch.summary[i + 1] = SummaryOf(right, child_height);
}

// After something has changed below child i.
void StepFunction::TidyChild(Branch& branch, size_t i, int child_height) {
  const size_t size = SizeOf(branch.child[i], child_height);
  if (size == 0) {
    Release(branch.child[i], child_height);
    RemoveChildren(branch, i, 1);
    return;
  }
  branch.summary[i] = SummaryOf(branch.child[i], child_height);
  const size_t half = CapacityAt(child_height) / 2;
  if (size >= half) return;
  if (i + 1 < branch.size && size + SizeOf(branch.child[i + 1], child_height) <= half) {
    MergeWithNext(branch, i, child_height);
  }
  if (i > 0 && SizeOf(branch.child[i - 1], child_height) + SizeOf(branch.child[i], child_height) <= half) {
    MergeWithNext(branch, i - 1, child_height);
  }
}

void StepFunction::MergeWithNext(Branch& branch, size_t i, int child_height) {
  const Node right = branch.child[i + 1];
  if (child_height == 0) {
    Leaf& to = leaves_[branch.child[i]];
    Leaf& from = leaves_[right];
    MoveTail(from.at, 0, from.size, to.at, to.size);
    MoveTail(from.by, 0, from.size, to.by, to.size);
    to.size += from.size;
    leaves_.Remove(right);
  } else {
    Branch& to = branches_[branch.child[i]];
    Branch& from = branches_[right];
    from.first[0] = branch.first[i + 1];
    MoveTail(from.child, 0, from.size, to.child, to.size);
    MoveTail(from.first, 0, from.size, to.first, to.size);
    MoveTail(from.summary, 0, from.size, to.summary, to.size);
    const size_t seam = to.size;
    to.size += from.size;
    branches_.Remove(right);
    const size_t pair = SizeOf(to.child[seam - 1], child_height - 1) + SizeOf(to.child[seam], child_height - 1);
    if (pair <= CapacityAt(child_height - 1) / 2) MergeWithNext(to, seam - 1, child_height - 1);
  }
  RemoveChildren(branch, i + 1, 1);
  branch.summary[i] = SummaryOf(branch.child[i], child_height);
}

void StepFunction::RemoveChildren(Branch& branch, size_t from, size_t count) {
  CloseGap(branch.child, branch.size, from, count);
  CloseGap(branch.first, branch.size, from, count);
  CloseGap(branch.summary, branch.size, from, count);
  branch.size -= count;
}

void StepFunction::TidyRoot() {
  while (height_ > 0 && branches_[root_].size == 1) {
    const Node only = branches_[root_].child[0];
    branches_.Remove(root_);
    root_ = only;
    --height_;
  }
  if (height_ == 0 || branches_[root_].size > 0) return;
  branches_.Remove(root_);
  root_ = leaves_.Add();
  height_ = 0;
}

void StepFunction::ForgetBefore(Instant t) {
  if (t <= begin_) return;
  ForgetBelow(root_, height_, t);
  TidyRoot();
  begin_ = t;
}

// Takes what changes up to t into the value at the beginning.
void StepFunction::ForgetBelow(Node node, int height, Instant t) {
  if (height == 0) {
    Leaf& leaf = leaves_[node];
    size_t past = 0;
    for (; past < leaf.size && leaf.at[past] <= t; ++past) value_at_begin_ = value_at_begin_ + leaf.by[past];
    CloseGap(leaf.at, leaf.size, 0, past);
    CloseGap(leaf.by, leaf.size, 0, past);
    leaf.size -= past;
    changes_ -= past;
    return;
  }
  Branch& branch = branches_[node];
  const size_t past = ChildFor(branch, t);
  for (size_t i = 0; i < past; ++i) {
    value_at_begin_ = value_at_begin_ + branch.summary[i].sum;
    Release(branch.child[i], height - 1);
  }
  RemoveChildren(branch, 0, past);
  ForgetBelow(branch.child[0], height - 1, t);
  TidyChild(branch, 0, height - 1);
}

// The node and all below it may be used again.
void StepFunction::Release(Node node, int height) {
  if (height == 0) {
    changes_ -= leaves_[node].size;
    leaves_.Remove(node);
    return;
  }
  const Branch& branch = branches_[node];
  for (size_t i = 0; i < branch.size; ++i) Release(branch.child[i], height - 1);
  branches_.Remove(node);
}

// ---- Questions.

// Visits the changes after `from`, in order, with the values before and after each. The visitor passes over subtrees
// that lie after `from` as a whole (`Skips`: all changes below are before `end`, `value` is what holds before the
// first) and says when it has seen enough (`Visit` is false). Then `value` is what holds just before the change that it
// stopped at, else what holds at last. What lies below this node is in [first, end).
template <class Visitor>
bool StepFunction::Walk(Node node, int height, Instant first, Instant end, Instant from, Amounts& value,
                        Visitor& visitor) const {
  if (height == 0) {
    const Leaf& leaf = leaves_[node];
    for (size_t i = 0; i < leaf.size; ++i) {
      const Amounts after = value + leaf.by[i];
      if (leaf.at[i] > from && !visitor.Visit(leaf.at[i], value, after)) return false;
      value = after;
    }
    return true;
  }
  const Branch& branch = branches_[node];
  for (size_t i = 0; i < branch.size; ++i) {
    const Instant child_first = i == 0 ? first : branch.first[i];
    const Instant child_end = i + 1 < branch.size ? branch.first[i + 1] : end;
    const Summary& summary = branch.summary[i];
    if (child_end <= from || (child_first > from && visitor.Skips(child_end, value, summary.least, summary.greatest))) {
      value = value + summary.sum;
    } else if (!Walk(branch.child[i], height - 1, child_first, child_end, from, value, visitor)) {
      return false;
    }
  }
  return true;
}

template <class Visitor>
Amounts StepFunction::WalkFrom(Instant from, Visitor& visitor) const {
  PENSTOCK_CHECK(from >= begin_ && from < Instant::Max());
  Amounts value = value_at_begin_;
  Walk(root_, height_, begin_, Instant::Max(), from, value, visitor);
  return value;
}

namespace {

struct NextChange {
  bool Skips(Instant, const Amounts&, const Amounts&, const Amounts&) { return false; }
  bool Visit(Instant at, const Amounts&, const Amounts&) {
    found = at;
    return false;
  }
  Instant found = Instant::Max();
};

// The least of the values before all changes up to the first one that is not before `to`.
struct Least {
  bool Skips(Instant end, const Amounts& before, const Amounts& of_sums, const Amounts&) {
    if (end > to) return false;
    least = LesserOf(least, LesserOf(before, before + of_sums));
    return true;
  }
  bool Visit(Instant at, const Amounts& before, const Amounts&) {
    least = LesserOf(least, before);
    return at < to;
  }
  Instant to;
  Amounts least{INT64_MAX, INT64_MAX, INT64_MAX};
};

// Where each resource first is as low as that. The value before a change holds since the change before; where that one
// was passed over, the value is no news.
struct FirstAsLow {
  bool Skips(Instant, const Amounts& before, const Amounts& of_sums, const Amounts&) {
    Note(before);
    const Amounts lowest = before + of_sums;
    return !(IsNew(rate, lowest.rate) || IsNew(slots, lowest.slots) || IsNew(kv, lowest.kv));
  }
  bool Visit(Instant at, const Amounts& before, const Amounts&) {
    Note(before);
    since = at;
    return !(rate.found && slots.found && kv.found);
  }
  void Note(const Amounts& value) {
    Note(rate, value.rate);
    Note(slots, value.slots);
    Note(kv, value.kv);
  }

  struct Resource {
    LeastPoint least;
    bool found = false;
  };
  static bool IsNew(const Resource& resource, int64_t amount) {
    return !resource.found && amount <= resource.least.amount;
  }
  void Note(Resource& resource, int64_t amount) {
    if (!IsNew(resource, amount)) return;
    resource.least.at = since;
    resource.found = true;
  }
  Instant since;
  Resource rate;
  Resource slots;
  Resource kv;
};

// Follows the value from stretch to stretch: covered, short, covered again...
struct Stretches {
  bool Skips(Instant, const Amounts& before, const Amounts& least, const Amounts& greatest) {
    return since ? (before + least).Covers(wanted) : !(before + greatest).Covers(wanted);
  }
  bool Visit(Instant at, const Amounts&, const Amounts& value) {
    if (since ? at - *since >= length : at > not_after) return false;
    if (!value.Covers(wanted)) {
      since.reset();
    } else if (!since) {
      since = at;
    }
    return true;
  }
  Instant not_after;
  Duration length;
  Amounts wanted;
  std::optional<Instant> since;  // covered since then; nothing: short
};

}  // namespace

StepFunction::Step StepFunction::StepAt(Instant t) const {
  NextChange next;
  const Amounts value = WalkFrom(t, next);
  return {value, next.found};
}

Amounts StepFunction::LeastIn(Instant from, Instant to) const {
  PENSTOCK_CHECK(from < to);
  Least least{.to = to};
  const Amounts last = WalkFrom(from, least);
  return LesserOf(least.least, last);
}

LeastPoints StepFunction::LeastPointsIn(Instant from, Instant to) const {
  const Amounts least = LeastIn(from, to);
  FirstAsLow low{.since = from, .rate = {{least.rate, {}}}, .slots = {{least.slots, {}}}, .kv = {{least.kv, {}}}};
  low.Note(WalkFrom(from, low));
  PENSTOCK_CHECK(low.rate.found && low.slots.found && low.kv.found);
  return {low.rate.least, low.slots.least, low.kv.least};
}

std::optional<Instant> StepFunction::FirstCovered(Instant not_before, Instant not_after, Duration length,
                                                  const Amounts& wanted) const {
  PENSTOCK_CHECK(not_before <= not_after && length > Duration());
  Stretches stretches{.not_after = not_after, .length = length, .wanted = wanted, .since = {}};
  if (At(not_before).Covers(wanted)) stretches.since = not_before;
  WalkFrom(not_before, stretches);
  return stretches.since;
}

// ---- For tests.

size_t StepFunction::MemoryBytes() const { return leaves_.MemoryBytes() + branches_.MemoryBytes(); }

void StepFunction::CheckInvariants() const {
  size_t nodes = 0;
  PENSTOCK_CHECK(CheckBelow(root_, height_, begin_, Instant::Max(), nodes) == changes_);
  PENSTOCK_CHECK(nodes == leaves_.used() + branches_.used());
  PENSTOCK_CHECK(height_ == 0 || branches_[root_].size > 1);
}

// How many changes there are below; counts the nodes.
size_t StepFunction::CheckBelow(Node node, int height, Instant from, Instant to, size_t& nodes) const {
  ++nodes;
  const size_t size = SizeOf(node, height);
  PENSTOCK_CHECK(size <= CapacityAt(height));
  PENSTOCK_CHECK(size > 0 || (height == 0 && height_ == 0));
  if (height == 0) {
    const Leaf& leaf = leaves_[node];
    for (size_t i = 0; i < size; ++i) {
      PENSTOCK_CHECK(leaf.at[i] >= from && leaf.at[i] > begin_ && leaf.at[i] < to);
      PENSTOCK_CHECK(i == 0 || leaf.at[i - 1] < leaf.at[i]);
      PENSTOCK_CHECK(leaf.by[i] != Amounts{});
    }
    return size;
  }
  const Branch& branch = branches_[node];
  size_t changes = 0;
  for (size_t i = 0; i < size; ++i) {
    const Instant child_from = i == 0 ? from : branch.first[i];
    const Instant child_to = i + 1 < size ? branch.first[i + 1] : to;
    PENSTOCK_CHECK(child_from <= child_to && branch.summary[i] == SummaryOf(branch.child[i], height - 1));
    changes += CheckBelow(branch.child[i], height - 1, child_from, child_to, nodes);
    if (i == 0) continue;
    const size_t pair = SizeOf(branch.child[i - 1], height - 1) + SizeOf(branch.child[i], height - 1);
    PENSTOCK_CHECK(pair > CapacityAt(height - 1) / 2);
  }
  return changes;
}

}  // namespace penstock::market
