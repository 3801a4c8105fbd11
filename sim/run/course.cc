#include "sim/run/course.h"

#include <algorithm>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

std::vector<CapacityChange> OfPool(std::span<const CapacityChange> changes, size_t pool) {
  std::vector<CapacityChange> sorted;
  for (const CapacityChange& change : changes) {
    if (change.pool == pool) sorted.push_back(change);
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  return sorted;
}

}  // namespace

void Course::Change(Duration at, double to) {
  PENSTOCK_CHECK(at >= steps_.back().first);
  steps_.emplace_back(at, to);
}

double Course::Mean(Duration from, Duration to) const {
  PENSTOCK_CHECK(Duration::Zero() <= from && from < to);
  const double whole = static_cast<double>((to - from).count());
  double mean = 0;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Duration begin = std::max(from, steps_[i].first);
    const Duration end = i + 1 < steps_.size() ? std::min(to, steps_[i + 1].first) : to;
    if (begin == from && end == to) return steps_[i].second;
    if (begin < end) mean += steps_[i].second * static_cast<double>((end - begin).count()) / whole;
  }
  return mean;
}

Course CapacityCourse(WorkPerSecond first, std::span<const CapacityChange> changes, size_t pool) {
  Course course(static_cast<double>(first.count()));
  for (const CapacityChange& change : OfPool(changes, pool)) {
    course.Change(change.at, static_cast<double>(change.capacity.count()));
  }
  return course;
}

Course ReplicaCourse(int first, std::span<const CapacityChange> changes, size_t pool) {
  Course course(first);
  for (const CapacityChange& change : OfPool(changes, pool)) {
    if (change.replicas > 0) course.Change(change.at, change.replicas);
  }
  return course;
}

}  // namespace penstock::sim
