// penstock demo: a daemon in this process, real traffic over real gRPC through a modelled fleet, a live table, the
// bills.
#pragma once

#include "broker/cli/demo/setup.h"

namespace CLI {
class App;
}

namespace penstock::cli {

struct Invocation;
struct Parts;

namespace demo {

/// Registers the subcommand; `invocation` and `parts` must outlive it. `build` gives the traffic, the fleet and the
/// settings for some seconds and a seed.
void AddDemoCommand(CLI::App& app, Invocation& invocation, const Parts& parts, SetupBuilder build);

}  // namespace demo
}  // namespace penstock::cli
