// One run of a scenario: the production core on modelled traffic and a modelled fleet.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "ledger/tariff.h"
#include "sim/demand/customer.h"
#include "sim/demand/response.h"
#include "sim/run/collector.h"
#include "sim/run/figures.h"
#include "sim/run/scenario.h"
#include "sim/run/virtual_broker.h"
#include "sim/tariffs/evaluation.h"

namespace penstock::sim {

/// A demand charge looks at minutes, so that is how customers know their load.
constexpr Duration kProfileWindow = Minutes(1);

/// The population with the load that it brings in the run of these streams, as long as prices change nothing: customers
/// foresee their own load, not the queues. The scenario's length must be whole minutes.
std::vector<Customer> CustomersOf(const Scenario& scenario, const Streams& streams);

struct RunTerms {
  uint64_t seed = 1;
  std::function<void(double)> progress;  // told the share of the traffic that has passed, now and then; may be null
};

struct Run {
  RunFigures figures;
  std::vector<Decision> decisions;  // of the population, whose tenants come last
};

/// Who would have to come back after the length gives up; what customers deferred may come later, and all that has come
/// runs to its end.
/// Every replication has its own seed; the same scenario and seed give the same figures, byte for byte. Monthly prices
/// of the tariff are pro-rated to the length. INVALID_ARGUMENT when the engine does not take the settings, or a
/// purchase cannot be had.
absl::StatusOr<Run> RunScenario(const Scenario& scenario, const RunTerms& terms);

/// A scenario whose population has made up its mind, ready to run: what RunScenario plays, for who plays it otherwise.
struct Cast {
  VirtualWorld world;
  CollectorTerms collecting;
  std::vector<Decision> decisions;
};
Cast CastOf(const Scenario& scenario, uint64_t seed);

/// The same scenario under another tariff alone: versions that would take over later go too, unless a contract pins
/// them.
Scenario UnderTariff(const Scenario& scenario, const ledger::Tariff& tariff);

/// By the figures that tariffs are compared by, scaled up to a billing month. Of all pools together.
Evaluation EvaluationOf(const Scenario& scenario, const Run& run);

}  // namespace penstock::sim
