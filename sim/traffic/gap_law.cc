#include "sim/traffic/gap_law.h"

#include <cmath>

#include "admission/vocabulary/check.h"
#include "sim/distributions.h"

namespace penstock::sim {
namespace {

double MeanOfScale1(GapFamily family, double shape) {
  return family == GapFamily::kGamma ? shape : std::tgamma(1 + 1 / shape);
}

}  // namespace

GapLaw::GapLaw(GapFamily family, double shape, double rate)
    : family_(family), shape_(shape), scale_(1 / (rate * MeanOfScale1(family, shape))) {
  PENSTOCK_CHECK(rate > 0 && std::isfinite(scale_) && scale_ > 0);
}

double GapLaw::Next(Random& random) const {
  if (shape_ == 1) return scale_ * Exponential(random);
  return scale_ * (family_ == GapFamily::kGamma ? Gamma(random, shape_) : Weibull(random, shape_));
}

// A moment falls into a gap with a chance proportional to its length, and anywhere in it. Gaps weighted by their length
// are Gamma of shape k + 1 for Gamma of shape k; for Weibull of shape k their k-th power is Gamma of shape 1 + 1 / k.
double GapLaw::First(Random& random) const {
  const double gap =
      family_ == GapFamily::kGamma ? Gamma(random, shape_ + 1) : std::pow(Gamma(random, 1 + 1 / shape_), 1 / shape_);
  return scale_ * gap * Uniform(random);
}

}  // namespace penstock::sim
