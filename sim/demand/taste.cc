#include "sim/demand/taste.h"

#include <algorithm>
#include <cmath>

#include "sim/demand/load_profile.h"
#include "sim/distributions.h"

namespace penstock::sim {
namespace {

/// How far customers differ in what speed is worth to them: the deviation of its logarithm.
constexpr double kSpeedSigma = 0.5;

/// log(peak / mean) by customer, less the median of those that have load; of the others no matter what.
std::vector<double> SpikinessOf(std::span<const Customer> customers, const BurndownRates& burndown) {
  std::vector<double> spiky(customers.size());
  std::vector<double> known;
  for (size_t i = 0; i < customers.size(); ++i) {
    const double factor = ShapeOf(WorkOfWindows(customers[i].load, burndown)).load_factor();
    if (factor > 0) known.push_back(spiky[i] = -std::log(factor));
  }
  if (known.empty()) return spiky;
  const auto middle = known.begin() + static_cast<ptrdiff_t>(known.size() / 2);
  std::nth_element(known.begin(), middle, known.end());
  for (double& each : spiky) each -= *middle;
  return spiky;
}

}  // namespace

std::vector<Taste> TastesOf(std::span<const Customer> customers, const BurndownRates& burndown,
                            const DemandTerms& terms, const Streams& streams) {
  const std::vector<double> spiky = SpikinessOf(customers, burndown);
  std::vector<Taste> tastes(customers.size());
  for (size_t i = 0; i < customers.size(); ++i) {
    Taste& taste = tastes[i];
    Random of_taste = streams.Of(i, Purpose::kTaste);
    const double speed = terms.speed_value * std::exp(kSpeedSigma * Normal(of_taste));
    taste.speed = std::max(0.0, speed + terms.speed_value_of_spiky * spiky[i]);
    Random of_plan = streams.Of(i, Purpose::kPlan);
    for (double& each : taste.liking) each = terms.taste_noise * Gumbel(of_plan);
    const double of_default = taste.liking[static_cast<size_t>(Plan::kDefault)];
    for (double& each : taste.liking) each -= of_default;
    Random of_shift = streams.Of(i, Purpose::kShift);
    taste.can_wait = Uniform(of_shift) < terms.shiftable;
    Random of_churn = streams.Of(i, Purpose::kChurn);
    taste.churn_draw = Uniform(of_churn);
  }
  return tastes;
}

}  // namespace penstock::sim
