#include "broker/planning/protection.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "admission/vocabulary/check.h"
#include "broker/planning/normal_distribution.h"

namespace penstock::planning {
namespace {

/// What demand exceeds with this chance.
double ExceededWith(const NormalDemand& demand, double chance) {
  return std::max(0.0, demand.mean + demand.sd * NormalTailQuantile(chance));
}

double ExpectedExcess(const NormalDemand& demand, double level) {
  if (demand.sd == 0) return std::max(0.0, demand.mean - level);
  return demand.sd * NormalLoss((level - demand.mean) / demand.sd);
}

}  // namespace

double LittlewoodProtection(const NormalDemand& dear, double fare_ratio) { return ExceededWith(dear, fare_ratio); }

std::vector<double> EmsrBProtection(std::span<const FareClass> classes) {
  std::vector<double> levels;
  double mean = 0;
  double variance = 0;
  double revenue = 0;
  for (size_t j = 0; j + 1 < classes.size(); ++j) {
    const FareClass& joins = classes[j];
    const double next_fare = classes[j + 1].fare;
    PENSTOCK_CHECK(joins.fare > next_fare && next_fare > 0);
    mean += joins.demand.mean;
    variance += joins.demand.sd * joins.demand.sd;
    revenue += joins.demand.mean * joins.fare;
    const double mean_fare = mean > 0 ? revenue / mean : joins.fare;
    levels.push_back(ExceededWith({mean, std::sqrt(variance)}, next_fare / mean_fare));
  }
  return levels;
}

Reserve ReserveForNormal(const NormalDemand& demand, double price_ratio) {
  const double quantity = ExceededWith(demand, price_ratio);
  return {quantity, price_ratio * quantity + ExpectedExcess(demand, quantity)};
}

Reserve ReserveForLognormal(double mean, double sigma, double price_ratio) {
  PENSTOCK_CHECK(mean > 0 && sigma > 0);
  const double z = NormalTailQuantile(price_ratio);
  // At the optimum the price of the reserve cancels against what demand beyond it would need less, so what is left is
  // the mean of demand that lies beyond the reserve.
  return {mean * std::exp(sigma * z - sigma * sigma / 2), mean * NormalTail(z - sigma)};
}

}  // namespace penstock::planning
