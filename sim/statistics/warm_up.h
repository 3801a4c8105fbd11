// Where a simulation has forgotten how it began: MSER-5 (White, Cobb, Spratt 2000).
//
// Observations are averaged in fives. Of all cuts that one is taken after which the mean of the rest has the smallest
// standard error: sum of squared distances from the mean of the rest / (batches in the rest)^2.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace penstock::sim {

struct WarmUp {
  size_t batches_dropped = 0;
  size_t observations_dropped = 0;  // 5 x batches_dropped
  double statistic = 0;             // of the cut that was taken
  /// False: the best cut lies in the second half, so that the run is too short to tell; then what was taken is the best
  /// cut within the first half, and figures deserve a warning. Also false of fewer than 20 observations: nothing is
  /// cut.
  bool settled = false;
  std::vector<double> statistics;  // by batches dropped: what a report shows
};

WarmUp FindWarmUp(std::span<const double> observations);

}  // namespace penstock::sim
