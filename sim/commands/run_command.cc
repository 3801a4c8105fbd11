#include "sim/commands/run_command.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/terminal.h"
#include "sim/commands/file_bytes.h"
#include "sim/commands/parallel.h"
#include "sim/commands/run_report.h"
#include "sim/commands/run_view.h"
#include "sim/commands/scenario_runs.h"

namespace penstock::sim {
namespace {

struct Options {
  ScenarioOptions scenario;
  std::string tariff;
  std::string report;
  int64_t tenants = 20;
  cli::Output output = cli::Output::kTable;
};

int RunCommand(const Options& options, cli::Terminal& terminal) {
  const absl::StatusOr<Scenario> scenario = OpenScenario(options.scenario, options.tariff);
  if (!scenario.ok()) return Fail(terminal, scenario.status());
  ShowWarnings(terminal, *scenario);
  const std::vector<uint64_t> seeds = options.scenario.Seeds();
  absl::StatusOr<std::vector<Run>> runs;
  {
    ProgressLine progress(terminal, scenario->name);
    runs = RunSeeds(*scenario, seeds, OnThreads(options.scenario.Threads()), progress);
  }
  if (!runs.ok()) return Fail(terminal, runs.status());
  const RunView view{*scenario, seeds, *runs, Summarise(*runs)};
  terminal.out << (options.output == cli::Output::kJson
                       ? RunJson(view)
                       : RenderRun(view, static_cast<size_t>(options.tenants), terminal.colour));
  if (!options.report.empty()) {
    const absl::Status written = WriteFile(options.report, report::RunReportHtml(RunReportOf(view)));
    if (!written.ok()) return Fail(terminal, written);
  }
  for (const Run& run : *runs) {
    if (!run.figures.Holds()) return cli::kRefused;
  }
  return cli::kOk;
}

}  // namespace

void AddRunCommand(CLI::App& sim, cli::Invocation& invocation) {
  CLI::App& command = *sim.add_subcommand("run", "What would have happened: revenue, waits, refusals, peaks, bills");
  auto options = std::make_shared<Options>();
  options->scenario.AddTo(command);
  command.add_option("--tariff", options->tariff, "A tariff file in place of the scenario's")->type_name("FILE");
  command.add_option("--report", options->report, "Write an HTML report, too")->type_name("FILE");
  command.add_option("--tenants", options->tenants, "Tenants to show, by bill")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  cli::AddOutputFlag(command, options->output);
  command.footer("Exit status 1: requests, tokens, work or money were not conserved.");
  cli::OnRun(command, invocation, [options](cli::Terminal& terminal) { return RunCommand(*options, terminal); });
}

}  // namespace penstock::sim
