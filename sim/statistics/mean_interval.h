// Intervals for means of independent observations: replications of a simulation, say. Student's t: right when the
// observations are about normal, as means over long replications are.
#pragma once

#include <span>

#include "sim/statistics/estimate.h"

namespace penstock::sim {

/// The mean of the population. Confidence between 0 and 1, both exclusive.
Estimate MeanEstimate(std::span<const double> observations, double confidence);

/// The mean of a - b where a[i] and b[i] belong together (the same seed under two tariffs): far narrower than the two
/// intervals apart when chance moves both alike. Both have the same length.
Estimate PairedDifference(std::span<const double> a, std::span<const double> b, double confidence);

}  // namespace penstock::sim
