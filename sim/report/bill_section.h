// What a tariff does to each customer's bill.
#pragma once

#include <string>
#include <vector>

#include "sim/report/section.h"

namespace penstock::sim::report {

struct BillChange {
  std::string customer;
  double before = 0;  // money of one billing month
  double after = 0;
};

struct BillImpact {
  std::string before;  // names of the tariffs
  std::string after;
  Unit unit{Measure::kMoney, ""};
  std::vector<BillChange> changes;
};
Section BillImpactSection(const BillImpact& impact);

}  // namespace penstock::sim::report
