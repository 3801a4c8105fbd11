// The scenarios that travel inside the program: the YAML files of this folder.
#pragma once

#include <span>
#include <string_view>

namespace penstock::sim {

struct ShippedScenario {
  std::string_view name;   // of the file, without .yaml
  std::string_view about;  // its first comment line
  std::string_view yaml;
};

std::span<const ShippedScenario> ShippedScenarios();

}  // namespace penstock::sim
