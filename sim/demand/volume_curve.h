// How much is used at a price, and what that is worth above the price. Prices are per milli-nt, in any one unit.
#pragma once

#include "sim/demand/demand_terms.h"

namespace penstock::sim {

class VolumeCurve {
 public:
  /// Of the terms: volume, elasticity, choke, most_volume and reference_price, within the bounds that they state.
  explicit VolumeCurve(const DemandTerms& terms);

  /// In base volumes; 1 at the reference price. Never rises with the price, which may be zero or below: what comes with
  /// a plan may be worth more than the plan costs.
  double VolumeAt(double price) const;

  /// The area under the curve above this price: for each milli-nt of base volume, what its use is worth above what is
  /// paid. Of fixed volume, worth is taken to be choke x reference (so it is negative where the price is above).
  double SurplusAt(double price) const;

 private:
  double ConstantElasticityArea(double from, double to) const;

  VolumeModel model_;
  double elasticity_;
  double reference_;
  double choke_;     // a price
  double most_;
  double cheapest_;  // constant elasticity: up to this price volume is `most_`
  double slope_;     // logit: per unit of price
};

}  // namespace penstock::sim
