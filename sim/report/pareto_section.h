// Revenue against cross-subsidy: what can be had at once.
#pragma once

#include <string>
#include <vector>

#include "sim/report/section.h"

namespace penstock::sim::report {

struct ParetoCandidate {
  enum class Kind { kSearched, kBaseline, kWinner };
  std::string name;          // shown for baselines and the winner
  double revenue = 0;        // the more the better
  double cross_subsidy = 0;  // 0 to 1, the less the better
  bool feasible = true;      // keeps all constraints
  Kind kind = Kind::kSearched;
};

struct ParetoFront {
  Unit revenue{Measure::kMoney, ""};
  std::vector<ParetoCandidate> candidates;
};

/// The feasible candidates that no other feasible one beats on one axis without losing on the other, by cross-subsidy.
std::vector<Point> FrontOf(const std::vector<ParetoCandidate>& candidates);

Section ParetoSection(const ParetoFront& front);

}  // namespace penstock::sim::report
