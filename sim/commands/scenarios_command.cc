#include "sim/commands/scenarios_command.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/table.h"
#include "broker/cli/terminal.h"
#include "sim/commands/scenario_runs.h"
#include "sim/scenarios/shipped_scenarios.h"

namespace penstock::sim {
namespace {

struct Options {
  std::string name;
  cli::Output output = cli::Output::kTable;
};

void List(const Options& options, cli::Terminal& terminal) {
  if (options.output == cli::Output::kJson) {
    auto json = nlohmann::ordered_json::array();
    for (const ShippedScenario& scenario : ShippedScenarios()) {
      json.push_back({{"name", std::string(scenario.name)}, {"about", std::string(scenario.about)}});
    }
    terminal.out << json.dump(2) << "\n";
    return;
  }
  cli::Table table({{"scenario"}, {"what it shows"}});
  for (const ShippedScenario& scenario : ShippedScenarios()) {
    table.AddRow({std::string(scenario.name), std::string(scenario.about)});
  }
  terminal.out << table.Render(terminal.colour)
               << "\nTry one: penstock sim run --scenario NAME. Start your own from it: "
               << "penstock sim scenarios NAME > mine.yaml\n";
}

int RunCommand(const Options& options, cli::Terminal& terminal) {
  if (options.name.empty()) {
    List(options, terminal);
    return cli::kOk;
  }
  const absl::StatusOr<ShippedScenario> scenario = ScenarioNamed(options.name);
  if (!scenario.ok()) return Fail(terminal, scenario.status());
  terminal.out << scenario->yaml;
  return cli::kOk;
}

}  // namespace

void AddScenariosCommand(CLI::App& sim, cli::Invocation& invocation) {
  CLI::App& command = *sim.add_subcommand("scenarios", "The scenarios that are built in; with a name, its text");
  auto options = std::make_shared<Options>();
  command.add_option("name", options->name, "Print this one, as YAML to start from")->type_name("NAME");
  cli::AddOutputFlag(command, options->output);
  cli::OnRun(command, invocation, [options](cli::Terminal& terminal) { return RunCommand(*options, terminal); });
}

}  // namespace penstock::sim
