#include "sim/demand/volume_curve.h"

#include <algorithm>
#include <cmath>

#include "admission/vocabulary/check.h"

namespace penstock::sim {

VolumeCurve::VolumeCurve(const DemandTerms& terms)
    : model_(terms.volume),
      elasticity_(terms.elasticity),
      reference_(static_cast<double>(terms.reference_price)),
      choke_(terms.choke * static_cast<double>(terms.reference_price)),
      most_(terms.most_volume),
      cheapest_(0),
      slope_(0) {
  PENSTOCK_CHECK(reference_ > 0 && terms.choke > 1 && most_ > 1 && elasticity_ >= 0);
  if (model_ == VolumeModel::kLogit) {
    PENSTOCK_CHECK(elasticity_ > 0);
    slope_ = elasticity_ / (reference_ * (1 - 1 / most_));
  }
  if (elasticity_ > 0) cheapest_ = reference_ * std::pow(most_, -1 / elasticity_);
}

double VolumeCurve::VolumeAt(double price) const {
  switch (model_) {
    case VolumeModel::kFixed:
      return 1;
    case VolumeModel::kConstantElasticity:
      if (price >= choke_) return 0;
      if (elasticity_ <= 0) return 1;
      return price <= cheapest_ ? most_ : std::min(most_, std::pow(price / reference_, -elasticity_));
    case VolumeModel::kLogit:
      return most_ / (1 + (most_ - 1) * std::exp(slope_ * (price - reference_)));
  }
  return 1;
}

double VolumeCurve::SurplusAt(double price) const {
  switch (model_) {
    case VolumeModel::kFixed:
      return choke_ - price;
    case VolumeModel::kConstantElasticity: {
      if (price >= choke_) return 0;
      if (elasticity_ <= 0) return choke_ - price;
      const double all = std::max(0.0, cheapest_ - price) * most_;
      return all + ConstantElasticityArea(std::max(price, cheapest_), choke_);
    }
    case VolumeModel::kLogit:
      return most_ / slope_ * std::log1p(std::exp(-slope_ * (price - reference_)) / (most_ - 1));
  }
  return 0;
}

/// The integral of (p / reference)^-elasticity.
double VolumeCurve::ConstantElasticityArea(double from, double to) const {
  const double power = 1 - elasticity_;
  if (std::abs(power) < 1e-9) return reference_ * std::log(to / from);
  return reference_ / power * (std::pow(to / reference_, power) - std::pow(from / reference_, power));
}

}  // namespace penstock::sim
