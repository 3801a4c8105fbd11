// `penstock sim ...`: what the simulator looks like from outside. The only room of sim/ that reads files, looks at the
// clock (for progress) and uses threads.
#pragma once

#include "broker/cli/server_commands.h"

namespace CLI {
class App;
}
namespace penstock::cli {
struct Invocation;
}

namespace penstock::sim {

/// Adds `sim` with all its subcommands. `parts`: how a journal is opened, for `sim replay`.
void AddSimCommands(CLI::App& app, cli::Invocation& invocation, const cli::Parts& parts);

}  // namespace penstock::sim
