// What `penstock sim run` shows: tables for people, JSON for machines.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/run/scenario.h"
#include "sim/run/summary.h"

namespace penstock::sim {

/// Several replications and what they say together.
struct RunView {
  const Scenario& scenario;
  const std::vector<uint64_t>& seeds;
  const std::vector<Run>& runs;  // one for each seed
  Summary summary;
};

/// Tenants beyond `most_tenants` (by bill) are left out, and counted.
std::string RenderRun(const RunView& view, size_t most_tenants, bool colour);
/// Stable keys, in a stable order; money as exact decimal text.
std::string RunJson(const RunView& view);

}  // namespace penstock::sim
