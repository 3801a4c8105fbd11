// Requests that wait for their time among those that come from a source.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "admission/vocabulary/check.h"
#include "sim/arrival.h"

namespace penstock::sim {

/// By time, those of the same time in the order in which they were added.
class DelayedArrivals {
 public:
  void Add(Arrival arrival) {
    heap_.push_back({std::move(arrival), ++added_});
    std::push_heap(heap_.begin(), heap_.end(), Later);
  }
  bool empty() const { return heap_.empty(); }
  /// Of the next; there must be one, here and below.
  Duration NextTime() const {
    PENSTOCK_CHECK(!heap_.empty());
    return heap_.front().arrival.at;
  }
  Arrival Pop() {
    PENSTOCK_CHECK(!heap_.empty());
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    Arrival next = std::move(heap_.back().arrival);
    heap_.pop_back();
    return next;
  }

 private:
  struct Waiting {
    Arrival arrival;
    uint64_t number = 0;
  };
  static bool Later(const Waiting& a, const Waiting& b) {
    return a.arrival.at != b.arrival.at ? a.arrival.at > b.arrival.at : a.number > b.number;
  }

  std::vector<Waiting> heap_;
  uint64_t added_ = 0;
};

}  // namespace penstock::sim
