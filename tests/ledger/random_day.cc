#include "tests/ledger/random_day.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "admission/vocabulary/check.h"
#include "ledger/statement.h"
#include "tests/ledger/random.h"
#include "tests/ledger/random_market.h"
#include "tests/ledger/small_world.h"

namespace penstock::ledger {
namespace {

void MustApply(const Entry& entry, Books* books) {
  const absl::Status applied = books->Apply(entry);
  if (!applied.ok()) CheckFailed(applied.ToString().c_str(), __FILE__, __LINE__);
}

class DayMaker {
 public:
  DayMaker(uint64_t seed, size_t remembered_ends) : random_(seed), books_(remembered_ends) {
    for (const Entry& entry : OpeningEntries()) Post(entry);
  }

  void Step() {
    now_ =
        now_ + (random_.OneIn(40) ? Minutes(random_.Between(1, 300)) : Nanoseconds(random_.Between(0, 9'000'000'000)));
    const int64_t dice = random_.Between(0, 103);
    if (random_.OneIn(5)) return Trade();
    if (random_.OneIn(25)) return random_.OneIn(2) ? Alert() : Raise();
    if (dice < 40) return Grant();
    if (dice < 52) return Progress();
    if (dice < 55) return Report();
    if (dice < 85) return Settle();
    if (dice < 88) return Void();
    if (dice < 93) return Expire();
    if (dice < 95) return SettleLate();
    if (dice < 97) return SettleLost();
    if (dice < 98) return Boot();
    if (dice < 99) return NewTariff();
    if (dice < 100) return NewKey();
    if (dice < 101) return Subscribe();
    if (dice < 102) return AddCredit();
    Close();
  }

  std::vector<Entry> Entries() && { return std::move(entries_); }

 private:
  void Post(const Entry& entry) {
    MustApply(entry, &books_);
    entries_.push_back(entry);
  }

  GrantTerms SomeTerms() {
    GrantTerms terms;
    terms.key = KeyId{static_cast<uint32_t>(random_.Between(1, books_.CountOf(NameKind::kKey)))};
    terms.tenant = TenantId{books_.NameOf(NameKind::kKey, terms.key.value).owner};
    terms.pool = random_.OneIn(8) ? kUnpriced : kLlama;
    terms.served = static_cast<ServiceClass>(random_.Index(kServiceClassCount));
    terms.tariff = static_cast<uint32_t>(random_.Between(1, static_cast<int64_t>(books_.tariffs().size())));
    const PoolPrices* pool = books_.tariffs()[terms.tariff - 1].tariff.PricesOf("llama");
    if (terms.pool != kLlama || !pool->coupling.Covers(terms.served)) return terms;
    const MarketRecords& market = books_.market();
    const PriceEntry* price = random_.OneIn(2) ? market.PinOf(terms.tenant, kLlama, now_) : market.PostedAt(kLlama, now_);
    if (price != nullptr && !random_.OneIn(4)) terms.posted = price->id;
    return terms;
  }

  TokenCounts SomeTokens() {
    TokenCounts tokens = Tokens3(random_.Between(0, 5000), random_.Between(0, 900), random_.Between(0, 2000));
    if (random_.OneIn(4)) tokens[TokenKind::kReasoning] = Tokens(random_.Between(0, 20'000));
    return tokens;
  }

  /// Up to three attributions that end by now, some of them long past.
  Attributions SomeAttributions() {
    Attributions attributions(random_.Index(4));
    for (Attribution& a : attributions) {
      a.to = random_.OneIn(10) ? now_ - Minutes(random_.Between(0, 60)) : now_;
      a.from = a.to - Nanoseconds(random_.OneIn(4) ? 0 : random_.Between(0, 200'000'000'000));
      a.work = Work(random_.Between(0, 9'000'000));
    }
    return attributions;
  }

  static Work Sum(const Attributions& attributions) {
    Work sum;
    for (const Attribution& a : attributions) sum += a.work;
    return sum;
  }

  const OpenGrant* SomeOpen() {
    if (books_.open_count() == 0) return nullptr;
    return books_.OpenInOrder()[random_.Index(books_.open_count())];
  }

  /// Mostly a new one, now and then none or that of a grant that has ended.
  std::string SomeRequestId(TenantId tenant) {
    if (random_.OneIn(20)) return "";
    std::string& used = request_ids_[random_.Index(std::size(request_ids_))];
    const RequestRecord* known = books_.FindRequest(tenant, used);
    if (!random_.OneIn(4) || (known != nullptr && books_.FindOpen(known->grant) != nullptr)) used = random_.Bytes(12);
    return used;
  }

  void Grant() {
    GrantEntry grant = Granted({books_.epoch(), books_.last_grant_sequence() + 1}, now_, SomeTerms());
    grant.hold = Money::FromPico(random_.Between(0, 1'000'000'000));
    grant.estimate = SomeTokens();
    grant.work = Work(random_.Between(0, 1'000'000));
    grant.output_cap = Tokens(random_.Between(0, 100'000));
    grant.request_id = SomeRequestId(grant.terms.tenant);
    if (random_.OneIn(2)) grant.run = "run-" + std::to_string(random_.Between(1, 30));
    if (random_.OneIn(2)) grant.labels = {{"team", "team-" + std::to_string(random_.Between(1, 4))}};
    if (random_.OneIn(5)) grant.labels.push_back({"job", random_.Bytes(3)});
    if (random_.OneIn(20)) grant.labels.push_back(grant.labels.empty() ? Label{"", "no key"} : grant.labels.front());
    Post(grant);
  }

  void Progress() {
    const OpenGrant* open = SomeOpen();
    if (open == nullptr) return;
    ProgressEntry progress;
    progress.id = open->grant.id;
    progress.at = now_;
    progress.so_far = open->so_far + SomeTokens();
    progress.lease_deadline = now_ + Minutes(1);
    progress.settle_deadline = now_ + Minutes(10);
    progress.output_cap = random_.OneIn(2) ? open->grant.output_cap : Tokens(random_.Between(0, 100'000));
    progress.hold = random_.OneIn(2) ? open->grant.hold : Money::FromPico(random_.Between(0, 1'000'000'000));
    progress.attributions = SomeAttributions();
    Post(progress);
  }

  void SettleAs(GrantId id, const GrantTerms& terms, bool billed, const TokenCounts& so_far, Work attributed) {
    SettleEntry settle;
    settle.id = id;
    settle.terms = terms;
    settle.at = now_;
    settle.outcome = static_cast<Outcome>(random_.Index(3));
    settle.billed = billed;
    settle.tokens = so_far + SomeTokens();
    if (billed && random_.OneIn(4)) settle.unbilled = SomeTokens();
    settle.attributions = SomeAttributions();
    settle.work = attributed + Sum(settle.attributions);
    if (billed) settle.charge = TokenCharge(settle.tokens, books_.PricesOf(terms));
    Post(settle);
  }

  void Settle() {
    const OpenGrant* open = SomeOpen();
    if (open != nullptr) SettleAs(open->grant.id, open->grant.terms, true, open->so_far, open->attributed);
  }

  void SettleLate() {
    if (expired_.empty()) return;
    const GrantId id = expired_.back();
    expired_.pop_back();
    const EndedGrant* ended = books_.FindEnded(id);
    if (ended != nullptr) SettleAs(id, ended->terms, false, ended->tokens, ended->work);
  }

  void SettleLost() {
    if (lost_.empty()) return;
    SettleAs(lost_.back(), SomeTerms(), !random_.OneIn(5), TokenCounts(), Work());
    lost_.pop_back();
  }

  void Void() {
    if (const OpenGrant* open = SomeOpen()) Post(VoidEntry{open->grant.id, now_, VoidReason::kUndeliverable});
  }

  void Expire() {
    const OpenGrant* open = SomeOpen();
    if (open == nullptr) return;
    expired_.push_back(open->grant.id);
    Post(ExpireEntry{open->grant.id, now_});
  }

  void Boot() {
    if (random_.OneIn(2)) {
      Post(StopEntry{books_.epoch(), now_});
    } else {
      for (uint64_t n = 1; n <= 3; ++n) lost_.push_back({books_.epoch(), books_.last_grant_sequence() + n});
    }
    Post(BootEntry{books_.epoch() + 1, now_});
  }

  void NewTariff() {
    Tariff tariff = FirstTariff();
    tariff.version = "v" + std::to_string(books_.tariffs().size() + 1);
    tariff.effective = now_;
    for (TokenPrices& prices : tariff.pools.front().by_class) {
      for (TokenKind kind : kAllTokenKinds) prices[kind] = random_.Between(0, 99'999'999);
    }
    tariff.pools.front().coupling = {0b1111, {11, 10}, 10};
    Post(TariffEntry{static_cast<uint32_t>(books_.tariffs().size() + 1), tariff});
  }

  /// Outcomes of some moment until now, or the reversal of a report.
  void Report() {
    OutcomeEntry report;
    report.id = books_.outcomes().last_id() + 1;
    report.tenant = random_.OneIn(2) ? kAcme : kBolt;
    report.at = now_;
    if (!random_.OneIn(4)) report.request_id = "report-" + std::to_string(report.id);
    const auto& reports = books_.outcomes().remembered();
    const OutcomeReport* known = reports.empty() ? nullptr : &reports[random_.Index(reports.size())];
    if (random_.OneIn(3) && known != nullptr && known->reverses == 0 && known->reversed_by == 0) {
      report.tenant = known->tenant;
      report.reverses = known->id;
      report.happened = known->happened;
      report.name = books_.outcomes().NameOf(known->name).name;
      report.accepted = -known->count.accepted;
      report.rejected = -known->count.rejected;
      return Post(report);
    }
    report.happened = random_.OneIn(3) ? now_ - Minutes(random_.Between(0, 90'000)) : now_;
    report.name = "outcome-" + std::to_string(random_.Between(1, 3));
    report.accepted = random_.Between(0, 5);
    report.rejected = random_.Between(report.accepted == 0 ? 1 : 0, 3);
    if (random_.OneIn(2)) report.run = "run-" + std::to_string(random_.Between(1, 40));
    if (random_.OneIn(2)) report.labels = {{"team", "team-" + std::to_string(random_.Between(1, 5))}};
    Post(report);
  }

  void NewKey() {
    const uint32_t id = books_.CountOf(NameKind::kKey) + 1;
    Post(NameEntry{NameKind::kKey, id, static_cast<uint32_t>(random_.Between(1, 2)), "key-" + std::to_string(id)});
    if (random_.OneIn(2)) NewProjectOf(KeyId{id});
  }

  BudgetOf SomeBudget() {
    BudgetOf budget;
    budget.scope = static_cast<BudgetScope>(random_.Index(3));
    budget.tenant = TenantId{static_cast<uint32_t>(random_.Between(1, 2))};
    const NameKind kind = budget.scope == BudgetScope::kKey ? NameKind::kKey : NameKind::kProject;
    if (budget.scope == BudgetScope::kProject && books_.CountOf(kind) == 0) budget.scope = BudgetScope::kTenant;
    if (budget.scope != BudgetScope::kTenant) {
      budget.subject = static_cast<uint32_t>(random_.Between(1, books_.CountOf(kind)));
      budget.tenant = TenantId{books_.NameOf(kind, budget.subject).owner};
    }
    budget.period = static_cast<BudgetPeriod>(random_.Index(3));
    budget.number = now_.nanoseconds_since_epoch() / Minutes(30).count() - random_.Between(0, 3);
    return budget;
  }

  void Alert() {
    AlertEntry alert{now_, SomeBudget(), static_cast<uint32_t>(random_.Between(1, 200)), Money::FromPico(1'000'000),
                     Money::FromPico(random_.Between(1, 500'000))};
    if (random_.OneIn(4)) {
      alert.budget.scope = BudgetScope::kRun;
      alert.budget.subject = 0;
      alert.budget.run = "run";
    } else if (alert.threshold <= books_.budget_records().LastThreshold(alert.budget)) {
      return;
    }
    Post(alert);
  }

  void Raise() {
    const std::vector<ledger::Raise>& raises = books_.budget_records().raises();
    const auto amount = [this] { return Money::FromPico(random_.Between(1, 1'000'000)); };
    if (raises.empty() || random_.OneIn(2)) {
      const auto id = static_cast<uint32_t>(raises.size() + 1);
      return Post(BudgetRaiseEntry{id, now_, "44d0a9ee", SomeBudget(), amount(), amount(), random_.OneIn(2), "why"});
    }
    const ledger::Raise& raise = raises[random_.Index(raises.size())];
    if (raise.decided) return Post(RunApprovalEntry{now_, TenantId{1}, "run", "0badcafe"});
    const bool approved = random_.OneIn(2);
    const Money from = amount();
    Post(
        BudgetChangeEntry{raise.asked.id, now_, "0badcafe", approved, from, approved ? from + raise.asked.more : from});
  }

  void NewProjectOf(KeyId key) {
    const uint32_t tenant = books_.NameOf(NameKind::kKey, key.value).owner;
    const std::string name = "project-" + std::to_string(random_.Index(4));
    if (!books_.IdOf(NameKind::kProject, tenant, name)) {
      Post(NameEntry{NameKind::kProject, books_.CountOf(NameKind::kProject) + 1, tenant, name});
    }
    Post(KeyProjectEntry{key, ProjectId{*books_.IdOf(NameKind::kProject, tenant, name)}});
  }

  void Trade() {
    if (const std::optional<Entry> entry = SomeMarketEntry(books_, now_, &random_)) Post(*entry);
  }

  TenantId SomeTenant() { return random_.OneIn(2) ? kAcme : kBolt; }

  void Subscribe() {
    rating::Subscription terms;
    terms.from = kNoon - Hours(random_.Between(0, 48));
    terms.minimum = Money::FromPico(random_.Between(0, 3)) * 1'000'000'000'000;
    if (random_.OneIn(2)) terms.seats["pro"] = random_.Between(1, 9);
    if (random_.OneIn(2)) terms.reservations.push_back({"llama", WorkPerSecond(1'000), kNoon, kNoon + Hours(9)});
    const TenantId tenant = SomeTenant();
    const SubscriptionEntry* known = books_.accounts().FindSubscription(tenant);
    if (known == nullptr || !(known->terms == terms)) Post(SubscriptionEntry{tenant, now_, terms});
  }

  void AddCredit() {
    const auto id = static_cast<uint32_t>(books_.accounts().credits().size() + 1);
    const auto kind = random_.OneIn(3) ? rating::Credit::Kind::kService : rating::Credit::Kind::kPrepaid;
    Post(CreditEntry{id, SomeTenant(), now_, "EUR",
                     {.name = "credit-" + std::to_string(id),
                      .kind = kind,
                      .amount = Money::FromPico(random_.Between(1, 5'000'000'000'000)),
                      .priority = random_.Between(0, 2),
                      .granted = now_ - Hours(random_.Between(0, 3)),
                      .expires = random_.OneIn(2) ? Instant::Max() : now_ + Hours(random_.Between(1, 9))}});
  }

  /// The hours since the last close; now and then a period once more.
  void Close() {
    const TenantId tenant = SomeTenant();
    const Accounts& accounts = books_.accounts();
    const auto tariff = static_cast<uint32_t>(random_.Between(1, static_cast<int64_t>(books_.tariffs().size())));
    Instant to = WindowStart(now_, Hours(1));
    Instant from = std::max(accounts.ClosedUntil(tenant), to - Hours(random_.Between(1, 9)));
    if (random_.OneIn(3) && !accounts.statements().empty()) {
      const StatementRecord& again = accounts.statements()[random_.Index(accounts.statements().size())];
      if (again.tenant == tenant && again.replaced_by == 0) std::tie(from, to) = std::tie(again.from, again.to);
    }
    if (from >= to) return;
    StatementEntry entry =
        RateStatement(GatherStatement(books_, tenant, from, to, books_.tariffs()[tariff - 1].tariff), tariff);
    entry.id = static_cast<uint32_t>(accounts.statements().size() + 1);
    entry.at = now_;
    Post(entry);
  }

  Random random_;
  Books books_;
  Instant now_ = kNoon;
  std::vector<Entry> entries_;
  std::vector<GrantId> expired_;
  std::vector<GrantId> lost_;
  std::array<std::string, 16> request_ids_;
};

}  // namespace

std::vector<Entry> RandomDay(uint64_t seed, int steps, size_t remembered_ends) {
  DayMaker day(seed, remembered_ends);
  for (int i = 0; i < steps; ++i) day.Step();
  return std::move(day).Entries();
}

Books BooksOf(const std::vector<Entry>& entries) {
  Books books;
  for (const Entry& entry : entries) MustApply(entry, &books);
  return books;
}

}  // namespace penstock::ledger
