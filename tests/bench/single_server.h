// The bare loop of an M/M/1 queue at load 0.9 on a queue of events: two of them pending, draws included.
#pragma once

#include <cstdint>

#include "admission/vocabulary/time.h"
#include "sim/distributions.h"
#include "sim/random.h"

namespace penstock::sim {

/// With this mean, in seconds.
inline Duration DrawDuration(Random& random, double mean = 1) {
  return Duration(static_cast<int64_t>(Exponential(random) * mean * 1e9));
}

template <class Queue>
class SingleServer {
 public:
  explicit SingleServer(uint64_t seed) : random_(seed) {
    queue_.Push(Instant() + DrawDuration(random_), {.kind = kArrival});
  }

  /// One event: somebody comes, or somebody leaves.
  void Step() {
    const Instant now = queue_.NextTime();
    area_ += static_cast<double>(present_) * static_cast<double>((now - last_).count());
    last_ = now;
    const bool arrival = queue_.Pop().kind == kArrival;
    if (arrival) queue_.Push(now + DrawDuration(random_), {.kind = kArrival});
    if (arrival ? ++present_ == 1 : --present_ > 0) queue_.Push(now + DrawDuration(random_, 0.9), {.kind = kEnd});
  }
  /// On average over the time: 9 in the long run.
  double mean_present() const { return area_ / static_cast<double>(last_.nanoseconds_since_epoch()); }

 private:
  static constexpr uint32_t kArrival = 0;
  static constexpr uint32_t kEnd = 1;
  Random random_;
  Queue queue_;
  int64_t present_ = 0;
  double area_ = 0;
  Instant last_;
};

}  // namespace penstock::sim
