// An interval for a quantile, from the order of the observations alone: whatever their distribution is, the number of
// them below the true quantile is binomial. They must be independent.
#pragma once

#include <cstddef>
#include <span>

namespace penstock::sim {

struct QuantileEstimate {
  double value = 0;  // the smallest observation with at least a share p at or below it
  double low = 0;    // -infinity or infinity where there are too few observations for this confidence
  double high = 0;
  size_t count = 0;
};

/// Of p (0 < p < 1). The interval covers the quantile with at least `confidence`, half of the rest on either side.
/// Observations in any order; none: 0 within everything.
QuantileEstimate QuantileInterval(std::span<const double> observations, double p, double confidence);

}  // namespace penstock::sim
