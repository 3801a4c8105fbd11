#include "sim/commands/tune_setup.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"
#include "sim/run/fleet_cost.h"
#include "sim/tariffs/prorate.h"
#include "sim/tariffs/simple_tariffs.h"

namespace penstock::sim {
namespace {

constexpr double kMonthSeconds = static_cast<double>(kBillingMonth.count()) / 1e9;
constexpr double kHourSeconds = 3'600;
constexpr int64_t kMostCoincident = 100;

double Reference(const Scenario& scenario) { return static_cast<double>(scenario.population.demand.reference_price); }

MarketFigures MarketOf(const Scenario& scenario, std::span<const Customer> customers) {
  MarketFigures figures;
  figures.reference_price = Reference(scenario);
  figures.elasticity = scenario.population.demand.elasticity;
  figures.running_cost = kRunningCostShare * figures.reference_price;
  figures.capacity_cost = FleetCostFor(scenario, kBillingMonth) * 1e12;
  figures.capacity = static_cast<double>(scenario.settings.pools.front().terms.capacity.count());
  return WithLoads(figures, customers, FrameOf(scenario), kWorldBegin);
}

/// A run that should have been possible, or should have conserved everything: a bug, here or in the core.
[[noreturn]] void Stop(const std::string& what) {
  std::fprintf(stderr, "penstock: internal error in a simulation: %s\n", what.c_str());
  std::abort();
}

/// Of the population's requests under the first seed: ScreenTerms::request_work.
double RequestWork(const Scenario& scenario) {
  const BurndownRates& burndown = scenario.settings.pools.front().burndown;
  double work = 0;
  double squares = 0;
  for (size_t i = 0; i < scenario.population.traffic.size(); ++i) {
    const auto index = static_cast<uint32_t>(scenario.clients.size() + i);
    const std::unique_ptr<ArrivalSource> requests = scenario.population.traffic[i](index, 1, Streams(1));
    while (const std::optional<Arrival> request = requests->Next()) {
      const double each = static_cast<double>(WorkOf(request->tokens, burndown).count()) / 1'000;
      work += each;
      squares += each * each;
    }
  }
  return work > 0 ? squares / work : 0;
}

Interval Around(double price, double low, double high) { return {price * low, price * high}; }

}  // namespace

absl::Status CheckTunable(const Scenario& scenario) {
  if (scenario.population.customers.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(scenario.name,
                     ": has no `population`, so nobody would answer another tariff; see the built-in "
                     "scenario spiky-and-smooth"));
  }
  if (scenario.population.demand.reference_price <= 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(scenario.name,
                     ": population.demand.reference_price: is missing; say what a million nt cost where the volume "
                     "of the trace comes from, for example 0.600"));
  }
  if (scenario.fleets.front().replica_hour.IsZero()) {
    return absl::InvalidArgumentError(
        absl::StrCat(scenario.name, ": fleets[0].replica_hour: is missing; without a cost no price can be weighed"));
  }
  if (!scenario.settings.pools.front().market.posted.curve.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(scenario.name,
                     ": pools[0].market.posted_price: a posted price and a searched tariff would both set "
                     "the elastic price; leave it out"));
  }
  return absl::OkStatus();
}

Duration MeanServiceTime(const Run& pilot) {
  double sum = 0;
  double count = 0;
  for (const ClassFigures& of : pilot.figures.classes) {
    const auto finished = static_cast<double>(of.times.latency.count());
    sum += (of.times.latency.mean() - of.times.wait.mean()) * finished;
    count += finished;
  }
  return Duration(count > 0 ? static_cast<int64_t>(std::max(sum / count, 1e6)) : Seconds(1).count());
}

TariffFrame FrameOf(const Scenario& scenario) {
  const core::PoolSettings& pool = scenario.settings.pools.front();
  TariffFrame frame;
  frame.currency = scenario.settings.tariff.currency;
  frame.effective = scenario.settings.tariff.effective;
  frame.rounding_unit = scenario.settings.tariff.rounding_unit;
  frame.pool = pool.name;
  frame.burndown = pool.burndown;
  frame.demand_minutes = 10;  // what the profiles of customers are known by
  // The busiest hundredth of the minutes: those that cross-subsidy is measured by.
  frame.coincident_windows = std::clamp<int64_t>(scenario.length.count() / Minutes(100).count(), 1, kMostCoincident);
  return frame;
}

TariffSpace SpaceOf(const Scenario& scenario) {
  const double reference = Reference(scenario);
  TariffSpaceTerms terms;
  terms.frame = FrameOf(scenario);
  terms.token_price = Around(reference, 0.1, 8);
  terms.demand = {DemandChoice::kNone, DemandChoice::kPercentile95, DemandChoice::kOwnPeak, DemandChoice::kCoincident};
  // With a load factor of three in ten, the demand of a milli-nt costs from a hundredth of the reference price to all.
  terms.demand_price = Around(reference * kMonthSeconds, 0.003, 0.3);
  terms.capacity_price = Around(reference * kHourSeconds, 0.02, 2);
  if (!scenario.population.demand.may_reserve) terms.capacity_price = {0, 0};
  return TariffSpace(terms);
}

FluidScreen ScreenOf(const Scenario& scenario, std::vector<Customer> customers, Duration service_time) {
  const core::PoolSettings& pool = scenario.settings.pools.front();
  ScreenTerms terms;
  terms.customers = std::move(customers);
  terms.pool = pool.name;
  terms.burndown = pool.burndown;
  terms.capacity = static_cast<double>(pool.terms.capacity.count()) / 1'000;
  terms.capacity_cost = FleetCostFor(scenario, kBillingMonth) / terms.capacity;
  terms.demand = scenario.population.demand;
  for (size_t i = 0; i < kShareClassCount; ++i) {
    terms.weights[i] = static_cast<double>(pool.terms.classes[i].weight);
  }
  terms.flex_deadline = scenario.population.flex_wait;
  terms.slots = pool.terms.max_in_flight;
  terms.request_work = RequestWork(scenario);
  terms.service_time = service_time;
  terms.target_wait = scenario.target_wait;
  return FluidScreen(std::move(terms));
}

std::vector<TariffFamily> SimpleTariffsOf(const Scenario& scenario, std::span<const Customer> customers) {
  const TariffFrame frame = FrameOf(scenario);
  const MarketFigures figures = MarketOf(scenario, customers);
  return {FlatPrices(frame, Around(Reference(scenario), 0.1, 8)), CostPlusPrices(frame, figures),
          PeakLoadPricesByHour(frame, figures), PeakLoadPricesByDemand(frame, figures), RamseyPrices(frame, figures)};
}

Evaluator FullModelOf(const Scenario& scenario) {
  const auto shared = std::make_shared<const Scenario>(scenario);
  return [shared](const ledger::Tariff& tariff, uint64_t seed) {
    const Scenario under = UnderTariff(*shared, tariff);
    const absl::StatusOr<Run> run = RunScenario(under, {.seed = seed});
    if (!run.ok()) Stop(run.status().ToString());
    for (const Check& check : run->figures.checks) {
      if (!check.holds) Stop(absl::StrCat(check.what, ": expected ", check.expected, ", found ", check.found));
    }
    return EvaluationOf(under, *run);
  };
}

}  // namespace penstock::sim
