#include "broker/planning/normal_distribution.h"

#include <cmath>
#include <numbers>

#include "admission/vocabulary/check.h"

namespace penstock::planning {

double NormalDensity(double z) { return std::exp(-z * z / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2; }

double NormalTail(double z) { return std::erfc(z / std::numbers::sqrt2) / 2; }

double NormalTailQuantile(double p) {
  PENSTOCK_CHECK(p > 0 && p < 1);
  if (p > 0.5) return -NormalTailQuantile(1 - p);
  // Abramowitz and Stegun 26.2.23, good to 4.5e-4; each Newton step about doubles the digits.
  const double t = std::sqrt(-2 * std::log(p));
  double z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  for (int step = 0; step < 3; ++step) z += (NormalTail(z) - p) / NormalDensity(z);
  return z;
}

double NormalLoss(double z) { return NormalDensity(z) - z * NormalTail(z); }

}  // namespace penstock::planning
