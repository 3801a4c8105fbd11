// Lengths drawn from a table of quantiles.
#pragma once

#include <array>

#include "sim/random.h"
#include "sim/traces/servegen.h"

namespace penstock::sim {

/// Keeps every quantile of the table. Between two of them the quantile function is two straight pieces, bent alike
/// everywhere so that the mean is the table's too, as far as the quantiles allow it.
class LengthLaw {
 public:
  explicit LengthLaw(const QuantileTable& table);

  /// Takes one number from the stream.
  double Draw(Random& random) const;
  /// Of what is drawn.
  double mean() const { return mean_; }

 private:
  std::array<double, kQuantiles.size()> values_;
  double knot_;  // between two quantiles, at this share of the way in probability, ...
  double rise_;  // ... so much of the way in value is done: 1 - knot_
  double before_;
  double after_;  // slopes on either side of the knot
  double mean_;
};

}  // namespace penstock::sim
