// Who pays for the peak, and who causes it, customer by customer.
#pragma once

#include <string>
#include <vector>

#include "sim/report/section.h"

namespace penstock::sim::report {

struct CustomerShare {
  std::string customer;
  double of_bills = 0;  // 0 to 1: of the sum of all bills
  double of_peak = 0;   // 0 to 1: of the load in the pool's busiest windows
};

struct CrossSubsidy {
  struct TariffShares {
    std::string tariff;
    std::vector<CustomerShare> customers;
  };
  std::vector<TariffShares> tariffs;
};
Section CrossSubsidySection(const CrossSubsidy& subsidy);

}  // namespace penstock::sim::report
