// Price and demand: how much is bought at which price, per elasticity.
#pragma once

#include <optional>
#include <vector>

#include "sim/report/section.h"

namespace penstock::sim::report {

struct PriceAndDemand {
  Unit volume{Measure::kNumber, "nt/s"};
  std::vector<Curve> curves;              // named after the elasticity; x: price as a multiple of today's; y: volume
  std::optional<double> chosen_multiple;  // that of the tuned tariff's average price
};
Section PriceAndDemandSection(const PriceAndDemand& demand);

}  // namespace penstock::sim::report
