#include "admission/tagged_heap.h"

namespace penstock::admission {

void TaggedHeap::Push(Item item, Key key) {
  PENSTOCK_CHECK(!Contains(item) && key >> 96 == 0);
  if (item >= positions_.size()) GrowTo(positions_, size_t{item} + 1, kAbsent);
  const size_t last = kRoot + size_;
  if (last >= entries_.size()) GrowTo(entries_, (last / kLine + 1) * kLine, kNothing);
  ++size_;
  SiftUp(last, EntryOf(item, key));
}

void TaggedHeap::Update(Item item, Key key) {
  PENSTOCK_CHECK(key >> 96 == 0);
  Replace(PositionOf(item), EntryOf(item, key));
}

void TaggedHeap::Remove(Item item) {
  const size_t hole = PositionOf(item);
  --size_;
  const size_t last = kRoot + size_;
  const Entry moved = entries_[last];
  if (hole != last) Replace(hole, moved);
  entries_[last] = kNothing;
  positions_[item] = kAbsent;
}

void TaggedHeap::Replace(size_t at, Entry entry) {
  entry < entries_[at] ? SiftUp(at, entry) : SiftDown(at, entry);  // no look at the parent: what was here was not less
}

void TaggedHeap::SiftUp(size_t hole, Entry entry) {
  while (hole > kRoot) {
    const size_t parent = ParentOf(hole);
    if (!(entry < entries_[parent])) break;
    Put(hole, entries_[parent]);
    hole = parent;
  }
  Put(hole, entry);
}

void TaggedHeap::SiftDown(size_t hole, Entry entry) {
  const size_t end = kRoot + size_;
  while (true) {
    const size_t first = ChildrenOf(hole);
    if (first >= end) break;
    // The four grandchildren lines lie together: load them while the children are compared.
    const Entry* line = &entries_[first];
    const size_t below = ChildrenOf(first);
    if (below < end) {
      for (size_t i = 0; i < kLine; ++i) StartToLoad(entries_.data() + below + i * kLine);
    }
    const size_t a = line[1] < line[0] ? 1 : 0;
    const size_t b = line[3] < line[2] ? 3 : 2;
    const size_t least = line[b] < line[a] ? b : a;
    if (!(line[least] < entry)) break;
    Put(hole, line[least]);
    hole = first + least;
  }
  Put(hole, entry);
}

void TaggedHeap::CheckInvariants() const {
  for (size_t at = kRoot; at < entries_.size(); ++at) {
    if (at >= kRoot + size_) {
      PENSTOCK_CHECK(entries_[at] == kNothing);
      continue;
    }
    PENSTOCK_CHECK(PositionOf(static_cast<Item>(entries_[at])) == at);
    PENSTOCK_CHECK(at == kRoot || entries_[ParentOf(at)] < entries_[at]);
  }
}

void DeadlineHeap::CheckInvariants() const {
  heap_.CheckInvariants();
  PENSTOCK_CHECK(removed_ == kNone || (heap_.Contains(removed_) && heap_.Top() != removed_));
}

}  // namespace penstock::admission
