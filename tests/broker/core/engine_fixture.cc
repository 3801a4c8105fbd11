#include "tests/broker/core/engine_fixture.h"

#include <algorithm>
#include <map>

#include "broker/core/past.h"
#include "ledger/books_rows.h"
#include "tests/ledger/shared_journal.h"

namespace penstock::core {
namespace {

constexpr uint64_t kCommandsBetweenWriteBacks = 23;

/// Passes everything on to a journal that outlives it.
TenantSettings TenantOf(const std::string& name, Tier tier) {
  TenantSettings tenant;
  tenant.name = name;
  tenant.tier = tier;
  tenant.keys.push_back({.name = "prod"});
  return tenant;
}

ledger::Tariff SmallTariff() {
  ledger::Tariff tariff{.version = "test-1", .currency = "USD"};
  ledger::PoolPrices prices{.pool = "chat", .demand = {ledger::BusiestMinute(500)}};
  for (size_t c = 1; c < kServiceClassCount; ++c) {
    prices.by_class[c][TokenKind::kInput] = 600'000;
    prices.by_class[c][TokenKind::kCachedInput] = 60'000;
    prices.by_class[c][TokenKind::kOutput] = 2'400'000;
    prices.by_class[c][TokenKind::kReasoning] = 2'400'000;
  }
  tariff.pools.push_back(prices);
  return tariff;
}

}  // namespace

EngineSettings SmallWorld() {
  EngineSettings settings;
  PoolSettings pool{.name = "chat", .model = "small"};
  pool.terms.capacity = NormalizedTokensPerSecond(1'000);
  pool.terms.burst = NormalizedTokens(4'000);
  pool.terms.max_in_flight = 4;
  pool.terms.classes[static_cast<size_t>(ServiceClass::kDefault)].weight = 10;
  pool.terms.classes[static_cast<size_t>(ServiceClass::kSpillover)].weight = 10;
  pool.burndown[TokenKind::kInput] = 1'000;
  pool.burndown[TokenKind::kCachedInput] = 100;
  pool.burndown[TokenKind::kOutput] = 4'000;
  pool.burndown[TokenKind::kReasoning] = 4'000;
  pool.predicted_output = Tokens(50);
  pool.lease = Seconds(60);
  pool.settle_within = Seconds(600);
  settings.pools.push_back(pool);
  settings.tenants.push_back(TenantOf("tramp", Tier::kFree));
  settings.tenants.push_back(TenantOf("shop", Tier::kElastic));
  TenantSettings acme = TenantOf("acme", Tier::kReserved);
  acme.reservations = {
      ReservationSettings{.pool = "chat",
                          .kind = std::nullopt,
                          .rate = {.quantity = 400'000, .period = Seconds(1), .burst = NormalizedTokens(800).count()},
                          .overrun = Overrun::kSpill}};
  settings.tenants.push_back(acme);
  settings.tariff = SmallTariff();
  return settings;
}

std::unique_ptr<ledger::Journal> KeptJournal::CopyOfEntries() const {
  std::unique_ptr<ledger::Journal> copy = ledger::NewMemoryJournal();
  PENSTOCK_CHECK(
      journal_->Read(1, [&copy](uint64_t, std::string_view payload) { return copy->Append({payload}); }).ok());
  return copy;
}

std::unique_ptr<ledger::Journal> KeptJournal::Handle() { return std::make_unique<ledger::SharedJournal>(journal_); }

EngineWorld::EngineWorld(EngineSettings settings, SchedulerFactory scheduling)
    : settings_(std::move(settings)), scheduling_(std::move(scheduling)) {
  Open();
}

void EngineWorld::Open() {
  auto engine = Engine::Open(settings_, journal_.Handle(), scheduling_, now_);
  PENSTOCK_CHECK(engine.ok());
  engine_ = *std::move(engine);
}

void EngineWorld::Restart(Duration after) {
  engine_.reset();
  answers_.clear();
  now_ = now_ + after;
  auto replayed = Engine::Open(settings_, journal_.CopyOfEntries(), scheduling_, now_);
  PENSTOCK_CHECK(replayed.ok());
  Open();
  engine_->CheckInvariants();
  EXPECT_EQ(engine_->ledger().opening().warning, "");
  WriteBack();
  ExpectSameState(**replayed);
}

void EngineWorld::WriteBack() {
  ledger::RowBatch rows;
  engine_->TakeChanges(&rows);
  PENSTOCK_CHECK(engine_->ledger().WriteChanges(rows).ok());
}

// The engine's own rows are all that it takes from the past beside the books. Levels may differ by what a full replay
// rounds to minutes; everything else is the same to the byte.
void EngineWorld::ExpectSameState(const Engine& replayed) const {
  EXPECT_TRUE(engine_->books() == replayed.books());
  const auto own_rows = [](const Engine& engine) {
    std::map<std::string, std::string> rows;
    PENSTOCK_CHECK(engine.ledger()
                       .projections()
                       .Read([&rows](std::string_view key, std::string_view value) {
                         if (ledger::KindOf(key) >= ledger::RowKind::kFirstForeign) rows.emplace(key, value);
                         return absl::OkStatus();
                       })
                       .ok());
    return rows;
  };
  const std::map<std::string, std::string> loaded_rows = own_rows(*engine_);
  const std::map<std::string, std::string> replayed_rows = own_rows(replayed);
  const auto without_levels = [this](std::map<std::string, std::string> rows) {
    std::erase_if(rows, [this](const auto& row) {
      const auto kind = static_cast<OwnRow>(row.first.front());
      return kind == OwnRow::kLevels || (kind == OwnRow::kRun && reconfigured_);
    });
    return rows;
  };
  EXPECT_TRUE(without_levels(loaded_rows) == without_levels(replayed_rows))
      << loaded_rows.size() << " and " << replayed_rows.size() << " rows";
  for (uint32_t key = 1; key <= engine_->books().CountOf(ledger::NameKind::kKey); ++key) {
    const MoneyVerdict a = engine_->accounts().MoneyLeft(KeyId{key}, now_);
    const MoneyVerdict b = replayed.accounts().MoneyLeft(KeyId{key}, now_);
    EXPECT_EQ(a.left.ToDecimal(), b.left.ToDecimal()) << "budgets of key " << key;
  }
}

TenantId EngineWorld::TenantNamed(const std::string& name) const {
  return TenantId{*engine_->books().IdOf(ledger::NameKind::kTenant, 0, name)};
}

KeyId EngineWorld::KeyNamed(const std::string& tenant, const std::string& key) const {
  return KeyId{*engine_->books().IdOf(ledger::NameKind::kKey, TenantNamed(tenant).value, key)};
}

PoolId EngineWorld::PoolNamed(const std::string& name) const {
  return PoolId{*engine_->books().IdOf(ledger::NameKind::kPool, 0, name)};
}

Admit EngineWorld::Request(const std::string& tenant, const std::string& id, int64_t input, int64_t max_output) const {
  Admit admit;
  admit.tenant = TenantNamed(tenant);
  admit.key = KeyId{*engine_->books().IdOf(ledger::NameKind::kKey, admit.tenant.value, "prod")};
  admit.request_id = id;
  admit.body = ledger::DigestOf(tenant + std::to_string(input) + "/" + std::to_string(max_output));
  admit.pools = {PoolId{1}};
  admit.input[TokenKind::kInput] = Tokens(input);
  admit.max_output = Tokens(max_output);
  admit.max_wait = Seconds(5);
  return admit;
}

void EngineWorld::Do(Command command) {
  reconfigured_ = reconfigured_ || std::holds_alternative<Reconfigure>(command);
  Effects effects;
  engine_->Apply(command, now_, &effects);
  PENSTOCK_CHECK(engine_->ledger().WriteBatch().ok());
  if (watcher_) watcher_(command, effects.answers);
  if (++commands_ % kCommandsBetweenWriteBacks == 0) WriteBack();
  for (Answer& answer : effects.answers) {
    last_release_ = answer.release;
    answers_.push_back(std::move(answer));
  }
}

void EngineWorld::Advance(Duration later) {
  const Instant until = now_ + later;
  for (Instant wake = engine_->NextWake(); wake <= until; wake = engine_->NextWake()) {
    Tick(std::max(wake, now_ + Nanoseconds(1)) - now_);
  }
  if (now_ < until) Tick(until - now_);
}

Ticket EngineWorld::Offer(Admit admit) {
  admit.ticket = ++ticket_;
  Do(admit);
  return ticket_;
}

std::optional<Outcome> EngineWorld::AnswerTo(Ticket ticket) {
  const auto found =
      std::find_if(answers_.begin(), answers_.end(), [&](const Answer& answer) { return answer.ticket == ticket; });
  if (found == answers_.end()) return std::nullopt;
  Outcome outcome = std::move(found->outcome);
  answers_.erase(found);
  return outcome;
}

Granted EngineWorld::GrantNow(Admit admit) {
  const Outcome outcome = Ask(std::move(admit));
  EXPECT_TRUE(std::holds_alternative<Granted>(outcome)) << "expected a grant, got outcome " << outcome.index();
  return std::holds_alternative<Granted>(outcome) ? std::get<Granted>(outcome) : Granted{};
}

Refused EngineWorld::RefuseNow(Admit admit) {
  const Outcome outcome = Ask(std::move(admit));
  EXPECT_TRUE(std::holds_alternative<Refused>(outcome)) << "expected a refusal, got outcome " << outcome.index();
  return std::holds_alternative<Refused>(outcome) ? std::get<Refused>(outcome) : Refused{};
}

Progressed EngineWorld::ProgressNow(const Granted& granted, int64_t input, int64_t output) {
  const Outcome outcome = Ask(Progress{.grant = granted.id, .so_far = InputOutput(input, output)});
  EXPECT_TRUE(std::holds_alternative<Progressed>(outcome)) << "expected progress, got outcome " << outcome.index();
  return std::holds_alternative<Progressed>(outcome) ? std::get<Progressed>(outcome) : Progressed{};
}

Complete EngineWorld::CompletionOf(const Granted& granted, int64_t input, int64_t output) {
  Complete complete;
  complete.grant = granted.id;
  complete.terms = granted.terms;
  complete.issued = granted.issued;
  complete.tokens = InputOutput(input, output);
  complete.body = ledger::DigestOf(std::to_string(input) + "/" + std::to_string(output));
  return complete;
}

Completed EngineWorld::CompleteNow(const Granted& granted, int64_t input, int64_t output) {
  const Outcome outcome = Ask(CompletionOf(granted, input, output));
  EXPECT_TRUE(std::holds_alternative<Completed>(outcome)) << "expected a settlement, got outcome " << outcome.index();
  return std::holds_alternative<Completed>(outcome) ? std::get<Completed>(outcome) : Completed{};
}

admission::LimitTerms LimitOf(const std::string& name, admission::Measure measure, int64_t quantity, Duration period) {
  return {.name = name, .measure = measure, .rate = {.quantity = quantity, .period = period, .burst = quantity}};
}

ledger::Money Usd(const std::string& decimal) { return *ledger::Money::FromDecimal(decimal); }

EngineSettings WithPool(EngineSettings settings, const std::string& name) {
  settings.pools.push_back(settings.pools[0]);
  settings.pools.back().name = name;
  settings.tariff.pools.push_back(settings.tariff.pools[0]);
  settings.tariff.pools.back().pool = name;
  return settings;
}

TokenCounts InputOutput(int64_t input, int64_t output) {
  TokenCounts tokens;
  tokens[TokenKind::kInput] = Tokens(input);
  tokens[TokenKind::kOutput] = Tokens(output);
  return tokens;
}

}  // namespace penstock::core
