// The lowest point of a function of four coefficients that must not be negative, without derivatives (Nelder and Mead
// 1965): for costs that come out of a replay, which jump where a request just misses an iteration.
#pragma once

#include <functional>

#include "sim/calibration/least_squares.h"

namespace penstock::sim {

struct Lowest {
  Coefficients at = {};
  double cost = 0;
  int evaluations = 0;
};

/// Deterministic: the same function and start give the same point. `rounds` times the simplex is set up anew around the
/// best point, each corner a third away in one coefficient, and walks `steps` steps.
Lowest WalkDownhill(const std::function<double(const Coefficients&)>& cost, const Coefficients& start, int rounds,
                    int steps);

}  // namespace penstock::sim
