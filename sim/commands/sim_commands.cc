#include "sim/commands/sim_commands.h"

#include <CLI/CLI.hpp>

#include "broker/cli/command_line.h"
#include "sim/commands/calibrate_command.h"
#include "sim/commands/compare_command.h"
#include "sim/commands/replay_command.h"
#include "sim/commands/run_command.h"
#include "sim/commands/selfcheck_command.h"
#include "sim/commands/tune_command.h"

namespace penstock::sim {

void AddSimCommands(CLI::App& app, cli::Invocation& invocation, const cli::Parts& parts) {
  CLI::App& sim = *app.add_subcommand("sim", "Replay traffic under candidate tariffs, in virtual time");
  sim.require_subcommand(1);
  AddRunCommand(sim, invocation);
  AddCompareCommand(sim, invocation);
  AddTuneCommand(sim, invocation);
  AddCalibrateCommand(sim, invocation);
  AddSelfcheckCommand(sim, invocation);
  AddReplayCommand(sim, invocation, parts);
}

}  // namespace penstock::sim
