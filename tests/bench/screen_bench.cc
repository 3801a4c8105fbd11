// What one evaluation by the fluid screen costs: 162 customers, a week of ten-minute windows, one demand rule each.
#include <benchmark/benchmark.h>

#include "ledger/charges.h"
#include "sim/distributions.h"
#include "sim/tariffs/screen.h"

namespace penstock::sim {
namespace {

constexpr size_t kCustomers = 162;
constexpr size_t kWindows = 1'008;
constexpr int64_t kReference = 2'000;

ScreenTerms Week() {
  ScreenTerms terms;
  terms.pool = "chat";
  terms.burndown[TokenKind::kInput] = 1'000;
  terms.burndown[TokenKind::kOutput] = 4'000;
  for (size_t i = 0; i < kCustomers; ++i) {
    Random random = Streams(1).Of(i, Purpose::kArrivals);
    Customer customer;
    customer.name = "c" + std::to_string(i);
    customer.load.window = Minutes(10);
    std::vector<double> input(kWindows);
    const double spread = 2 * Uniform(random);
    for (double& each : input) each = random.Below(3) == 0 ? 0 : 20'000 * LognormalMean1(random, spread);
    customer.load.requests = input;
    customer.load.tokens_of_kind[static_cast<size_t>(TokenKind::kOutput)] = input;
    customer.load.tokens_of_kind[static_cast<size_t>(TokenKind::kInput)] = std::move(input);
    terms.customers.push_back(std::move(customer));
  }
  terms.capacity = 25'000;
  terms.demand.reference_price = kReference;
  terms.demand.volume = VolumeModel::kConstantElasticity;
  terms.demand.plans = {ServiceClass::kFlex, ServiceClass::kDefault, ServiceClass::kPriority};
  terms.demand.speed_value = 0.2;
  terms.slots = 64;
  terms.service_time = Seconds(5);
  return terms;
}

ledger::Tariff TariffWith(ledger::DemandRule rule, int64_t price) {
  ledger::Tariff tariff;
  tariff.version = "v";
  tariff.currency = "EUR";
  tariff.pools.resize(1);
  ledger::PoolPrices& pool = tariff.pools[0];
  pool.pool = "chat";
  for (const ServiceClass served :
       {ServiceClass::kFlex, ServiceClass::kDefault, ServiceClass::kPriority, ServiceClass::kSpillover}) {
    pool.by_class[static_cast<size_t>(served)][TokenKind::kInput] = 1'000 * kReference;
    pool.by_class[static_cast<size_t>(served)][TokenKind::kOutput] = 4'000 * kReference;
  }
  pool.capacity_price = 3'600 * kReference / 2;
  if (price == 0) return tariff;
  ledger::DemandCharge charge = ledger::BusiestMinute(price);
  charge.rule = rule;
  charge.percentile = 95;
  if (rule == ledger::DemandRule::kBlockMaximum) charge.windows = 10;
  if (rule == ledger::DemandRule::kCoincident || rule == ledger::DemandRule::kTopMean) charge.n = 10;
  pool.demand = {charge};
  return tariff;
}

void Run(benchmark::State& state, const ScreenTerms& terms, const ledger::Tariff& tariff) {
  const FluidScreen screen(terms);
  uint64_t seed = 0;
  for (auto _ : state) benchmark::DoNotOptimize(screen.Evaluate(tariff, ++seed).revenue);
}

void BM_FlatPrice(benchmark::State& state) { Run(state, Week(), TariffWith(ledger::DemandRule::kBlockMaximum, 0)); }
BENCHMARK(BM_FlatPrice)->Unit(benchmark::kMillisecond);

void BM_OwnTenMinutes(benchmark::State& state) {
  Run(state, Week(), TariffWith(ledger::DemandRule::kBlockMaximum, 100'000));
}
BENCHMARK(BM_OwnTenMinutes)->Unit(benchmark::kMillisecond);

void BM_Percentile95(benchmark::State& state) {
  Run(state, Week(), TariffWith(ledger::DemandRule::kPercentile, 100'000));
}
BENCHMARK(BM_Percentile95)->Unit(benchmark::kMillisecond);

void BM_Coincident(benchmark::State& state) {
  Run(state, Week(), TariffWith(ledger::DemandRule::kCoincident, 100'000));
}
BENCHMARK(BM_Coincident)->Unit(benchmark::kMillisecond);

void BM_WithReservationsAndWaiting(benchmark::State& state) {
  ScreenTerms terms = Week();
  terms.demand.may_reserve = true;
  terms.demand.shiftable = 0.5;
  Run(state, terms, TariffWith(ledger::DemandRule::kCoincident, 100'000));
}
BENCHMARK(BM_WithReservationsAndWaiting)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace penstock::sim
