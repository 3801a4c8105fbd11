// Which parameters matter: each moved alone, the rest as chosen.
#pragma once

#include <string>
#include <vector>

#include "sim/report/section.h"

namespace penstock::sim::report {

struct TornadoBar {
  std::string parameter;
  std::string low_setting;  // as text: "0.8 USD per M tokens"
  std::string high_setting;
  double low_effect = 0;  // on the figure, against the chosen tariff: below zero is less
  double high_effect = 0;
};

struct Tornado {
  std::string figure;  // whose change is shown: "Revenue"
  Unit unit{Measure::kMoney, ""};
  std::vector<TornadoBar> bars;  // in any order: shown by the widest effect
};
Section TornadoSection(const Tornado& tornado);

}  // namespace penstock::sim::report
