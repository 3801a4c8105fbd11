// How the search came to its tariff: the best so far over evaluations.
#pragma once

#include <string>
#include <vector>

#include "sim/report/curve_chart.h"
#include "sim/report/section.h"

namespace penstock::sim::report {

struct SearchProgress {
  std::string objective;  // "Revenue per unit of capacity"
  Unit unit{Measure::kMoney, ""};
  std::vector<Curve> methods;   // x: evaluations so far; y: the best so far, given where it changes
  std::vector<Rule> baselines;  // what has no search: a line across
};
Section ProgressSection(const SearchProgress& progress);

}  // namespace penstock::sim::report
