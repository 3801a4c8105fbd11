// Draws from distributions: the same numbers with every compiler and standard library (the algorithms are ours; exp, log
// and pow are the C library's).
#pragma once

#include <cstdint>

#include "sim/random.h"

namespace penstock::sim {

/// In [0, 1), a multiple of 2^-53.
double Uniform(Random& random);
/// Mean 1.
double Exponential(Random& random);
/// Mean 0, variance 1 (the polar method; one of its two numbers is thrown away, so that a draw has no memory).
double Normal(Random& random);
/// Of this shape (positive) and scale 1 (Marsaglia and Tsang 2000): mean and variance are `shape`.
double Gamma(Random& random, double shape);
/// Of this shape (positive) and scale 1.
double Weibull(Random& random, double shape);
/// Mean 1; `sigma` is the deviation of its logarithm.
double LognormalMean1(Random& random, double sigma);
/// Mean 0 scale 1 extreme value: the noise of a logit choice.
double Gumbel(Random& random);
/// How many events of a Poisson process of rate 1 fall into [0, mean). Exact; O(mean).
int64_t Poisson(Random& random, double mean);

}  // namespace penstock::sim
