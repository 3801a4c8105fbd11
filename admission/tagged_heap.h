// An indexed heap: small dense items under 96-bit keys that can be changed or removed in O(log n).
//
//   1. an entry is key << 32 | item: one compare orders by key, equal keys by item, so the order is total
//   2. the root lies at kRoot = 3 and the four children of p at 4(p - 2) .. +3: entries have 16 bytes and the array
//      begins at a cache line, so four children are exactly one line
//   3. no entry is less than its parent; what lies beyond the last, up to the end of its line, is kNothing and greater
//      than all, so a line can be compared whole
//   4. positions_[item] is where the item's entry lies, or kAbsent
//
// Items are slab indices: positions_ is as long as the largest item seen. Nothing is allocated once it has grown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#include "admission/slab.h"
#include "admission/vocabulary/check.h"
#include "admission/vocabulary/checked.h"
#include "admission/vocabulary/time.h"

namespace penstock::admission {

class TaggedHeap {
 public:
  using Item = uint32_t;
  using Key = Uint128;  // below 2^96

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  bool Contains(Item item) const { return item < positions_.size() && positions_[item] != kAbsent; }

  /// The item with the least key. Not when empty.
  Item Top() const { return static_cast<Item>(First()); }
  Key TopKey() const { return First() >> 32; }
  /// The key of an item that is contained.
  Key KeyOf(Item item) const { return entries_[PositionOf(item)] >> 32; }

  /// Adds an item that is not contained.
  void Push(Item item, Key key);
  /// Changes the key of an item that is contained.
  void Update(Item item, Key key);
  /// Removes an item that is contained.
  void Remove(Item item);

  /// Starts to load what Push, Update and Remove of this item will look at: first where its entry lies; when that has
  /// come, the entry and its children.
  void PrefetchPosition(Item item) const {
    if (item < positions_.size()) StartToLoad(&positions_[item]);
  }
  void PrefetchEntry(Item item) const {
    if (!Contains(item)) return;
    const size_t at = positions_[item];
    StartToLoad(&entries_[at]);
    if (ChildrenOf(at) < entries_.size()) StartToLoad(entries_.data() + ChildrenOf(at));
  }

  /// Crashes if an invariant does not hold. O(n).
  void CheckInvariants() const;
  /// Bytes held.
  size_t MemoryBytes() const { return entries_.capacity() * sizeof(Entry) + positions_.capacity() * sizeof(uint32_t); }

 private:
  using Entry = Uint128;
  static constexpr uint32_t kAbsent = UINT32_MAX;
  static constexpr size_t kRoot = 3;
  static constexpr size_t kLine = 4;  // entries
  static constexpr Entry kNothing = ~Entry{0};

  template <class T>
  struct LineAligned {
    using value_type = T;
    LineAligned() = default;
    template <class U>
    LineAligned(const LineAligned<U>&) {}
    T* allocate(size_t n) { return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{64})); }
    void deallocate(T* at, size_t) { ::operator delete (at, std::align_val_t{64}); }
    friend bool operator==(LineAligned, LineAligned) { return true; }
  };

  static Entry EntryOf(Item item, Key key) { return key << 32 | item; }
  static size_t ParentOf(size_t at) { return at / kLine + 2; }
  static size_t ChildrenOf(size_t at) { return kLine * (at - 2); }

  Entry First() const {
    PENSTOCK_CHECK(size_ > 0);
    return entries_[kRoot];
  }
  size_t PositionOf(Item item) const {
    PENSTOCK_CHECK(Contains(item));
    return positions_[item];
  }
  void Put(size_t at, Entry entry) {
    entries_[at] = entry;
    positions_[static_cast<Item>(entry)] = static_cast<uint32_t>(at);
  }
  /// Puts the entry where another is, or further up or down.
  void Replace(size_t at, Entry entry);
  void SiftUp(size_t hole, Entry entry);
  void SiftDown(size_t hole, Entry entry);

  size_t size_ = 0;
  std::vector<Entry, LineAligned<Entry>> entries_;  // whole lines; [0, kRoot) is unused
  std::vector<uint32_t> positions_;
};

/// A heap of moments, none before 1970. The item removed last may stay in the heap below the top: where its number is
/// used again next, as slabs do, removing and pushing it is one change.
class DeadlineHeap {
 public:
  using Item = TaggedHeap::Item;
  bool empty() const { return size() == 0; }
  size_t size() const { return heap_.size() - (removed_ == kNone ? 0 : 1); }
  /// Not when empty.
  Item Top() const { return heap_.Top(); }
  Instant TopAt() const { return InstantOf(heap_.TopKey()); }
  Instant AtOf(Item item) const { return InstantOf(heap_.KeyOf(item)); }

  void Push(Item item, Instant at) {
    if (item != removed_) return heap_.Push(item, KeyOf(at));
    removed_ = kNone;
    heap_.Update(item, KeyOf(at));
  }
  void Update(Item item, Instant at) {
    heap_.Update(item, KeyOf(at));
    if (heap_.Top() == removed_) RemoveForGood();
  }
  void Remove(Item item) {
    PENSTOCK_CHECK(item != removed_ && heap_.Contains(item));
    if (removed_ != kNone) RemoveForGood();
    if (item == heap_.Top()) return heap_.Remove(item);
    removed_ = item;
  }

  void PrefetchPosition(Item item) const { heap_.PrefetchPosition(item); }
  void PrefetchEntry(Item item) const { heap_.PrefetchEntry(item); }
  size_t MemoryBytes() const { return heap_.MemoryBytes(); }
  void CheckInvariants() const;

 private:
  static constexpr Item kNone = UINT32_MAX;
  static TaggedHeap::Key KeyOf(Instant at) {
    PENSTOCK_CHECK(at >= Instant());
    return static_cast<uint64_t>(at.nanoseconds_since_epoch());
  }
  static Instant InstantOf(TaggedHeap::Key key) { return Instant(static_cast<int64_t>(key)); }
  void RemoveForGood() {
    heap_.Remove(removed_);
    removed_ = kNone;
  }

  TaggedHeap heap_;
  Item removed_ = kNone;  // still in the heap, never at its top
};

}  // namespace penstock::admission
