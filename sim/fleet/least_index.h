// Which of n keys is the least, the lowest index among equals: O(1) to ask, O(log n) to change one.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "admission/vocabulary/check.h"

namespace penstock::sim {

/// A tournament: node i is won by the lesser of nodes 2i and 2i + 1, and the keys are the leaves.
template <class Key>
class LeastIndex {
 public:
  /// `count` keys, at least 1, all alike; `worst` must not be less than any key.
  LeastIndex(size_t count, const Key& key, const Key& worst) : worst_(worst) { Resize(count, key); }

  /// Keeps what there is; new ones get `key`.
  void Resize(size_t count, const Key& key) {
    PENSTOCK_CHECK(count > 0);
    keys_.resize(count, key);
    leaves_ = 1;
    while (leaves_ < count) leaves_ *= 2;
    winner_.assign(2 * leaves_, 0);
    for (size_t i = 0; i < leaves_; ++i) winner_[leaves_ + i] = i;
    for (size_t i = leaves_ - 1; i > 0; --i) Play(i);
  }
  void Set(size_t index, const Key& key) {
    keys_[index] = key;
    for (size_t node = (leaves_ + index) / 2; node > 0; node /= 2) Play(node);
  }
  const Key& operator[](size_t index) const { return keys_[index]; }
  size_t least() const { return leaves_ == 1 ? 0 : winner_[1]; }

 private:
  const Key& KeyOf(size_t index) const { return index < keys_.size() ? keys_[index] : worst_; }
  void Play(size_t node) {
    const size_t left = winner_[2 * node];
    const size_t right = winner_[2 * node + 1];
    winner_[node] = KeyOf(right) < KeyOf(left) ? right : left;
  }

  std::vector<Key> keys_;
  std::vector<size_t> winner_;
  size_t leaves_ = 1;
  Key worst_;
};

}  // namespace penstock::sim
