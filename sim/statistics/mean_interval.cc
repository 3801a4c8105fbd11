#include "sim/statistics/mean_interval.h"

#include <cmath>
#include <limits>

#include "admission/vocabulary/check.h"
#include "sim/statistics/moments.h"
#include "sim/statistics/student_t.h"

namespace penstock::sim {
namespace {

Estimate EstimateOf(const Moments& moments, double confidence) {
  const auto n = static_cast<double>(moments.count());
  const double half_width = moments.count() < 2
                                ? std::numeric_limits<double>::infinity()
                                : StudentTQuantile(confidence, n - 1) * std::sqrt(moments.Variance() / n);
  return {.mean = moments.mean(), .half_width = half_width, .count = static_cast<size_t>(moments.count())};
}

}  // namespace

Estimate MeanEstimate(std::span<const double> observations, double confidence) {
  Moments moments;
  for (const double x : observations) moments.Add(x);
  return EstimateOf(moments, confidence);
}

Estimate PairedDifference(std::span<const double> a, std::span<const double> b, double confidence) {
  PENSTOCK_CHECK(a.size() == b.size());
  Moments moments;
  for (size_t i = 0; i < a.size(); ++i) moments.Add(a[i] - b[i]);
  return EstimateOf(moments, confidence);
}

}  // namespace penstock::sim
