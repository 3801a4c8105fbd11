// penstock sim selfcheck: closed forms against what the simulator measures.
#pragma once

#include <string>

#include "sim/selfcheck/selfcheck.h"

namespace CLI {
class App;
}
namespace penstock::cli {
struct Invocation;
}

namespace penstock::sim {

void AddSelfcheckCommand(CLI::App& sim, cli::Invocation& invocation);

/// What a person reads: a row per cell and closing lines. The same result gives the same bytes. `nudge`: as asked for.
std::string SelfcheckTable(const SelfcheckResult& result, double nudge, bool colour);
/// One object, stable keys, with a newline. `seed` and `nudge`: as asked for.
std::string SelfcheckJson(const SelfcheckResult& result, uint64_t seed, double nudge);

}  // namespace penstock::sim
