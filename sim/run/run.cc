#include "sim/run/run.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"
#include "sim/run/closing.h"
#include "sim/run/collector.h"
#include "sim/run/course.h"
#include "sim/run/fleet_cost.h"
#include "sim/run/virtual_broker.h"
#include "sim/statistics/warm_up.h"
#include "sim/tariffs/prorate.h"
#include "sim/traffic/deferral.h"
#include "sim/traffic/observed_load.h"

namespace penstock::sim {
namespace {

constexpr int kProgressSteps = 200;
constexpr Duration kReservedBurst = Minutes(1);  // one of the windows that use is metered by
constexpr Duration kLongestService = Days(2);

double InUnits(const ledger::Money& money) { return money.pico().convert_to<double>() / 1e12; }

/// A customer as a tenant of the pool, on the terms that it chose.
core::TenantSettings TenantOf(const std::string& customer, const Decision& decision, const Scenario& scenario) {
  const std::string& pool = scenario.settings.pools.front().name;
  core::TenantSettings tenant;
  tenant.name = customer;
  tenant.keys = {{.name = "prod"}};
  if (decision.reserves <= WorkPerSecond::Zero()) {
    tenant.classes = {decision.elastic};
    return tenant;
  }
  const int64_t rate = decision.reserves.count();
  tenant.tier = Tier::kReserved;
  tenant.reservations = {
      {.pool = pool,
       .kind = std::nullopt,
       .rate = {.quantity = rate, .period = Seconds(1), .burst = rate * (kReservedBurst.count() / Seconds(1).count())},
       .overrun = Overrun::kSpill}};
  tenant.subscription.reservations = {
      {.pool = pool, .rate = decision.reserves, .from = kWorldBegin, .to = kWorldBegin + scenario.length}};
  return tenant;
}

Client ClientOf(const core::TenantSettings& tenant, const Decision& decision, const Population& population) {
  const bool may_choose = tenant.tier == Tier::kElastic;
  return {.tenant = tenant.name,
          .asks = may_choose ? std::optional<ServiceClass>(decision.elastic) : std::nullopt,
          .max_wait =
              may_choose && decision.elastic == ServiceClass::kFlex ? population.flex_wait : population.elastic_wait};
}

std::unique_ptr<ArrivalSource> NoTraffic(uint32_t /*tenant*/, double /*volume*/, const Streams& /*streams*/) {
  return ArrivalsOf({});
}

void AddClient(Client client, const TrafficFactory& traffic, double volume, const Streams& streams,
               std::vector<std::unique_ptr<ArrivalSource>>* sources, Cast* cast) {
  const auto index = static_cast<uint32_t>(cast->world.clients.size());
  sources->push_back(traffic(index, volume, streams));
  const auto& tenants = cast->world.settings.tenants;
  const auto tenant =
      std::find_if(tenants.begin(), tenants.end(), [&](const auto& t) { return t.name == client.tenant; });
  PENSTOCK_CHECK(tenant != tenants.end());
  cast->collecting.tenant_of_client.push_back(static_cast<size_t>(tenant - tenants.begin()));
  cast->world.clients.push_back(std::move(client));
}

void AddPopulation(const Scenario& scenario, const Streams& streams,
                   std::vector<std::unique_ptr<ArrivalSource>>* sources, Cast* cast) {
  const Population& population = scenario.population;
  if (population.customers.empty()) return;
  const core::PoolSettings& pool = scenario.settings.pools.front();
  cast->decisions = Respond(cast->world.settings.tariff, pool.name, pool.burndown, CustomersOf(scenario, streams),
                            population.demand, streams);
  for (size_t i = 0; i < population.customers.size(); ++i) {
    const Decision& decision = cast->decisions[i];
    cast->world.settings.tenants.push_back(TenantOf(population.customers[i], decision, scenario));
    // One that stays away keeps its place, by which those after it draw.
    const bool comes = decision.stays && decision.volume > 0;
    AddClient(ClientOf(cast->world.settings.tenants.back(), decision, population),
              comes ? population.traffic[i] : NoTraffic, decision.volume, streams, sources, cast);
    if (!comes || decision.load_shifts.empty()) continue;
    sources->back() =
        Deferred(std::move(sources->back()), kProfileWindow, decision.load_shifts, streams.Of(i, Purpose::kShift));
  }
}

Cast CastOf(const Scenario& scenario, const Streams& streams) {
  Cast cast;
  cast.world.settings = scenario.settings;
  cast.world.settings.tariff = Prorated(scenario.settings.tariff, scenario.length);
  for (ledger::Tariff& tariff : cast.world.settings.more_tariffs) tariff = Prorated(tariff, scenario.length);
  cast.world.purchases = scenario.purchases;
  cast.world.capacity_changes = scenario.capacity_changes;
  cast.world.seed = streams.seed();
  cast.world.keeps_journal = false;
  for (const FleetPlan& fleet : scenario.fleets) cast.world.fleets.push_back(fleet.make());
  std::vector<std::unique_ptr<ArrivalSource>> sources;
  for (const ClientPlan& plan : scenario.clients) AddClient(plan.client, plan.traffic, 1, streams, &sources, &cast);
  AddPopulation(scenario, streams, &sources, &cast);
  cast.world.traffic = MergedArrivals(std::move(sources));
  cast.world.last_retry = scenario.length;

  cast.collecting.length = scenario.length;
  cast.collecting.target_wait = scenario.target_wait;
  cast.collecting.tenants = cast.world.settings.tenants;
  for (const core::PoolSettings& pool : scenario.settings.pools) cast.collecting.burndown.push_back(pool.burndown);
  return cast;
}

Duration LongestWait(const VirtualBroker& broker) {
  Duration longest;
  for (const Client& client : broker.world().clients) longest = std::max(longest, client.max_wait);
  return longest;
}

/// Plays the traffic and lets what runs come to its end. Returns how busy each fleet was until the traffic ended.
std::vector<double> Play(VirtualBroker& broker, Duration length, const std::function<void(double)>& progress) {
  for (int step = 1; step <= kProgressSteps; ++step) {
    broker.RunUntil(Duration(DivideRoundDown(length.count(), int64_t{kProgressSteps})) * step);
    if (progress) progress(static_cast<double>(step) / kProgressSteps);
  }
  broker.RunUntil(length);
  std::vector<double> busy;
  for (size_t i = 0; i < broker.world().fleets.size(); ++i) busy.push_back(broker.fleet(i).BusyFraction());
  // What waited, and copies of the last requests, may come after the end. What is still there much later never ends,
  // and the checks say so.
  const Duration last = length + LongestWait(broker) + kLongestService;
  for (Duration end = length + Minutes(1); !broker.over() && end <= last; end += Minutes(1)) {
    broker.RunUntil(end);
  }
  return busy;
}

Duration WarmUpOf(const Scenario& scenario, const Collector& collector) {
  if (scenario.warm_up) return *scenario.warm_up;
  const std::vector<double> latency = collector.LatencyByMinute();
  return Minutes(static_cast<int64_t>(FindWarmUp(latency).observations_dropped));
}

/// What the fleets cost a month, how well they are used, and what their capacity earns: as it was over time, all pools
/// together; the busiest minute is that of the pool that was busiest.
void EvaluateCapacity(const Scenario& scenario, const RunFigures& figures, Evaluation* evaluation) {
  double capacity = 0;  // milli-nt/s
  double used = 0;
  for (size_t i = 0; i < figures.pools.size(); ++i) {
    const double mean = CapacityCourse(scenario.settings.pools[i].terms.capacity, scenario.capacity_changes, i)
                            .Mean(Duration(), scenario.length);
    capacity += mean;
    used += mean * figures.pools[i].utilisation;
    evaluation->peak_utilisation = std::max(evaluation->peak_utilisation, figures.pools[i].peak_utilisation);
  }
  evaluation->capacity_cost = FleetCostFor(scenario, kBillingMonth);
  evaluation->utilisation = used / capacity;
  evaluation->revenue_per_capacity = evaluation->revenue / (capacity / 1'000);
}

}  // namespace

Cast CastOf(const Scenario& scenario, uint64_t seed) { return CastOf(scenario, Streams(seed)); }

Scenario UnderTariff(const Scenario& scenario, const ledger::Tariff& tariff) {
  Scenario other = scenario;
  other.settings.tariff = tariff;
  std::erase_if(other.settings.more_tariffs, [&](const ledger::Tariff& more) {
    return std::none_of(other.settings.tenants.begin(), other.settings.tenants.end(),
                        [&](const core::TenantSettings& tenant) { return tenant.tariff == more.version; });
  });
  return other;
}

std::vector<Customer> CustomersOf(const Scenario& scenario, const Streams& streams) {
  std::vector<Customer> customers;
  auto index = static_cast<uint32_t>(scenario.clients.size());
  for (size_t i = 0; i < scenario.population.customers.size(); ++i) {
    const std::unique_ptr<ArrivalSource> brings = scenario.population.traffic[i](index++, 1, streams);
    customers.push_back({scenario.population.customers[i], ObservedLoad(*brings, kProfileWindow, scenario.length)});
  }
  return customers;
}

absl::StatusOr<Run> RunScenario(const Scenario& scenario, const RunTerms& terms) {
  Cast cast = CastOf(scenario, Streams(terms.seed));
  Collector collector(std::move(cast.collecting));
  auto broker = VirtualBroker::Open(std::move(cast.world), &collector);
  if (!broker.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(scenario.name, ": ", broker.status().message()));
  }
  const std::vector<double> busy = Play(**broker, scenario.length, terms.progress);
  Run run;
  run.decisions = std::move(cast.decisions);
  run.figures.length = scenario.length;
  collector.Fill(WarmUpOf(scenario, collector), &run.figures);
  CloseRun(**broker, (*broker)->now(), &run.figures);
  for (size_t i = 0; i < busy.size(); ++i) run.figures.pools[i].fleet_busy = busy[i];
  CheckConservation(TotalsOf(**broker), &run.figures);
  return run;
}

Evaluation EvaluationOf(const Scenario& scenario, const Run& run) {
  const RunFigures& figures = run.figures;
  const double month = MonthsPer(figures.length);
  Evaluation evaluation;
  evaluation.revenue = InUnits(figures.revenue) * month;
  for (size_t i = 0; i < figures.by_component.size(); ++i) {
    evaluation.by_component[i] = InUnits(figures.by_component[i]) * month;
  }
  EvaluateCapacity(scenario, figures, &evaluation);
  evaluation.service_level = figures.in_time;
  const auto came = static_cast<double>(std::max<int64_t>(figures.counts.came, 1));
  evaluation.refused = static_cast<double>(figures.counts.refused_yours + figures.counts.refused_pool) / came;

  double in_busiest = 0;
  for (const TenantFigures& tenant : figures.tenants) in_busiest += static_cast<double>(tenant.in_busiest.count());
  const size_t first = figures.tenants.size() - run.decisions.size();  // the population comes last
  double surplus = 0;
  for (size_t i = 0; i < figures.tenants.size(); ++i) {
    const TenantFigures& tenant = figures.tenants[i];
    CustomerOutcome customer;
    customer.name = tenant.name;
    customer.load_factor = tenant.load_factor;
    customer.work = static_cast<double>(tenant.counts.work.count()) / 1'000 * month;
    customer.bill = InUnits(tenant.bill) * month;
    customer.peak_share = in_busiest > 0 ? static_cast<double>(tenant.in_busiest.count()) / in_busiest : 0;
    if (i >= first) customer.surplus = run.decisions[i - first].surplus * month;
    surplus += customer.surplus;
    if (evaluation.revenue > 0) {
      evaluation.cross_subsidy += std::abs(customer.bill / evaluation.revenue - customer.peak_share) / 2;
    }
    evaluation.customers.push_back(std::move(customer));
  }
  evaluation.welfare = surplus + evaluation.revenue - evaluation.capacity_cost;
  return evaluation;
}

}  // namespace penstock::sim
