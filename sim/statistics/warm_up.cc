#include "sim/statistics/warm_up.h"

#include <algorithm>

#include "sim/statistics/moments.h"

namespace penstock::sim {
namespace {

constexpr size_t kBatch = 5;
constexpr size_t kFewestBatches = 4;
constexpr size_t kFewestKept = 3;  // of fewer the statistic is chance

std::vector<double> MeansOfFive(std::span<const double> observations) {
  std::vector<double> means;
  for (size_t from = 0; from + kBatch <= observations.size(); from += kBatch) {
    double sum = 0;
    for (const double x : observations.subspan(from, kBatch)) sum += x;
    means.push_back(sum / kBatch);
  }
  return means;
}

/// From the back, so that every cut takes one step.
std::vector<double> Statistics(const std::vector<double>& batches) {
  std::vector<double> statistics(batches.size() - kFewestKept + 1);
  Moments rest;
  for (size_t cut = batches.size(); cut-- > 0;) {
    rest.Add(batches[cut]);
    if (cut >= statistics.size()) continue;
    const auto n = static_cast<double>(rest.count());
    statistics[cut] = rest.Variance() * (n - 1) / (n * n);
  }
  return statistics;
}

}  // namespace

WarmUp FindWarmUp(std::span<const double> observations) {
  const std::vector<double> batches = MeansOfFive(observations);
  if (batches.size() < kFewestBatches) return {};
  WarmUp found;
  found.statistics = Statistics(batches);
  const auto begin = found.statistics.begin();
  const auto half = begin + static_cast<std::ptrdiff_t>(std::min(batches.size() / 2, found.statistics.size() - 1));
  const auto best_early = std::min_element(begin, half + 1);
  found.settled = *best_early <= *std::min_element(begin, found.statistics.end());
  found.batches_dropped = static_cast<size_t>(best_early - begin);
  found.observations_dropped = found.batches_dropped * kBatch;
  found.statistic = *best_early;
  return found;
}

}  // namespace penstock::sim
