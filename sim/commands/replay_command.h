// `penstock sim replay`: a production arrival log under other terms.
#pragma once

#include "broker/cli/server_commands.h"

namespace CLI {
class App;
}
namespace penstock::cli {
struct Invocation;
}

namespace penstock::sim {

/// `parts` must outlive the parsing.
void AddReplayCommand(CLI::App& sim, cli::Invocation& invocation, const cli::Parts& parts);

}  // namespace penstock::sim
