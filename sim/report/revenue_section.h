// What revenue is made of, per tariff.
#pragma once

#include <string>
#include <vector>

#include "sim/report/section.h"

namespace penstock::sim::report {

struct RevenueByComponent {
  struct TariffRevenue {
    std::string tariff;
    std::vector<double> amounts;  // one per component; credits are negative
  };
  Unit unit{Measure::kMoney, ""};
  std::vector<std::string> components;  // "tokens", "demand", "capacity" ...
  std::vector<TariffRevenue> tariffs;
};

/// Components that are zero in all tariffs are left out.
Section RevenueSection(const RevenueByComponent& revenue);

}  // namespace penstock::sim::report
