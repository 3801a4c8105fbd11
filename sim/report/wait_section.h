// How long requests took: distributions per class.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/report/section.h"

namespace penstock::sim::report {

struct Quantile {
  double share = 0;    // 0 to 1, ascending
  double seconds = 0;  // that this share of the requests took at most
};

struct TimeDistribution {
  std::string name;  // of the class, or class and tariff
  std::vector<Quantile> quantiles;
};

struct TimeChart {
  std::string title;                     // "Wait for admission", "Time to first token", "Latency"
  std::optional<double> target_seconds;  // marked when there is one
  std::vector<TimeDistribution> distributions;
};
/// One chart per element.
Section WaitSection(const std::vector<TimeChart>& charts);

}  // namespace penstock::sim::report
