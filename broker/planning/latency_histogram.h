// Latencies in buckets whose width grows with the value: below 256 ns exact, above within 1/128 (0.78 %) of the value.
//
// A value's bucket is named by its exponent and its seven leading bits below the first one, so that recording is a few
// instructions and a histogram has a fixed size (58 KB). Not thread-safe; histograms of several threads can be merged.
#pragma once

#include <cstdint>
#include <vector>

namespace penstock::planning {

class LatencyHistogram {
 public:
  LatencyHistogram();

  /// Negative values count as 0.
  void Record(int64_t nanoseconds);
  void Merge(const LatencyHistogram& other);

  uint64_t count() const { return count_; }
  int64_t max() const { return max_; }  // exact; 0 when empty
  double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }  // 0 when empty

  /// The nearest-rank quantile, in parts per million (999'000 is p99.9): never below the true value, and at most 1/128
  /// above it. 0 when empty.
  int64_t Quantile(int64_t per_million) const;

 private:
  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  int64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace penstock::planning
