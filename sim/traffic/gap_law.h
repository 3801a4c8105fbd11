// Gaps of a renewal process: how long until the next request.
#pragma once

#include "sim/random.h"
#include "sim/traces/servegen.h"

namespace penstock::sim {

/// Gaps in seconds, of mean 1 / rate. A Gamma law of shape k has a coefficient of variation of 1 / sqrt(k); shape 1 of
/// either family is the exponential law, that is, a Poisson process.
class GapLaw {
 public:
  /// `rate` (per second) and `shape` (at least 0.006) positive.
  GapLaw(GapFamily family, double shape, double rate);

  /// From one request to the next.
  double Next(Random& random) const;
  /// From any moment to the next request, as one who comes by at that moment sees it: a process that begins so has
  /// exactly rate x length requests in the mean, where one that begins with a request has more the more bursty it is.
  double First(Random& random) const;

 private:
  GapFamily family_;
  double shape_;
  double scale_;  // seconds for one unit of the law of scale 1
};

}  // namespace penstock::sim
