// Loading a scenario and running it under several seeds: what `run`, `compare` and `tune` have in common.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/cli/terminal.h"
#include "sim/commands/read_scenario.h"
#include "sim/run/run.h"
#include "sim/tariffs/evaluation.h"

namespace CLI {
class App;
}

namespace penstock::sim {

/// The options that say what to run.
struct ScenarioOptions {
  std::string scenario;
  std::string trace;
  int64_t first_seed = 1;
  int64_t seeds = 1;
  int64_t threads = 0;  // 0: as many as there are processors

  void AddTo(CLI::App& command);
  std::vector<uint64_t> Seeds() const;
  size_t Threads() const;
};

/// A file of sim/scenarios/ by name ("free-flood"), where it is built in, or a path.
absl::StatusOr<Scenario> OpenScenario(const ScenarioOptions& options, const std::string& tariff_file,
                                      bool hold_out = false);

/// A line on `err` while something takes long; nothing unless a person is looking.
class ProgressLine {
 public:
  ProgressLine(cli::Terminal& terminal, std::string what);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Thread-safe. `done`: 0 to 1; `note` is put behind it.
  void Show(double done, const std::string& note = {});

 private:
  class Clock;
  cli::Terminal& terminal_;
  const std::string what_;
  std::unique_ptr<Clock> clock_;
};

/// One run for each seed, in their order; the first error.
absl::StatusOr<std::vector<Run>> RunSeeds(const Scenario& scenario, const std::vector<uint64_t>& seeds,
                                          const Parallel& parallel, ProgressLine& progress);

/// Prints what is wrong and says the exit status.
int Fail(cli::Terminal& terminal, const absl::Status& status);

}  // namespace penstock::sim
