// What was promised and what was kept, and what customers pay: the tables of a run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/report/section.h"
#include "sim/statistics/estimate.h"

namespace penstock::sim::report {

struct ServiceLevel {
  std::string name;                 // of the class
  Estimate reached;                 // share of the requests within the target: 0 to 1
  std::optional<double> wanted;     // 0 to 1
  std::optional<Estimate> refused;  // share of the requests
};
Section ServiceLevelSection(const std::vector<ServiceLevel>& levels);

struct CustomerBill {
  std::string customer;
  double bill = 0;     // money of the period
  double work = 0;     // nt served
  double refused = 0;  // share of its requests: 0 to 1
};
struct CustomerBills {
  Unit unit{Measure::kMoney, ""};
  std::vector<CustomerBill> bills;  // in any order: shown by the highest bill
};
Section CustomerBillsSection(const CustomerBills& bills);

}  // namespace penstock::sim::report
