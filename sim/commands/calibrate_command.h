// `penstock sim calibrate`: from a measured profile to an iteration-time law, and from that to a pool definition.
#pragma once

namespace CLI {
class App;
}
namespace penstock::cli {
struct Invocation;
}

namespace penstock::sim {

/// Adds `calibrate` to `sim`.
void AddCalibrateCommand(CLI::App& sim, cli::Invocation& invocation);

}  // namespace penstock::sim
