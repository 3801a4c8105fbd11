// Quotes and purchases per second against calendars of 10^3 to 10^6 sold windows, and what a minute of the market costs.
// Through the engine on a memory journal: decisions, entries and books. Beside them an engine that is only told the time.
#include <benchmark/benchmark.h>

#include <memory>
#include <random>
#include <string>

#include "admission/vocabulary/check.h"
#include "broker/core/engine.h"
#include "broker/market/reshape.h"
#include "tests/broker/core/market_fixture.h"

namespace penstock::core {
namespace {

constexpr int64_t kStepsEach = 2'000;  // of the reservations that fill the calendar
constexpr int64_t kYears = 10;

class SoldMarket {
 public:
  explicit SoldMarket(int64_t windows) : settings_(MarketWorld()) {
    PoolSettings& pool = settings_.pools.front();
    pool.terms.capacity = NormalizedTokensPerSecond(1'000'000'000);
    pool.terms.burst = NormalizedTokens(1'000'000'000);
    pool.terms.max_in_flight = 1'000'000;
    pool.market.envelope.mean_work = NormalizedTokens(1'000'000);
    pool.market.furthest = Days(366 * kYears);
    // A price an hour: demand comes and goes by the hour.
    pool.market.posted.most_steps = 100;
    pool.market.posted.least_between = Minutes(30);
    auto engine = Engine::Open(settings_, ledger::NewMemoryJournal(), FairScheduling(), now_);
    PENSTOCK_CHECK(engine.ok());
    engine_ = *std::move(engine);
    SetPlan::Demand demand{.pool = PoolId{1}, .from = WindowStart(now_, Hours(1)), .hours = {}, .holdback_slots = 0};
    for (size_t hour = 0; hour < ledger::kMaxDemandHours; ++hour) {
      demand.hours.push_back({hour % 2 == 0 ? WorkPerSecond() : pool.terms.capacity, WorkPerSecond()});
    }
    SetPlan plan;
    plan.demands = {std::move(demand)};
    Do(std::move(plan));
    for (int64_t left = windows; left > 0; left -= kStepsEach) Buy(std::min(left, kStepsEach));
  }

  /// A window of nine hours within the next year.
  void BuyOne() {
    const Instant from = market::WholeMinute(now_) + Minutes(60 + Below(365 * 24 * 60));
    Buy({{from, from + Hours(9), NormalizedTokensPerSecond(100), 0}});
  }
  void Quote(bool only_asked) {
    const Instant from = market::WholeMinute(now_) + Minutes(60 + Below(365 * 24 * 60));
    AskQuote ask = Ask({{from, from + Hours(9), NormalizedTokensPerSecond(100), 0}});
    ask.caller.validate_only = only_asked;
    Do(std::move(ask));
  }
  void Minute() {
    now_ = WindowStart(now_, Minutes(1)) + Minutes(1);
    Do(Tick{});
  }
  void Hour() {
    now_ = now_ + Hours(1);
    Do(Tick{});
  }
  void Tick1() {
    now_ = now_ + Nanoseconds(1);
    Do(Tick{});
  }
  size_t prices() const { return engine_->books().market().prices().size(); }

 private:
  int64_t Below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  AskQuote Ask(std::vector<ledger::RateStep> steps) const {
    AskQuote ask;
    ask.ticket = 1;
    ask.caller.tenant = TenantId{2};
    ask.caller.by = "bench";
    ask.wish.pool = PoolId{1};
    ask.wish.steps = std::move(steps);
    return ask;
  }
  void Buy(int64_t windows) {
    std::vector<ledger::RateStep> steps;
    // Apart by some hours, so that all of them lie within the years.
    const int64_t apart = kYears * 365 * 24 * 60 / kStepsEach;
    Instant at = market::WholeMinute(now_) + Minutes(60 + Below(apart));
    for (int64_t i = 0; i < windows; ++i) {
      const int64_t length = 1 + Below(apart - 2);
      steps.push_back({at, at + Minutes(length), NormalizedTokensPerSecond(1 + Below(10)), 0});
      at = at + Minutes(apart);
    }
    Buy(std::move(steps));
  }
  void Buy(std::vector<ledger::RateStep> steps) {
    Do(Ask(std::move(steps)));
    AcceptQuote accept{.ticket = 2, .caller = {}, .quote = engine_->books().market().last_quote()};
    accept.caller.tenant = TenantId{2};
    accept.caller.by = "bench";
    Do(std::move(accept));
    const auto& outcome = effects_.answers.back().outcome;
    PENSTOCK_CHECK(std::holds_alternative<ReservationChanged>(outcome));
  }
  void Do(Command command) {
    effects_.answers.clear();
    effects_.waits.clear();
    effects_.observations.clear();
    engine_->Apply(std::move(command), now_, &effects_);
    PENSTOCK_CHECK(engine_->ledger().WriteBatch().ok());
  }

  EngineSettings settings_;
  std::unique_ptr<Engine> engine_;
  Instant now_ = kStart;
  Effects effects_;
  std::mt19937_64 random_{7};
};

SoldMarket& Sold(int64_t windows) {
  static std::unique_ptr<SoldMarket> market;
  static int64_t has = -1;
  if (has != windows) {
    market = std::make_unique<SoldMarket>(windows);
    has = windows;
  }
  return *market;
}

void QuoteAndAccept(benchmark::State& state) {
  SoldMarket& market = Sold(state.range(0));
  for (auto _ : state) market.BuyOne();
  state.SetItemsProcessed(state.iterations());
}

void QuoteOnly(benchmark::State& state) {
  SoldMarket& market = Sold(state.range(0));
  for (auto _ : state) market.Quote(/*only_asked=*/true);
  state.SetItemsProcessed(state.iterations());
}

void MarketMinute(benchmark::State& state) {
  SoldMarket& market = Sold(state.range(0));
  for (auto _ : state) market.Minute();
  state.counters["prices posted"] = static_cast<double>(market.prices());
}

/// Another price each time: inputs, curve, entry, books. (Reservations whose turn comes in the hour are in it.)
void PostAPrice(benchmark::State& state) {
  SoldMarket& market = Sold(state.range(0));
  const size_t before = market.prices();
  for (auto _ : state) market.Hour();
  state.counters["prices posted"] = static_cast<double>(market.prices() - before);
}

void ToldTheTime(benchmark::State& state) {
  SoldMarket& market = Sold(state.range(0));
  for (auto _ : state) market.Tick1();
}

void Sizes(benchmark::internal::Benchmark* bench) {
  for (const int64_t n : {1'000, 10'000, 100'000, 1'000'000}) bench->Arg(n);
}

BENCHMARK(QuoteAndAccept)->Apply(Sizes)->Iterations(2'000);
BENCHMARK(QuoteOnly)->Apply(Sizes)->Iterations(2'000);
BENCHMARK(ToldTheTime)->Apply(Sizes)->Iterations(20'000);
BENCHMARK(MarketMinute)->Apply(Sizes)->Iterations(600);

BENCHMARK(PostAPrice)->Arg(0)->Iterations(1'000);

}  // namespace
}  // namespace penstock::core

BENCHMARK_MAIN();
