// Doubly linked lists through the elements of a vector: any member leaves in O(1), and the order is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace penstock::sim {

constexpr uint32_t kNoSequence = UINT32_MAX;

/// Element needs `uint32_t previous, next`, which belong to the one list that it is in.
template <class Element>
class SequenceList {
 public:
  void PushBack(std::vector<Element>& all, uint32_t index) {
    all[index].previous = last_;
    all[index].next = kNoSequence;
    (last_ == kNoSequence ? first_ : all[last_].next) = index;
    last_ = index;
    ++size_;
  }
  void PushFront(std::vector<Element>& all, uint32_t index) {
    all[index].previous = kNoSequence;
    all[index].next = first_;
    (first_ == kNoSequence ? last_ : all[first_].previous) = index;
    first_ = index;
    ++size_;
  }
  /// `index` must be in this list.
  void Remove(std::vector<Element>& all, uint32_t index) {
    const Element& element = all[index];
    (element.previous == kNoSequence ? first_ : all[element.previous].next) = element.next;
    (element.next == kNoSequence ? last_ : all[element.next].previous) = element.previous;
    --size_;
  }
  /// kNoSequence when empty.
  uint32_t first() const { return first_; }
  uint32_t last() const { return last_; }
  int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  uint32_t first_ = kNoSequence;
  uint32_t last_ = kNoSequence;
  int64_t size_ = 0;
};

}  // namespace penstock::sim
