// `penstock sim compare`: two tariffs on the same traffic, seed by seed.
#pragma once

namespace CLI {
class App;
}
namespace penstock::cli {
struct Invocation;
}

namespace penstock::sim {

void AddCompareCommand(CLI::App& sim, cli::Invocation& invocation);

}  // namespace penstock::sim
