// What happens next: a queue of events by time, those at the same time in the order in which they were pushed.
//
// Times are whole nanoseconds and never go back: nothing may be pushed for a time before the last that was popped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <queue>
#include <utility>
#include <vector>

#include "admission/vocabulary/check.h"
#include "admission/vocabulary/time.h"

namespace penstock::sim {

template <class Event>
class EventQueue {
 public:
  /// `at` not before the time of the event that was popped last; must not be Instant::Max().
  void Push(Instant at, Event event) {
    PENSTOCK_CHECK(at >= now_ && at < Instant::Max());
    heap_.push({at, ++pushed_, std::move(event)});
  }
  /// Of the next event; Instant::Max() when there is none.
  Instant NextTime() const { return heap_.empty() ? Instant::Max() : heap_.top().at; }
  /// Takes out the next event; there must be one.
  Event Pop() {
    PENSTOCK_CHECK(!heap_.empty());
    now_ = heap_.top().at;
    Event event = heap_.top().event;
    heap_.pop();
    return event;
  }
  bool empty() const { return heap_.empty(); }
  size_t size() const { return heap_.size(); }

 private:
  struct Entry {
    Instant at;
    uint64_t sequence = 0;
    Event event;
    friend bool operator>(const Entry& a, const Entry& b) {
      return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
    }
  };
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> heap_;
  Instant now_;
  uint64_t pushed_ = 0;
};

}  // namespace penstock::sim
