#include "ledger/statement.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "admission/vocabulary/check.h"
#include "ledger/row_codec.h"
#include "ledger/sha256.h"

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

/// What the tenant's reservations posted in [from, to), and what became of their promises.
void AddReservations(const Books& books, TenantId tenant, Instant from, Instant to, std::map<PoolId, PoolUse>* pools) {
  constexpr rating::LineKind kKinds[] = {rating::LineKind::kPurchase, rating::LineKind::kRefund,
                                         rating::LineKind::kSellBack};
  const MarketRecords& market = books.market();
  const auto pool_of = [&](uint32_t id) -> PoolUse& { return (*pools)[market.FindReservation(id)->terms.pool]; };
  for (const MarketRecords::Posting& one : market.PostingsOf(tenant)) {
    if (one.at < from || one.at >= to) continue;
    pool_of(one.reservation)
        .postings.push_back({one.reservation, one.at, kKinds[static_cast<size_t>(one.charge.kind)], one.charge.quantity,
                             one.charge.unit_price, one.charge.paid_price});
  }
  for (const uint32_t id : market.ReservationsOf(tenant)) {
    const auto end = market.deliveries().lower_bound({id, to});
    for (auto it = market.deliveries().lower_bound({id, from}); it != end; ++it) {
      const DeliveryEntry& one = it->second;
      pool_of(id).reserved.push_back({id, one.from, one.promised, one.delivered, one.earned});
    }
  }
}

void Write(const rating::Sample& sample, RowWriter* row) {
  row->At(sample.start).Signed(sample.work.count()).Signed(sample.highest_second.count());
}

void Write(const TokenPrices& prices, RowWriter* row) {
  for (const TokenKind kind : kAllTokenKinds) row->Signed(prices[kind]);
}

void Write(const PoolUse& use, RowWriter* row) {
  row->Text(use.pool)
      .Unsigned(use.tokens.size())
      .Unsigned(use.work.size())
      .Unsigned(use.everyone.size())
      .Unsigned(use.posted.size())
      .Unsigned(use.postings.size())
      .Unsigned(use.reserved.size());
  for (const rating::TokenRow& one : use.tokens) {
    row->At(one.at).Byte(static_cast<uint8_t>(one.served)).Unsigned(one.pinned).Unsigned(one.posted).Counts(one.tokens);
  }
  for (const rating::WorkRow& one : use.work) Write(one.sample, &row->Byte(static_cast<uint8_t>(one.tier)));
  for (const rating::Sample& sample : use.everyone) Write(sample, row);
  for (const rating::PostedPrices& posted : use.posted) Write(posted.prices, &row->At(posted.from));
  for (const rating::ReservationPosting& one : use.postings) {
    row->Unsigned(one.reservation)
        .At(one.at)
        .Byte(static_cast<uint8_t>(one.kind))
        .Amount(Money::FromPico(PicoCount(one.quantity)))
        .Signed(one.unit_price)
        .Signed(one.paid_price);
  }
  for (const rating::ReservationUse& one : use.reserved) {
    row->Unsigned(one.reservation)
        .At(one.from)
        .Signed(one.promised.count())
        .Signed(one.delivered.count())
        .Amount(one.earned);
  }
}

bool IsWholeHour(Instant t) { return t == WindowStart(t, Hours(1)); }

}  // namespace

Usage UsageOf(const Books& books, TenantId tenant, Instant from, Instant to, const Tariff& tariff) {
  Usage usage;
  std::map<PoolId, PoolUse> pools;
  AddTokens(books, tenant, from, to, &pools, &usage.posted);
  AddReservations(books, tenant, from, to, &pools);
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
  std::string bytes;
  RowWriter row(&bytes);
  row.Unsigned(input.tenant.value)
      .Text(input.tariff->version)
      .At(input.from)
      .At(input.to)
      .Unsigned(input.replaces)
      .Unsigned(input.usage.pools.size())
      .Unsigned(input.usage.outcomes.size())
      .Unsigned(input.usage.posted.size());
  for (const PoolUse& use : input.usage.pools) Write(use, &row);
  for (const rating::OutcomeUse& use : input.usage.outcomes) row.Text(use.name).At(use.at).Signed(use.accepted);
  for (const auto& [id, prices] : input.usage.posted) Write(prices, &row.Unsigned(id));
  for (size_t i = 0; i < input.credits.size(); ++i) {
    row.Unsigned(input.credits[i]).Amount(input.subscription.credits[i].amount);
  }
  // The subscription as the journal would have it.
  rating::Subscription bought = input.subscription;
  bought.credits.clear();
  Encode(SubscriptionEntry{input.tenant, Instant(), std::move(bought)}, &bytes);
  const Hash hash = Sha256(bytes);
  uint64_t fingerprint = 0;
  for (size_t i = 0; i < sizeof(fingerprint); ++i) fingerprint = fingerprint << 8 | hash[i];
  return fingerprint;
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

Statement SummaryOf(const Books& books, const StatementRecord& record, const Head& as_of) {
  const Tariff& tariff = books.tariffs()[record.tariff - 1].tariff;
  Statement statement;
  statement.id = record.id;
  statement.tenant = record.tenant;
  statement.tariff = tariff.version;
  statement.currency = tariff.currency;
  statement.from = record.from;
  statement.to = record.to;
  statement.provisional = false;
  statement.replaces = record.replaces;
  statement.replaced_by = record.replaced_by;
  statement.late = record.late;
  statement.closed_at = record.at;
  statement.as_of = as_of;
  statement.bill.rounding = record.rounding;
  statement.bill.total = record.total;
  statement.bill.posted = record.posted;
  return statement;
}

Statement ClosedStatement(const Books& books, const StatementRecord& record, const Head& as_of) {
  Statement statement = SummaryOf(books, record, as_of);
  statement.bill.lines = record.Read().lines;
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
