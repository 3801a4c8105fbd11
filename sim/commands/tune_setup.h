// From a scenario with a population to what a tariff search needs: the space, the simple tariffs, and the models.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/run/run.h"
#include "sim/run/scenario.h"
#include "sim/search/tune.h"
#include "sim/tariffs/screen.h"
#include "sim/tariffs/tariff_space.h"

namespace penstock::sim {

/// The same fleet on two stretches of traffic.
struct TuneScenarios {
  Scenario training;
  Scenario hold_out;  // other days, or other customers
};

/// What the provider pays, beside its fleet: for a milli-nt served, as a share of the reference price.
constexpr double kRunningCostShare = 0.05;

/// INVALID_ARGUMENT when the scenario has no population, no reference price, or a pool whose price is posted.
absl::Status CheckTunable(const Scenario& scenario);

/// Of one run of the training days under the scenario's own tariff: how long a request holds its slot.
Duration MeanServiceTime(const Run& pilot);

TariffFrame FrameOf(const Scenario& scenario);
TariffSpace SpaceOf(const Scenario& scenario);
/// `customers`: CustomersOf the scenario under some seed.
FluidScreen ScreenOf(const Scenario& scenario, std::vector<Customer> customers, Duration service_time);
/// Flat price, cost-plus, peak-load by hour and by demand, Ramsey.
std::vector<TariffFamily> SimpleTariffsOf(const Scenario& scenario, std::span<const Customer> customers);

/// One replication of the whole model. A run in which something is not conserved is a bug.
Evaluator FullModelOf(const Scenario& scenario);

}  // namespace penstock::sim
