// An indexed heap: small dense items under keys that can be changed or removed in O(log n).
//
//   1. four children a node, children of i at 4i+1 .. 4i+4: shallower than a binary heap, a node's children lie
//   together
//   2. no entry is less than its parent; entries are ordered by key, equal keys by item, so the order is total
//   3. positions_[item] is where the item's entry lies, or kAbsent
//
// Items are slab indices: positions_ is as long as the largest item seen. Nothing is allocated once it has grown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "admission/vocabulary/check.h"

namespace penstock::admission {

template <class Key>
class TaggedHeap {
 public:
  using Item = uint32_t;

  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }
  bool Contains(Item item) const { return item < positions_.size() && positions_[item] != kAbsent; }

  /// The item with the least key. Not when empty.
  Item Top() const { return First().item; }
  const Key& TopKey() const { return First().key; }
  /// The key of an item that is contained.
  const Key& KeyOf(Item item) const { return entries_[PositionOf(item)].key; }

  /// Adds an item that is not contained.
  void Push(Item item, const Key& key) {
    PENSTOCK_CHECK(!Contains(item));
    if (item >= positions_.size()) positions_.resize(size_t{item} + 1, kAbsent);
    entries_.push_back(Entry{key, item});
    SiftUp(entries_.size() - 1, Entry{key, item});
  }

  /// Changes the key of an item that is contained.
  void Update(Item item, const Key& key) { Settle(PositionOf(item), Entry{key, item}); }

  /// Removes an item that is contained.
  void Remove(Item item) {
    const size_t hole = PositionOf(item);
    const Entry last = entries_.back();
    entries_.pop_back();
    positions_[item] = kAbsent;
    if (hole < entries_.size()) Settle(hole, last);
  }

  /// Crashes if an invariant does not hold. O(n).
  void CheckInvariants() const {
    for (size_t i = 0; i < entries_.size(); ++i) {
      PENSTOCK_CHECK(PositionOf(entries_[i].item) == i);
      PENSTOCK_CHECK(i == 0 || Less(entries_[(i - 1) / kChildren], entries_[i]));
    }
  }

 private:
  struct Entry {
    Key key;
    Item item;
  };
  static constexpr uint32_t kAbsent = UINT32_MAX;
  static constexpr size_t kChildren = 4;

  static bool Less(const Entry& a, const Entry& b) { return a.key < b.key || (a.key == b.key && a.item < b.item); }

  const Entry& First() const {
    PENSTOCK_CHECK(!entries_.empty());
    return entries_.front();
  }

  size_t PositionOf(Item item) const {
    PENSTOCK_CHECK(Contains(item));
    return positions_[item];
  }

  void Put(size_t at, const Entry& entry) {
    entries_[at] = entry;
    positions_[entry.item] = static_cast<uint32_t>(at);
  }

  /// Puts the entry where the hole is, or further up or down.
  void Settle(size_t hole, const Entry& entry) {
    if (hole > 0 && Less(entry, entries_[(hole - 1) / kChildren])) {
      SiftUp(hole, entry);
    } else {
      SiftDown(hole, entry);
    }
  }

  void SiftUp(size_t hole, const Entry& entry) {
    while (hole > 0) {
      const size_t parent = (hole - 1) / kChildren;
      if (!Less(entry, entries_[parent])) break;
      Put(hole, entries_[parent]);
      hole = parent;
    }
    Put(hole, entry);
  }

  void SiftDown(size_t hole, const Entry& entry) {
    while (true) {
      const size_t first = hole * kChildren + 1;
      if (first >= entries_.size()) break;
      const size_t least = LeastOf(first);
      if (!Less(entries_[least], entry)) break;
      Put(hole, entries_[least]);
      hole = least;
    }
    Put(hole, entry);
  }

  size_t LeastOf(size_t first) const {
    const size_t end = first + kChildren < entries_.size() ? first + kChildren : entries_.size();
    size_t least = first;
    for (size_t i = first + 1; i < end; ++i) {
      if (Less(entries_[i], entries_[least])) least = i;
    }
    return least;
  }

  std::vector<Entry> entries_;
  std::vector<uint32_t> positions_;
};

}  // namespace penstock::admission
