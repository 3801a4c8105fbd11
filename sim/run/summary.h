// Several replications of one scenario, as means with confidence intervals.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "sim/run/run.h"
#include "sim/statistics/estimate.h"

namespace penstock::sim {

constexpr double kConfidence = 0.95;  // of every interval that is shown

struct ClassSummary {
  ServiceClass served = ServiceClass::kDefault;
  Estimate came;  // requests that stood in line as it
  Estimate finished;
  Estimate refused_yours;
  Estimate refused_pool;
  Estimate wait_mean_s;
  Estimate wait_p50_s;
  Estimate wait_p99_s;
  Estimate first_token_p50_s;
  Estimate first_token_p99_s;
  Estimate per_output_token_ms;
  Estimate latency_p99_s;
};

struct TenantSummary {
  std::string name;
  Tier tier = Tier::kElastic;
  Estimate came;
  Estimate finished;
  Estimate refused;
  Estimate in_time;      // share of those that came
  Estimate wait_mean_s;
  Estimate wait_p99_s;   // below 0: not kept for so many tenants
  Estimate peak_nt_per_s;
  Estimate load_factor;
  Estimate peak_share;   // of the load in the pool's busiest minutes
  Estimate bill;         // currency units, of the simulated period
};

struct PoolSummary {
  std::string name;
  Estimate utilisation;
  Estimate peak_utilisation;
  Estimate fleet_busy;
  Estimate served_nt_per_s;
};

struct Summary {
  size_t replications = 0;
  Estimate came;
  Estimate finished;
  Estimate refused_yours;
  Estimate refused_pool;
  Estimate tokens;
  Estimate in_time;  // share of paying requests that were served within the target
  Estimate revenue;  // currency units, of the simulated period
  std::array<Estimate, ledger::rating::kLineKindCount> by_component;
  Estimate warm_up_s;
  std::vector<PoolSummary> pools;
  std::vector<ClassSummary> classes;  // those that anybody used
  std::vector<TenantSummary> tenants;
};

/// Of at least one run; all of the same scenario.
Summary Summarise(std::span<const Run> runs);

}  // namespace penstock::sim
