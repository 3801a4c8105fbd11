// A number that changes now and then: what a pool had, and what it had on the mean.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "admission/vocabulary/time.h"
#include "sim/run/virtual_broker.h"

namespace penstock::sim {

class Course {
 public:
  explicit Course(double first) : steps_{{Duration::Zero(), first}} {}
  /// Never before the change before it.
  void Change(Duration at, double to);
  /// Over [from, to), which must not be empty, from time 0 on. Exact where nothing changes in between.
  double Mean(Duration from, Duration to) const;

 private:
  std::vector<std::pair<Duration, double>> steps_;  // from that time on, by time
};

/// A pool's capacity in milli-nt/s. Of changes at one time the last one listed counts.
Course CapacityCourse(WorkPerSecond first, std::span<const CapacityChange> changes, size_t pool);
/// Its replicas.
Course ReplicaCourse(int first, std::span<const CapacityChange> changes, size_t pool);

}  // namespace penstock::sim
