// The shipped scenario full-day, read.
#pragma once

#include <algorithm>

#include "admission/vocabulary/check.h"
#include "sim/commands/read_scenario.h"
#include "sim/scenarios/shipped_scenarios.h"

namespace penstock::sim {

inline Scenario FullDay() {
  const auto shipped = std::ranges::find(ShippedScenarios(), "full-day", &ShippedScenario::name);
  PENSTOCK_CHECK(shipped != ShippedScenarios().end());
  absl::StatusOr<Scenario> scenario = ParseScenario(shipped->yaml, "full-day.yaml", {});
  PENSTOCK_CHECK(scenario.ok());
  return *std::move(scenario);
}

}  // namespace penstock::sim
