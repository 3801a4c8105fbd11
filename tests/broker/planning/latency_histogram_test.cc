#include "broker/planning/latency_histogram.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <random>

namespace penstock::planning {
namespace {

constexpr int64_t kRanks[] = {0, 1, 10'000, 250'000, 500'000, 900'000, 990'000, 999'000, 999'999, 1'000'000};

uint64_t Seed() {
  const char* fixed = std::getenv("PENSTOCK_SEED");
  return fixed != nullptr ? std::strtoull(fixed, nullptr, 10) : std::random_device()();
}

// Spread over all magnitudes: a uniform draw would only try the largest.
std::vector<int64_t> DrawLatencies(std::mt19937_64& random, size_t count) {
  std::vector<int64_t> values;
  for (size_t i = 0; i < count; ++i) values.push_back(static_cast<int64_t>(random() >> (1 + random() % 63)));
  return values;
}

int64_t NearestRank(const std::vector<int64_t>& sorted, int64_t per_million) {
  const size_t rank = (sorted.size() * static_cast<size_t>(per_million) + 999'999) / 1'000'000;
  return sorted[std::max<size_t>(rank, 1) - 1];
}

void ExpectWithinBound(int64_t measured, int64_t truth) {
  EXPECT_GE(measured, truth);
  EXPECT_LE(measured - truth, truth / 128) << "of " << truth;
}

TEST(LatencyHistogramTest, QuantilesStayWithinOneIn128OfTheSortedTruth) {
  const uint64_t seed = Seed();
  SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const size_t count : {1u, 2u, 7u, 1'000u, 20'000u}) {
    std::vector<int64_t> values = DrawLatencies(random, count);
    LatencyHistogram histogram;
    for (const int64_t value : values) histogram.Record(value);
    std::sort(values.begin(), values.end());
    EXPECT_EQ(histogram.count(), count);
    EXPECT_EQ(histogram.max(), values.back());
    EXPECT_EQ(histogram.Quantile(1'000'000), values.back());
    for (const int64_t rank : kRanks) ExpectWithinBound(histogram.Quantile(rank), NearestRank(values, rank));
  }
}

TEST(LatencyHistogramTest, IsExactBelow256) {
  for (int64_t value = 0; value < 256; ++value) {
    LatencyHistogram histogram;
    histogram.Record(value);
    histogram.Record(INT64_MAX);
    EXPECT_EQ(histogram.Quantile(500'000), value);
  }
}

TEST(LatencyHistogramTest, HoldsBothSidesOfEveryPowerOfTwo) {
  for (int shift = 1; shift < 63; ++shift) {
    for (const int64_t value : {(int64_t{1} << shift) - 1, int64_t{1} << shift, (int64_t{1} << shift) + 1}) {
      LatencyHistogram histogram;
      histogram.Record(value);
      histogram.Record(INT64_MAX);
      ExpectWithinBound(histogram.Quantile(500'000), value);
    }
  }
}

TEST(LatencyHistogramTest, MergedHistogramsEqualOneThatSawEverything) {
  const uint64_t seed = Seed();
  SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  LatencyHistogram all;
  LatencyHistogram left;
  LatencyHistogram right;
  for (const int64_t value : DrawLatencies(random, 5'000)) {
    all.Record(value);
    (value % 2 == 0 ? left : right).Record(value);
  }
  left.Merge(right);
  EXPECT_EQ(left.count(), all.count());
  EXPECT_EQ(left.max(), all.max());
  for (const int64_t rank : kRanks) EXPECT_EQ(left.Quantile(rank), all.Quantile(rank));
}

TEST(LatencyHistogramTest, CountsNegativeAsZeroAndAnswersZeroWhenEmpty) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.Quantile(999'000), 0);
  EXPECT_EQ(histogram.max(), 0);
  histogram.Record(-5);
  EXPECT_EQ(histogram.Quantile(999'000), 0);
  EXPECT_EQ(histogram.count(), 1u);
}

}  // namespace
}  // namespace penstock::planning
