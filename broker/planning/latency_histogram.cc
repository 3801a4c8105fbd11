#include "broker/planning/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cstddef>

#include "admission/vocabulary/check.h"
#include "admission/vocabulary/checked.h"

namespace penstock::planning {
namespace {

constexpr int kSubBits = 7;
constexpr size_t kSubBuckets = size_t{1} << kSubBits;

// Values below 2 x kSubBuckets have a bucket each; every further power of two is divided into kSubBuckets.
size_t BucketOf(uint64_t value) {
  const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - 1 - kSubBits);
  return static_cast<size_t>(shift) * kSubBuckets + static_cast<size_t>(value >> shift);
}

uint64_t HighestIn(size_t bucket) {
  if (bucket < 2 * kSubBuckets) return bucket;
  const size_t shift = bucket / kSubBuckets - 1;
  const uint64_t leading = bucket - shift * kSubBuckets;
  return ((leading + 1) << shift) - 1;
}

}  // namespace

LatencyHistogram::LatencyHistogram() : buckets_(BucketOf(INT64_MAX) + 1) {}

void LatencyHistogram::Record(int64_t nanoseconds) {
  const int64_t value = std::max<int64_t>(nanoseconds, 0);
  ++buckets_[BucketOf(static_cast<uint64_t>(value))];
  ++count_;
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

int64_t LatencyHistogram::Quantile(int64_t per_million) const {
  PENSTOCK_CHECK(per_million >= 0 && per_million <= 1'000'000);
  if (count_ == 0) return 0;
  const Int128 product = Int128{count_} * per_million;
  const auto rank = static_cast<uint64_t>(std::max<Int128>(1, (product + 999'999) / 1'000'000));
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen >= rank) return std::min(static_cast<int64_t>(HighestIn(bucket)), max_);
  }
  PENSTOCK_CHECK(false);
}

}  // namespace penstock::planning
