// What a tariff is worth: the figures by which tariffs are compared. Of one replication, by the screen (sim/tariffs/)
// or by a whole simulation (sim/run/); money in currency units of one billing month.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ledger/rating/rate.h"
#include "ledger/tariff.h"

namespace penstock::sim {

struct CustomerOutcome {
  std::string name;
  double load_factor = 0;  // mean / peak of what it would use
  double work = 0;         // nt served
  double bill = 0;
  double peak_share = 0;  // of the load in the pool's busiest windows: what it costs the provider
  double surplus = 0;     // what its use is worth to it above the bill
};

struct Evaluation {
  double revenue = 0;
  std::array<double, ledger::rating::kLineKindCount> by_component{};  // of the revenue, by kind of line
  double capacity_cost = 0;                                           // what the fleet costs
  double welfare = 0;                                                 // surplus of all customers + revenue - cost
  double cross_subsidy = 0;  // half the sum over customers of |share of bills - share of the busiest windows|: 0 to 1
  double service_level = 0;  // share of paying requests (or work) served within the scenario's target: 0 to 1
  double utilisation = 0;    // of the capacity, by work served
  double peak_utilisation = 0;      // of the capacity, in the busiest window: load that came, so it may be above 1
  double refused = 0;               // share of requests (or work)
  double revenue_per_capacity = 0;  // revenue / (capacity in nt/s)
  std::vector<CustomerOutcome> customers;
};

/// Evaluates a tariff in one replication: the same seed gives every tariff the same customers with the same draws.
using Evaluator = std::function<Evaluation(const ledger::Tariff& tariff, uint64_t seed)>;

/// Calls job(0) .. job(count - 1), perhaps several at once, and returns when all are done. The driver decides how many
/// threads there are; results must not depend on it.
using Parallel = std::function<void(size_t count, const std::function<void(size_t)>& job)>;

/// One after the other.
void Serially(size_t count, const std::function<void(size_t)>& job);

}  // namespace penstock::sim
