#include "sim/distributions.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "admission/vocabulary/check.h"

namespace penstock::sim {

double Uniform(Random& random) {
  return static_cast<double>(random.Next() >> 11) * 0x1.0p-53;
}

double Exponential(Random& random) { return -std::log1p(-Uniform(random)); }

double Normal(Random& random) {
  while (true) {
    const double u = 2 * Uniform(random) - 1;
    const double v = 2 * Uniform(random) - 1;
    const double s = u * u + v * v;
    if (s > 0 && s < 1) return u * std::sqrt(-2 * std::log(s) / s);
  }
}

double Gamma(Random& random, double shape) {
  PENSTOCK_CHECK(shape > 0);
  if (shape < 1) {
    const double boosted = Gamma(random, shape + 1);
    return boosted * std::pow(1 - Uniform(random), 1 / shape);
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = Normal(random);
    const double v = 1 + c * x;
    if (v <= 0) continue;
    const double cube = v * v * v;
    if (std::log1p(-Uniform(random)) < x * x / 2 + d - d * cube + d * std::log(cube)) return d * cube;
  }
}

double Weibull(Random& random, double shape) {
  PENSTOCK_CHECK(shape > 0);
  return std::pow(Exponential(random), 1 / shape);
}

double LognormalMean1(Random& random, double sigma) { return std::exp(sigma * Normal(random) - sigma * sigma / 2); }

double Gumbel(Random& random) {
  return -std::log(std::max(Exponential(random), std::numeric_limits<double>::min()));
}

int64_t Poisson(Random& random, double mean) {
  PENSTOCK_CHECK(mean >= 0);
  int64_t count = 0;
  for (double at = Exponential(random); at < mean; at += Exponential(random)) ++count;
  return count;
}

}  // namespace penstock::sim
