#include "sim/statistics/quantile_interval.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "admission/vocabulary/check.h"
#include "sim/statistics/incomplete_beta.h"

namespace penstock::sim {
namespace {

/// The smallest k in [0, n] with P(X <= k) >= chance.
int64_t BinomialQuantile(double chance, int64_t n, double p) {
  int64_t low = 0;
  int64_t high = n;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (BinomialAtMost(middle, n, p) >= chance) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

}  // namespace

QuantileEstimate QuantileInterval(std::span<const double> observations, double p, double confidence) {
  PENSTOCK_CHECK(p > 0 && p < 1 && confidence > 0 && confidence < 1);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (observations.empty()) return {.value = 0, .low = -kInfinity, .high = kInfinity, .count = 0};
  std::vector<double> sorted(observations.begin(), observations.end());
  std::sort(sorted.begin(), sorted.end());
  const auto n = static_cast<int64_t>(sorted.size());
  const auto at = [&](int64_t rank) { return sorted[static_cast<size_t>(rank - 1)]; };
  // The observation of rank r is above the quantile when fewer than r are at or below it.
  const double tail = (1 - confidence) / 2;
  const int64_t low = BinomialQuantile(tail, n, p);  // P(X < low) < tail
  const int64_t high = BinomialQuantile(1 - tail, n, p) + 1;
  const auto rank = std::clamp(static_cast<int64_t>(std::ceil(static_cast<double>(n) * p)), int64_t{1}, n);
  return {.value = at(rank),
          .low = low < 1 ? -kInfinity : at(low),
          .high = high > n ? kInfinity : at(high),
          .count = sorted.size()};
}

}  // namespace penstock::sim
