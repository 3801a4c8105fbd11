// One whole decision of the engine: Admit (identity, policy, limits, budget, line), the dispatch it waits for, Progress
// and Complete, with as many tenants waiting in line as `flows` says. Commands are applied in batches of 255,
// as they come from a Session; with `expected` 1 the engine is told about them ahead (Engine::Expect), as the daemon's
// loop does. The journal's entries are made and encoded and go nowhere: hashing and writing them is measured by
// ledger_bench. The figure to read is `decision`.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/engine.h"
#include "tests/broker/core/nowhere_journal.h"

namespace penstock::core {
namespace {

constexpr int64_t kSlots = 128;
constexpr int64_t kBatch = 85;  // decisions, of three commands each
constexpr int64_t kWarmUp = ledger::kRememberedEnds + 100'000;
constexpr int64_t kDecisions = 400'000;

admission::LimitPolicy RequestsAndTokens() {
  using admission::Measure;
  const auto per_minute = [](const char* name, Measure measure, int64_t quantity) {
    return admission::LimitTerms{.name = name,
                                 .measure = measure,
                                 .kind = TokenKind::kInput,
                                 .rate = {.quantity = quantity, .period = Minutes(1), .burst = quantity}};
  };
  return {.limits = {per_minute("requests_per_minute", Measure::kRequests, 1'000'000'000),
                     per_minute("tokens_per_minute", Measure::kTokens, 1'000'000'000'000)},
          .max_parallel = 1'000'000};
}

EngineSettings World(int64_t tenants) {
  EngineSettings settings;
  PoolSettings pool{.name = "chat", .model = "bench"};
  pool.terms.capacity = NormalizedTokensPerSecond(1'000'000'000'000);
  pool.terms.burst = NormalizedTokens(1'000'000'000'000);
  pool.terms.max_in_flight = kSlots;
  for (admission::ClassTerms& terms : pool.terms.classes) terms.max_waiting = 10'000'000;
  pool.burndown[TokenKind::kInput] = 1'000;
  pool.burndown[TokenKind::kOutput] = 4'000;
  settings.pools.push_back(pool);
  for (int64_t i = 0; i < tenants; ++i) {
    TenantSettings tenant{.name = "t" + std::to_string(i), .tier = Tier::kElastic, .weight = 1 + i % 7};
    tenant.limits = RequestsAndTokens();
    tenant.keys.push_back({.name = "prod", .limits = RequestsAndTokens()});
    tenant.keys[0].budgets.push_back(
        {"month", BudgetTerms::Period::kMonth, ledger::Money::FromPico(INT64_MAX) * 1'000'000});
    settings.tenants.push_back(std::move(tenant));
  }
  settings.tariff.version = "bench";
  settings.tariff.currency = "USD";
  ledger::PoolPrices prices{.pool = "chat"};
  prices.by_class[static_cast<size_t>(ServiceClass::kDefault)][TokenKind::kInput] = 600'000;
  prices.by_class[static_cast<size_t>(ServiceClass::kDefault)][TokenKind::kOutput] = 2'400'000;
  settings.tariff.pools.push_back(prices);
  return settings;
}

class Bench {
 public:
  explicit Bench(int64_t tenants) : tenants_(tenants) {
    auto engine = Engine::Open(World(tenants), std::make_unique<NowhereJournal>(), FairScheduling(),
                               Instant(1'700'000'000'000'000'000));
    PENSTOCK_CHECK(engine.ok());
    engine_ = *std::move(engine);
    pools_ = {PoolId{1}};
    // Every tenant stands in line once, and the slots are taken.
    for (int64_t i = 0; i < tenants + kSlots; ++i) {
      Ask(i % tenants);
      Apply(/*expected=*/false);
    }
  }

  int64_t tenants() const { return tenants_; }

  void DecideBatch(bool expected) {
    for (int64_t i = 0; i < kBatch; ++i) Decide();
    Apply(expected);
    PENSTOCK_CHECK(engine_->ledger().WriteBatch().ok());
  }

 private:
  struct Running {
    GrantId id;
    ledger::GrantTerms terms;
  };

  /// One more request in line, and the oldest running one reports and ends, so that the next is dispatched.
  void Decide() {
    random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
    Ask(static_cast<int64_t>((random_ >> 33) % static_cast<uint64_t>(tenants_)));
    const Running running = running_.front();
    running_.pop_front();
    Progress progress;
    progress.grant = running.id;
    progress.so_far[TokenKind::kInput] = Tokens(500);
    progress.so_far[TokenKind::kOutput] = Tokens(100);
    Do(progress);
    Complete complete;
    complete.grant = running.id;
    complete.terms = running.terms;
    complete.issued = now_;
    complete.tokens[TokenKind::kInput] = Tokens(500);
    complete.tokens[TokenKind::kOutput] = Tokens(200);
    Do(complete);
  }

  void Ask(int64_t tenant) {
    Admit admit;
    admit.ticket = ++ticket_;
    admit.tenant = TenantId{static_cast<uint32_t>(tenant + 1)};
    admit.key = KeyId{static_cast<uint32_t>(tenant + 1)};
    char id[16];
    admit.request_id.assign(
        id, static_cast<size_t>(std::snprintf(id, sizeof(id), "r%llu", static_cast<unsigned long long>(ticket_))));
    admit.pools = pools_;
    admit.input[TokenKind::kInput] = Tokens(500);
    admit.max_output = Tokens(400);
    admit.max_wait = Hours(1);
    Do(std::move(admit));
  }

  template <class T>
  void Do(T command) {
    if constexpr (requires { command.ticket; }) command.ticket = command.ticket == 0 ? ++ticket_ : command.ticket;
    batch_.emplace_back(std::move(command));
  }

  void Apply(bool expected) {
    for (size_t i = 0; i < batch_.size(); ++i) {
      if (expected) engine_->ExpectAhead(i, batch_.size(), [this](size_t n) -> Command& { return batch_[n]; });
      now_ = now_ + Nanoseconds(1'000);
      engine_->Apply(std::move(batch_[i]), now_, &effects_);
    }
    batch_.clear();
    for (const Answer& answer : effects_.answers) {
      if (const auto* granted = std::get_if<Granted>(&answer.outcome))
        running_.push_back({granted->id, granted->terms});
    }
    effects_.answers.clear();
    effects_.observations.clear();
    effects_.waits.clear();
  }

  const int64_t tenants_;
  std::unique_ptr<Engine> engine_;
  std::vector<PoolId> pools_;
  std::deque<Running> running_;
  std::vector<Command> batch_;
  Effects effects_;
  Instant now_{1'700'000'000'000'000'000};
  Ticket ticket_ = 0;
  uint64_t random_ = 42;
};

/// In steady state. The last one is kept, so that both figures for a number of tenants are of the same one.
Bench& BenchOf(int64_t tenants) {
  static std::unique_ptr<Bench> bench;
  if (bench != nullptr && bench->tenants() == tenants) return *bench;
  bench.reset();
  bench = std::make_unique<Bench>(tenants);
  // Until the ring of ended grants has been filled once: before that every decision pays for pages that are new.
  for (int64_t i = 0; i < kWarmUp / kBatch; ++i) bench->DecideBatch(/*expected=*/true);
  return *bench;
}

void WholeDecision(benchmark::State& state) {
  Bench& bench = BenchOf(state.range(1));
  for (auto _ : state) bench.DecideBatch(state.range(0) != 0);
  using benchmark::Counter;
  state.counters["decision"] =
      Counter(static_cast<double>(state.iterations() * kBatch), Counter::kIsRate | Counter::kInvert);
}
BENCHMARK(WholeDecision)
    ->ArgNames({"expected", "flows"})
    ->ArgsProduct({{0, 1}, {10, 1'000, 100'000, 1'000'000}})
    ->Iterations(kDecisions / kBatch);

}  // namespace
}  // namespace penstock::core

BENCHMARK_MAIN();
