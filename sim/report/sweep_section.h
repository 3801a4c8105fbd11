// The difference between the tuned tariff and a baseline for every elasticity that was assumed, and where it loses.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/report/section.h"
#include "sim/statistics/estimate.h"

namespace penstock::sim::report {

enum class SweepOutcome { kWins, kUndecided, kLoses };

struct ElasticitySweep {
  struct Step {
    double elasticity = 0;
    Estimate difference;                  // tuned - baseline
    std::string note;                     // who misses constraints; may be empty
    std::optional<SweepOutcome> decided;  // otherwise than by the interval
  };
  std::string figure;    // "Revenue per unit of capacity"
  std::string baseline;  // "the flat token price"
  Unit unit{Measure::kMoney, ""};
  bool more_is_better = true;
  std::vector<Step> steps;
};

/// Wins or loses when the whole interval lies on one side of zero.
SweepOutcome OutcomeOf(const Estimate& difference, bool more_is_better);

/// One chart per element.
Section SweepSection(const std::vector<ElasticitySweep>& sweeps);

}  // namespace penstock::sim::report
