// What a token costs in electricity, from rows that have power.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/calibration/profile_table.h"

namespace penstock::sim {

/// Of one batch size: the mean over its rows with power.
struct TokenEnergy {
  int64_t batch = 0;
  double joules_per_input_token = 0;   // at the power while prompts were computed
  double joules_per_output_token = 0;  // at the mean power of the run
};

/// By batch; empty when no row has power. A row's power covers all its accelerators, so what a token costs is power x
/// time / tokens made in it.
std::vector<TokenEnergy> EnergyByBatch(std::span<const ProfileRow> rows);

/// Of the batch size nearest to `batch`, the smaller of two. `energies` must not be empty.
const TokenEnergy& EnergyNear(std::span<const TokenEnergy> energies, double batch);

}  // namespace penstock::sim
