#include "sim/commands/scenario_runs.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <mutex>
#include <ostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/server_commands.h"
#include "sim/commands/figures_text.h"
#include "sim/commands/parallel.h"
#include "sim/scenarios/shipped_scenarios.h"

namespace penstock::sim {

void ScenarioOptions::AddTo(CLI::App& command) {
  command.add_option("--scenario", scenario, "A scenario file, or the name of one that is built in")
      ->required()
      ->type_name("FILE|NAME");
  command.add_option("--trace", trace, "A trace file in place of every trace that the scenario names")->type_name("FILE");
  command.add_option("--seeds", seeds, "Replications, each with a seed of its own")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command.add_option("--first-seed", first_seed, "Seed of the first replication")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--threads", threads, "Replications at once (default: one for each processor)")
      ->check(CLI::Range(0, 1'024));
}

std::vector<uint64_t> ScenarioOptions::Seeds() const {
  std::vector<uint64_t> all;
  for (int64_t i = 0; i < seeds; ++i) all.push_back(static_cast<uint64_t>(first_seed + i));
  return all;
}

size_t ScenarioOptions::Threads() const { return threads > 0 ? static_cast<size_t>(threads) : Processors(); }

absl::StatusOr<Scenario> OpenScenario(const ScenarioOptions& options, const std::string& tariff_file, bool hold_out) {
  ScenarioChanges changes;
  changes.hold_out = hold_out;
  if (!options.trace.empty()) changes.trace_file = options.trace;
  if (!tariff_file.empty()) changes.tariff_file = tariff_file;
  std::error_code ignored;
  if (std::filesystem::exists(options.scenario, ignored)) return LoadScenario(options.scenario, changes);
  for (const ShippedScenario& shipped : ShippedScenarios()) {
    if (shipped.name == options.scenario) {
      return ParseScenario(shipped.yaml, absl::StrCat(options.scenario, ".yaml"), changes);
    }
  }
  const auto names = [](std::string* out, const ShippedScenario& s) { absl::StrAppend(out, std::string(s.name)); };
  return absl::NotFoundError(absl::StrCat("there is no file '", options.scenario,
                                          "' and no scenario of that name is built in; built in are: ",
                                          absl::StrJoin(ShippedScenarios(), ", ", names)));
}

class ProgressLine::Clock {
 public:
  using Time = std::chrono::steady_clock;
  double Elapsed() const { return std::chrono::duration<double>(Time::now() - begin_).count(); }
  bool IsTime() {
    const double now = Elapsed();
    if (now < next_) return false;
    next_ = now + 0.2;
    return true;
  }
  std::mutex mutex;

 private:
  const Time::time_point begin_ = Time::now();
  double next_ = 0.5;  // what is over by then shows nothing
};

ProgressLine::ProgressLine(cli::Terminal& terminal, std::string what)
    : terminal_(terminal), what_(std::move(what)), clock_(std::make_unique<Clock>()) {}

ProgressLine::~ProgressLine() {
  if (terminal_.err_is_terminal) terminal_.err << "\r\033[K" << std::flush;
}

void ProgressLine::Show(double done, const std::string& note) {
  if (!terminal_.err_is_terminal) return;
  const std::lock_guard lock(clock_->mutex);
  if (!clock_->IsTime()) return;
  constexpr int kWidth = 24;
  const auto filled = static_cast<size_t>(std::floor(done * kWidth));
  const double left = done > 0 ? clock_->Elapsed() / done * (1 - done) : 0;
  terminal_.err << "\r\033[K" << what_ << " [" << std::string(filled, '#') << std::string(kWidth - filled, '.') << "] "
                << Grouped(done * 100, 0) << " %, " << SecondsText(std::ceil(left)) << " left"
                << (note.empty() ? "" : "; ") << note << std::flush;
}

absl::StatusOr<std::vector<Run>> RunSeeds(const Scenario& scenario, const std::vector<uint64_t>& seeds,
                                          const Parallel& parallel, ProgressLine& progress) {
  std::vector<absl::StatusOr<Run>> runs(seeds.size(), absl::UnknownError("not run"));
  std::vector<double> done(seeds.size());
  std::mutex mutex;
  parallel(seeds.size(), [&](size_t i) {
    RunTerms terms{.seed = seeds[i]};
    terms.progress = [&, i](double share) {
      const std::lock_guard lock(mutex);
      done[i] = share;
      double sum = 0;
      for (const double one : done) sum += one;
      progress.Show(sum / static_cast<double>(seeds.size()));
    };
    runs[i] = RunScenario(scenario, terms);
  });
  std::vector<Run> good;
  for (absl::StatusOr<Run>& run : runs) {
    if (!run.ok()) return run.status();
    good.push_back(*std::move(run));
  }
  return good;
}

int Fail(cli::Terminal& terminal, const absl::Status& status) {
  terminal.err << "error: " << status.message() << "\n";
  return cli::ExitCodeOf(status);
}

}  // namespace penstock::sim
