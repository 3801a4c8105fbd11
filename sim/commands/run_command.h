// `penstock sim run`: what would have happened.
#pragma once

namespace CLI {
class App;
}
namespace penstock::cli {
struct Invocation;
}

namespace penstock::sim {

void AddRunCommand(CLI::App& sim, cli::Invocation& invocation);

}  // namespace penstock::sim
