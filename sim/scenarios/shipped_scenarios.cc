#include "sim/scenarios/shipped_scenarios.h"

#include <vector>

extern "C" {
#include "shipped_scenario_names.inc"
}

namespace penstock::sim {
namespace {

struct Text {
  std::string_view name;
  const char* begin;
  const char* end;
};
constexpr Text kTexts[] = {
#include "shipped_scenario_texts.inc"
};

/// "# What it shows.\n..." without the mark.
std::string_view FirstComment(std::string_view yaml) {
  const std::string_view line = yaml.substr(0, yaml.find('\n'));
  return line.starts_with("# ") ? line.substr(2) : line;
}

}  // namespace

std::span<const ShippedScenario> ShippedScenarios() {
  static const std::vector<ShippedScenario> kShipped = [] {
    std::vector<ShippedScenario> shipped;
    for (const Text& text : kTexts) {
      const std::string_view yaml(text.begin, static_cast<size_t>(text.end - text.begin));
      shipped.push_back({text.name, FirstComment(yaml), yaml});
    }
    return shipped;
  }();
  return kShipped;
}

}  // namespace penstock::sim
