// `penstock sim scenarios`: the scenarios that are built in, to be run or to start one's own from.
#pragma once

namespace CLI {
class App;
}
namespace penstock::cli {
struct Invocation;
}

namespace penstock::sim {

void AddScenariosCommand(CLI::App& sim, cli::Invocation& invocation);

}  // namespace penstock::sim
