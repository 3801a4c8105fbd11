#include "sim/statistics/batch_means.h"

#include <cmath>
#include <limits>
#include <vector>

#include "admission/vocabulary/check.h"
#include "sim/statistics/mean_interval.h"
#include "sim/statistics/moments.h"

namespace penstock::sim {
namespace {

double Mean(std::span<const double> observations) {
  Moments moments;
  for (const double x : observations) moments.Add(x);
  return moments.mean();
}

}  // namespace

double Lag1(std::span<const double> observations) {
  if (observations.size() < 3) return 0;
  const double mean = Mean(observations);
  double products = 0;
  double squares = 0;
  for (size_t i = 0; i < observations.size(); ++i) {
    const double here = observations[i] - mean;
    squares += here * here;
    if (i > 0) products += here * (observations[i - 1] - mean);
  }
  return squares > 0 ? products / squares : 0;
}

BatchMeans MeanOfLongRun(std::span<const double> observations, double confidence, size_t batches) {
  PENSTOCK_CHECK(batches >= 2);
  BatchMeans found;
  found.batch_length = observations.size() / batches;
  if (found.batch_length == 0) {
    found.estimate = {.mean = Mean(observations), .half_width = std::numeric_limits<double>::infinity(), .count = 0};
    return found;
  }
  const size_t left_out = observations.size() - found.batch_length * batches;
  std::vector<double> means;
  for (size_t from = left_out; from < observations.size(); from += found.batch_length) {
    means.push_back(Mean(observations.subspan(from, found.batch_length)));
  }
  found.estimate = MeanEstimate(means, confidence);
  found.lag1 = Lag1(means);
  // Independent: mean -1/n, deviation 1/sqrt(n) (Anderson 1942).
  const auto n = static_cast<double>(batches);
  found.independent = found.lag1 < -1 / n + 1.645 / std::sqrt(n);
  return found;
}

}  // namespace penstock::sim
