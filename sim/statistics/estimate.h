// An estimate and how far it may be off.
#pragma once

#include <cstddef>

namespace penstock::sim {

/// The true value lies within mean +- half_width with the confidence that was asked for.
struct Estimate {
  double mean = 0;
  double half_width = 0;  // infinite when there are fewer than two observations
  size_t count = 0;       // of replications (or batches)

  double low() const { return mean - half_width; }
  double high() const { return mean + half_width; }
  bool Covers(double value) const { return low() <= value && value <= high(); }
};

}  // namespace penstock::sim
