// Rating a month of one-minute windows under a tariff that uses every rule there is, and a statement preview from the
// books of one tenant with such a month. A hundred tenants are rated one after another; `s_per_10k_tenants` is that
// time a hundred times.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "ledger/books.h"
#include "ledger/statement.h"

namespace penstock::ledger {
namespace {

constexpr int64_t kTenants = 100;
constexpr int64_t kMonthIndex = 2026 * 12 + 10;  // November 2026: 43,200 minutes
constexpr uint32_t kDefaultClass = 1u << static_cast<unsigned>(ServiceClass::kDefault);

rating::Period Month() { return {Calendar().MonthStart(kMonthIndex), Calendar().MonthStart(kMonthIndex + 1)}; }

DemandCharge Charge(const char* name, DemandRule rule) {
  DemandCharge charge = BusiestMinute(2'000);
  charge.name = name;
  charge.rule = rule;
  return charge;
}

Tariff Richest() {
  Tariff tariff{.version = "richest", .currency = "USD"};
  tariff.rounding_unit = Money::FromPico(10'000'000'000);
  tariff.calendar.shifts = {{Instant(), -5 * 3'600}, {Month().from + Hours(6), -4 * 3'600}};
  tariff.calendar.bands = {"night", "day"};
  for (size_t hour = 0; hour < kHoursOfWeek; ++hour)
    tariff.calendar.band_of_hour[hour] = hour % 24 >= 8 && hour % 24 < 20;
  tariff.calendar.seasons = {"winter"};
  PoolPrices pool{.pool = "chat"};
  for (const TokenKind kind : kAllTokenKinds)
    pool.by_class[static_cast<size_t>(ServiceClass::kDefault)][kind] = 600'000;
  pool.token_rules = {
      {kDefaultClass, 127, false, {{1'000'000, {0, 1}}, {1'000'000'000, {1, 1}}, {0, {3, 4}}}, {{3, 4}, {1, 1}}}};
  DemandCharge block = Charge("block", DemandRule::kBlockMaximum);
  block.windows = 15;
  block.band = 1;
  block.ratchet.look_back = 11;
  block.ratchet.percent.fill(80);
  block.ratchet.own_percent.fill(100);
  DemandCharge sliding = Charge("sliding", DemandRule::kSlidingMaximum);
  sliding.windows = 30;
  sliding.contracted = {85, 105, {2, 1}};
  DemandCharge percentile = Charge("percentile", DemandRule::kPercentile);
  percentile.percentile = 95;
  percentile.season = 0;
  DemandCharge top = Charge("top", DemandRule::kTopMean);
  top.n = 10;
  DemandCharge coincident = Charge("coincident", DemandRule::kCoincident);
  coincident.n = 4;
  coincident.apart = Apart::kDay;
  pool.demand = {block, sliding, percentile, top, coincident};
  pool.commitment = {500, {3, 2}, 0b110};
  tariff.pools = {pool};
  PENSTOCK_CHECK(CheckTariff(tariff).ok());
  return tariff;
}

/// Every minute of the month has work and tokens of two kinds.
rating::Usage BusyMonth() {
  rating::PoolUse use;
  use.pool = "chat";
  int64_t wave = 0;
  for (Instant t = Month().from; t < Month().to; t = t + kBaseWindow) {
    wave = (wave * 6'364'136 + 1'442'695) % 1'000'003;
    TokenCounts tokens;
    tokens[TokenKind::kInput] = Tokens(wave);
    tokens[TokenKind::kOutput] = Tokens(wave / 4);
    use.tokens.push_back({t, ServiceClass::kDefault, 0, 0, tokens});
    use.work.push_back({Tier::kElastic, {t, NormalizedTokens(wave * 2), NormalizedTokens(wave / 20)}});
    use.everyone.push_back({t, NormalizedTokens(wave * 50 + 7), Work()});
  }
  rating::Usage usage;
  usage.pools = {std::move(use)};
  return usage;
}

rating::Subscription Customer() {
  rating::Subscription customer;
  customer.from = Month().from;
  customer.contracted["chat"] = NormalizedTokensPerSecond(10'000);
  customer.committed_per_window["chat"] = NormalizedTokens(100'000);
  return customer;
}

void BM_RateAMonth(benchmark::State& state) {
  const Tariff tariff = Richest();
  const rating::Usage usage = BusyMonth();
  const rating::Subscription customer = Customer();
  for (auto step : state) {
    for (int64_t tenant = 0; tenant < kTenants; ++tenant) {
      benchmark::DoNotOptimize(rating::Rate(tariff, usage, customer, Month()).total);
    }
  }
  const auto windows = static_cast<int64_t>(usage.pools[0].work.size());
  state.SetItemsProcessed(state.iterations() * kTenants * windows);
  const double runs = static_cast<double>(state.iterations()) * kTenants;
  state.counters["s_per_10k_tenants"] =
      benchmark::Counter(runs / 10'000.0, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_RateAMonth)->Unit(benchmark::kMillisecond);

/// A grant and its settlement in every minute of the month, for one of two tenants: the other one is there to be left
/// out, and to be added up for the pool's peak.
Books BooksOfAMonth(const Tariff& tariff) {
  Books books;
  const auto apply = [&books](auto entry) { PENSTOCK_CHECK(books.Apply(std::move(entry)).ok()); };
  apply(BootEntry{1, Month().from});
  apply(NameEntry{NameKind::kPool, 1, 0, "chat"});
  for (uint32_t tenant = 1; tenant <= 2; ++tenant) {
    apply(NameEntry{NameKind::kTenant, tenant, 0, "tenant-" + std::to_string(tenant)});
    apply(NameEntry{NameKind::kKey, tenant, tenant, "prod"});
  }
  apply(TariffEntry{1, tariff});
  uint64_t sequence = 0;
  for (Instant t = Month().from; t < Month().to; t = t + kBaseWindow) {
    for (uint32_t tenant = 1; tenant <= 2; ++tenant) {
      GrantEntry grant;
      grant.id = {1, ++sequence};
      grant.terms = {TenantId{tenant}, KeyId{tenant}, PoolId{1}, ServiceClass::kDefault, 1};
      grant.at = t;
      grant.lease_deadline = t + Minutes(5);
      grant.settle_deadline = t + Minutes(30);
      SettleEntry settle;
      settle.id = grant.id;
      settle.terms = grant.terms;
      settle.at = t;
      settle.tokens[TokenKind::kOutput] = Tokens(static_cast<int64_t>(sequence % 997));
      settle.work = NormalizedTokens(4 * static_cast<int64_t>(sequence % 997));
      settle.charge = TokenCharge(settle.tokens, tariff.TokenPricesOf("chat", ServiceClass::kDefault));
      settle.attributions.push_back({t, t, settle.work});
      apply(std::move(grant));
      apply(std::move(settle));
    }
  }
  return books;
}

/// Gathering is what holds the loop up; rating runs beside it. Wall times of the whole, and of gathering alone.
void BM_PreviewOneTenant(benchmark::State& state) {
  const Tariff tariff = Richest();
  const Books books = BooksOfAMonth(tariff);
  const rating::Subscription customer = Customer();
  std::vector<double> whole;
  std::vector<double> gathering;
  for (auto step : state) {
    const auto begun = std::chrono::steady_clock::now();
    const StatementInput input =
        GatherStatement(books, TenantId{1}, Month().from, Month().to, tariff, customer);
    const auto gathered = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(PreviewStatement(input, Head{}).bill.total);
    const std::chrono::duration<double, std::milli> gather = gathered - begun;
    const std::chrono::duration<double, std::milli> all = std::chrono::steady_clock::now() - begun;
    gathering.push_back(gather.count());
    whole.push_back(all.count());
  }
  const auto percentile = [](std::vector<double>& times, size_t percent) {
    std::sort(times.begin(), times.end());
    return times[(times.size() - 1) * percent / 100];
  };
  state.counters["p50_ms"] = percentile(whole, 50);
  state.counters["p99_ms"] = percentile(whole, 99);
  state.counters["gather_p50_ms"] = percentile(gathering, 50);
  state.counters["gather_p99_ms"] = percentile(gathering, 99);
}
BENCHMARK(BM_PreviewOneTenant)->Unit(benchmark::kMillisecond)->Iterations(400)->UseRealTime();

}  // namespace
}  // namespace penstock::ledger
