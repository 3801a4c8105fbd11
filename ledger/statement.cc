#include "ledger/statement.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <concepts>
#include <map>
#include <string_view>
#include <type_traits>
#include <utility>

#include "admission/vocabulary/check.h"

namespace penstock::ledger {
namespace {

using rating::PoolUse;
using rating::Usage;

bool LooksBack(const DemandCharge& charge) { return charge.ratchet.look_back > 0; }

bool IsCoincident(const DemandCharge& charge) { return charge.rule == DemandRule::kCoincident; }

void AddTokens(const Books& books, TenantId tenant, Instant from, Instant to, std::map<PoolId, PoolUse>* pools,
               std::map<uint32_t, TokenPrices>* posted) {
  const std::map<BucketKey, Bucket>& buckets = books.meters().buckets();
  BucketKey first;
  first.tenant = tenant;
  for (auto it = buckets.lower_bound(first); it != buckets.end() && it->first.tenant == tenant; ++it) {
    const auto& [key, bucket] = *it;
    if (key.hour < from || key.hour >= to) continue;
    (*pools)[key.pool].tokens.push_back({key.hour, key.served, key.tariff, key.posted, bucket.tokens});
    if (key.posted != 0) posted->try_emplace(key.posted, books.market().prices()[key.posted - 1].prices);
  }
}

std::vector<rating::OutcomeUse> OutcomesOf(const Books& books, TenantId tenant, Instant from, Instant to) {
  std::vector<rating::OutcomeUse> uses;
  const std::map<OutcomeKey, OutcomeCount>& rows = books.outcomes().rows();
  for (auto it = rows.lower_bound({.tenant = tenant}); it != rows.end() && it->first.tenant == tenant; ++it) {
    const auto& [key, count] = *it;
    if (key.cut != 0 || key.hour < from || key.hour >= to || count.accepted == 0) continue;
    uses.push_back({books.outcomes().NameOf(key.name).name, key.hour, count.accepted});
  }
  return uses;
}

/// Calls `take` with every window of the tenant in the pool, elastic and reserved.
void ForWindows(const Books& books, TenantId tenant, PoolId pool, Instant from, Instant to, const auto& take) {
  const std::map<WindowKey, Window>& windows = books.meters().windows();
  for (const Tier tier : {Tier::kElastic, Tier::kReserved}) {
    const auto end = windows.lower_bound({tenant, pool, tier, to});
    for (auto it = windows.lower_bound({tenant, pool, tier, from}); it != end; ++it) {
      take(tier, rating::Sample{it->first.start, it->second.work, it->second.highest_second});
    }
  }
}

void AddWork(const Books& books, TenantId tenant, PoolId pool, Instant from, Instant to, const PoolPrices& prices,
             PoolUse* use) {
  if (std::any_of(prices.demand.begin(), prices.demand.end(), LooksBack))
    from = std::max(Instant(), from - kLongestLookBack);
  ForWindows(books, tenant, pool, from, to, [use](Tier tier, const rating::Sample& sample) {
    use->work.push_back({tier, sample});
  });
  if (std::none_of(prices.demand.begin(), prices.demand.end(), IsCoincident)) return;
  const std::map<PoolWindowKey, Work>& everyone = books.meters().pool_windows();
  const auto end = everyone.lower_bound({pool, to});
  for (auto it = everyone.lower_bound({pool, from}); it != end; ++it) {
    use->everyone.push_back({it->first.start, it->second, Work()});
  }
}

/// Mixes numbers into 64 bits, in order.
class Mix {
 public:
  template <class... T>
  void operator()(const T&... values) {
    (Add(values), ...);
  }
  uint64_t value() const { return state_; }

 private:
  void Word(uint64_t word) {
    state_ = (state_ ^ word) * 0x9e3779b97f4a7c15;
    state_ ^= state_ >> 32;
  }
  void Add(std::integral auto n) { Word(static_cast<uint64_t>(n)); }
  template <class E>
  requires std::is_enum_v<E>
  void Add(E e) { Word(static_cast<uint64_t>(e)); }
  void Add(Instant at) { (*this)(at.nanoseconds_since_epoch()); }
  template <class Unit>
  void Add(Quantity<Unit> quantity) {
    (*this)(quantity.count());
  }
  void Add(const Money& money) {
    const auto pico = static_cast<Int128>(money.pico());
    (*this)(static_cast<uint64_t>(pico), static_cast<uint64_t>(pico >> 64));
  }
  void Add(std::string_view text) {
    Word(text.size());
    for (const char c : text) Word(static_cast<uint8_t>(c));
  }
  void Add(const std::string& text) { Add(std::string_view(text)); }
  void Add(const rating::Sample& sample) { (*this)(sample.start, sample.work, sample.highest_second); }

  uint64_t state_ = 0x243f6a8885a308d3;
};

bool IsWholeHour(Instant t) { return t == WindowStart(t, Hours(1)); }

}  // namespace

Usage UsageOf(const Books& books, TenantId tenant, Instant from, Instant to, const Tariff& tariff) {
  Usage usage;
  std::map<PoolId, PoolUse> pools;
  AddTokens(books, tenant, from, to, &pools, &usage.posted);
  for (uint32_t id = 1; id <= books.CountOf(NameKind::kPool); ++id) {
    const PoolPrices* prices = tariff.PricesOf(books.NameOf(NameKind::kPool, id).name);
    if (prices != nullptr) AddWork(books, tenant, PoolId{id}, from, to, *prices, &pools[PoolId{id}]);
  }
  for (auto& [pool, use] : pools) {
    use.pool = books.NameOf(NameKind::kPool, pool.value).name;
    usage.pools.push_back(std::move(use));
  }
  usage.outcomes = OutcomesOf(books, tenant, from, to);
  for (const TariffEntry& entry : books.tariffs()) usage.pinned.push_back(&entry.tariff);
  return usage;
}

StatementInput GatherStatement(const Books& books, TenantId tenant, Instant from, Instant to, const Tariff& tariff,
                               const rating::Subscription& subscription) {
  PENSTOCK_CHECK(IsWholeHour(from) && IsWholeHour(to) && from <= to);
  PENSTOCK_CHECK(books.accounts().Fits(tenant, tariff.currency));
  StatementInput input;
  input.tenant = tenant;
  input.tariff = &tariff;
  input.from = from;
  input.to = to;
  input.usage = UsageOf(books, tenant, from, to, tariff);
  input.subscription = subscription;
  return input;
}

StatementInput GatherStatement(const Books& books, TenantId tenant, Instant from, Instant to, const Tariff& tariff) {
  const Accounts& accounts = books.accounts();
  const StatementRecord* standing = accounts.FindStanding(tenant, from, to);
  StatementInput input = GatherStatement(books, tenant, from, to, tariff, accounts.SubscriptionOf(tenant, standing));
  input.credits = accounts.CreditsOf(tenant);
  if (standing != nullptr) input.replaces = standing->id;
  return input;
}

uint64_t FingerprintOf(const StatementInput& input) {
  Mix mix;
  mix(input.tenant.value, input.tariff->version, input.from, input.to, input.replaces, input.usage.pools.size());
  for (const PoolUse& use : input.usage.pools) {
    mix(use.pool, use.tokens.size(), use.work.size(), use.everyone.size(), use.posted.size());
    for (const rating::TokenRow& row : use.tokens) {
      mix(row.at, row.served, row.pinned);
      for (const TokenKind kind : kAllTokenKinds) mix(row.tokens[kind]);
    }
    for (const rating::WorkRow& row : use.work) mix(row.tier, row.sample);
    for (const rating::Sample& sample : use.everyone) mix(sample);
    for (const rating::PostedPrices& posted : use.posted) {
      mix(posted.from);
      for (const TokenKind kind : kAllTokenKinds) mix(posted.prices[kind]);
    }
  }
  for (const rating::OutcomeUse& use : input.usage.outcomes) mix(use.name, use.at, use.accepted);
  // The subscription as the journal would have it.
  std::string terms;
  rating::Subscription bought = input.subscription;
  bought.credits.clear();
  Encode(SubscriptionEntry{input.tenant, Instant(), std::move(bought)}, &terms);
  mix(terms);
  for (size_t i = 0; i < input.credits.size(); ++i) mix(input.credits[i], input.subscription.credits[i].amount);
  return mix.value();
}

Statement PreviewStatement(const StatementInput& input, const Head& as_of) {
  Statement statement;
  statement.tenant = input.tenant;
  statement.tariff = input.tariff->version;
  statement.currency = input.tariff->currency;
  statement.from = input.from;
  statement.to = input.to;
  statement.as_of = as_of;
  statement.bill = rating::Rate(*input.tariff, input.usage, input.subscription, {input.from, input.to});
  return statement;
}

absl::Status CheckKept(const Books& books, TenantId tenant, const Tariff& tariff, Instant from) {
  const bool looks_back = std::any_of(tariff.pools.begin(), tariff.pools.end(), [](const PoolPrices& pool) {
    return std::any_of(pool.demand.begin(), pool.demand.end(), LooksBack);
  });
  const Instant kept = books.accounts().KeptFrom(tenant);
  if (kept == Instant() || from - (looks_back ? kLongestLookBack : Duration::Zero()) >= kept) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "windows that this period needs are rolled up: its statements stand, and cannot be made anew");
}

absl::Status CheckPeriod(const Books& books, TenantId tenant, const Tariff& tariff, Instant from, Instant to,
                         Instant now) {
  if (to > now - kCloseAfter) {
    return absl::FailedPreconditionError(absl::StrCat("the period is not over: it can be closed ",
                                                      kCloseAfter.count() / Minutes(1).count(),
                                                      " minutes after its end; until then preview it"));
  }
  const Accounts& accounts = books.accounts();
  if (absl::Status kept = CheckKept(books, tenant, tariff, from); !kept.ok()) return kept;
  if (from >= accounts.ClosedUntil(tenant) || accounts.FindStanding(tenant, from, to) != nullptr) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      "the period overlaps one that is closed: begin where the last statement ends, or name exactly the period of a "
      "statement to correct it");
}

StatementEntry RateStatement(const StatementInput& input, uint32_t tariff) {
  rating::Bill bill = rating::Rate(*input.tariff, input.usage, input.subscription, {input.from, input.to});
  StatementEntry entry;
  entry.tenant = input.tenant;
  entry.tariff = tariff;
  entry.replaces = input.replaces;
  entry.from = input.from;
  entry.to = input.to;
  entry.posted = bill.posted;
  PENSTOCK_CHECK(input.credits.size() == input.subscription.credits.size());
  for (size_t i = 0; i < input.credits.size(); ++i) {
    const Money used = input.subscription.credits[i].amount - bill.credits_left[i];
    if (!used.IsZero()) entry.credits.push_back({input.credits[i], used});
  }
  entry.lines = std::move(bill.lines);
  for (rating::Line& line : entry.lines) {
    if (line.windows.size() > kMaxLineWindows) line.windows.resize(kMaxLineWindows);
  }
  return entry;
}

Statement ClosedStatement(const Books& books, const StatementRecord& record, const Head& as_of) {
  StatementEntry entry = record.Read();
  const Tariff& tariff = books.tariffs()[entry.tariff - 1].tariff;
  const StatementSums sums = SumsOf(entry.lines);
  Statement statement;
  statement.id = entry.id;
  statement.tenant = entry.tenant;
  statement.tariff = tariff.version;
  statement.currency = tariff.currency;
  statement.from = entry.from;
  statement.to = entry.to;
  statement.provisional = false;
  statement.replaces = entry.replaces;
  statement.replaced_by = record.replaced_by;
  statement.late = record.late;
  statement.closed_at = entry.at;
  statement.as_of = as_of;
  statement.bill.rounding = sums.rounding;
  statement.bill.total = sums.total;
  statement.bill.posted = entry.posted;
  statement.bill.lines = std::move(entry.lines);
  return statement;
}

absl::Status CheckStatement(const Books& books, const StatementEntry& entry) {
  const auto wrong = [&](const auto&... what) {
    return absl::DataLossError(absl::StrCat("statement ", entry.id, " of tenant ", entry.tenant.value, ": ", what...));
  };
  const Accounts& accounts = books.accounts();
  const bool known = entry.tariff >= 1 && entry.tariff <= books.tariffs().size() && entry.tenant.value >= 1 &&
                     entry.tenant.value <= books.CountOf(NameKind::kTenant) && IsWholeHour(entry.from) &&
                     IsWholeHour(entry.to) && entry.from <= entry.to &&
                     accounts.Fits(entry.tenant, books.tariffs()[entry.tariff - 1].tariff.currency);
  if (!known) return wrong("its terms are not known");
  const Tariff& tariff = books.tariffs()[entry.tariff - 1].tariff;
  const StatementEntry rated =
      RateStatement(GatherStatement(books, entry.tenant, entry.from, entry.to, tariff), entry.tariff);
  if (rated.replaces != entry.replaces) return wrong("it does not replace the one that stands");
  if (rated.posted != entry.posted) {
    return wrong("it says that ", entry.posted.ToDecimal(), " was posted, the meters say ", rated.posted.ToDecimal());
  }
  for (size_t i = 0; i < std::max(rated.lines.size(), entry.lines.size()); ++i) {
    if (i >= rated.lines.size()) return wrong("line ", i + 1, " is not what its tariff makes of the meters");
    if (i < entry.lines.size() && entry.lines[i] == rated.lines[i]) continue;
    return wrong("line ", i + 1, ", where its tariff makes '", rated.lines[i].description, "', ",
                 rated.lines[i].amount.ToDecimal(), " of the meters, differs");
  }
  return rated.credits == entry.credits ? absl::OkStatus() : wrong("it uses other credits than rating does");
}

}  // namespace penstock::ledger
