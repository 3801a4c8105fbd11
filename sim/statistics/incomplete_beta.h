// The function behind Student's t and the binomial distribution.
#pragma once

#include <cstdint>

namespace penstock::sim {

/// I_x(a, b), the regularised incomplete beta function: the chance that a Beta(a, b) variable is at most x. For 0 <= x
/// <= 1, a and b positive and up to about 1e8; relative error about 1e-12 (1e-9 at the upper end).
double IncompleteBeta(double a, double b, double x);

/// P(X <= k) of a binomial variable: `trials` tries of chance `p` (0 to 1). 0 below no successes, 1 from `trials` on.
double BinomialAtMost(int64_t k, int64_t trials, double p);

}  // namespace penstock::sim
