// An interval for the mean of one long run whose observations depend on each other: of batches so long that their means
// hardly do.
#pragma once

#include <cstddef>
#include <span>

#include "sim/statistics/estimate.h"

namespace penstock::sim {

struct BatchMeans {
  Estimate estimate;  // count: batches
  size_t batch_length = 0;
  double lag1 = 0;  // autocorrelation of one batch's mean with the next one's
  /// Whether lag1 is below what independent batches exceed once in twenty times. If not, the interval is too narrow:
  /// run longer.
  bool independent = false;
};

/// Observations in order, warm-up removed. The first few that do not fill a batch are left out. Fewer observations than
/// batches: an infinite interval. Confidence between 0 and 1, both exclusive; batches at least 2.
BatchMeans MeanOfLongRun(std::span<const double> observations, double confidence, size_t batches = 32);

/// The autocorrelation at lag 1; 0 of fewer than three observations or of constant ones.
double Lag1(std::span<const double> observations);

}  // namespace penstock::sim
