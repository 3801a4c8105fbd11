// Scenario files (sim/scenarios/ has some, with comments): YAML, read as strictly as the daemon's configuration, whose
// `pools`, `tenants` and `tariff` they share word for word.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "sim/run/scenario.h"

namespace penstock::sim {

/// What the command line puts in place of what the file says.
struct ScenarioChanges {
  std::optional<std::string> tariff_file;
  std::optional<std::string> trace_file;  // in place of every `trace` of the file
  bool hold_out = false;                  // the population's `hold_out` days and clients
};

/// INVALID_ARGUMENT with all that is wrong, a line each (file:line:column: path: what, why, what to do).
absl::StatusOr<Scenario> LoadScenario(const std::string& path, const ScenarioChanges& changes);
/// The same of a text; paths in it are relative to the folder of `file_name`.
absl::StatusOr<Scenario> ParseScenario(std::string_view text, const std::string& file_name,
                                       const ScenarioChanges& changes);

}  // namespace penstock::sim
