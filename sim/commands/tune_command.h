// `penstock sim tune`: searches a tariff and says what it is worth.
#pragma once

namespace CLI {
class App;
}
namespace penstock::cli {
struct Invocation;
}

namespace penstock::sim {

void AddTuneCommand(CLI::App& sim, cli::Invocation& invocation);

}  // namespace penstock::sim
