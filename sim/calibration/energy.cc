#include "sim/calibration/energy.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "admission/vocabulary/check.h"

namespace penstock::sim {

std::vector<TokenEnergy> EnergyByBatch(std::span<const ProfileRow> rows) {
  std::map<int64_t, std::pair<TokenEnergy, double>> sums;  // with the number of rows
  for (const ProfileRow& row : rows) {
    if (row.prompt_watts <= 0 || row.mean_watts <= 0) continue;
    auto& [sum, count] = sums[row.concurrent];
    const auto batch = static_cast<double>(row.concurrent);
    sum.joules_per_input_token +=
        row.prompt_watts * row.first_token_ms / 1'000 / (batch * static_cast<double>(row.input));
    sum.joules_per_output_token += row.mean_watts * row.per_output_ms / 1'000 / batch;
    count += 1;
  }
  std::vector<TokenEnergy> energies;
  for (const auto& [batch, entry] : sums) {
    const auto& [sum, count] = entry;
    energies.push_back({batch, sum.joules_per_input_token / count, sum.joules_per_output_token / count});
  }
  return energies;
}

const TokenEnergy& EnergyNear(std::span<const TokenEnergy> energies, double batch) {
  PENSTOCK_CHECK(!energies.empty());
  return *std::min_element(energies.begin(), energies.end(), [batch](const TokenEnergy& a, const TokenEnergy& b) {
    return std::abs(static_cast<double>(a.batch) - batch) < std::abs(static_cast<double>(b.batch) - batch);
  });
}

}  // namespace penstock::sim
