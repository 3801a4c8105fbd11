#include "sim/scenarios/shipped_scenarios.h"

#include <vector>

namespace penstock::sim {

struct ScenarioText {
  const char* name;  // null: the end of the table
  const char* begin;
  const char* end;
};
// Made by CMakeLists.txt.
extern "C" const ScenarioText penstock_scenario_table[];

namespace {

/// "# What it shows.\n..." without the mark.
std::string_view FirstComment(std::string_view yaml) {
  const std::string_view line = yaml.substr(0, yaml.find('\n'));
  return line.starts_with("# ") ? line.substr(2) : line;
}

}  // namespace

std::span<const ShippedScenario> ShippedScenarios() {
  static const std::vector<ShippedScenario> kShipped = [] {
    std::vector<ShippedScenario> shipped;
    for (const ScenarioText* text = penstock_scenario_table; text->name != nullptr; ++text) {
      const std::string_view yaml(text->begin, static_cast<size_t>(text->end - text->begin));
      shipped.push_back({text->name, FirstComment(yaml), yaml});
    }
    return shipped;
  }();
  return kShipped;
}

}  // namespace penstock::sim
