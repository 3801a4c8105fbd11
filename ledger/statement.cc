#include "ledger/statement.h"

#include <algorithm>
#include <map>
#include <utility>

#include "admission/vocabulary/check.h"

namespace penstock::ledger {
namespace {

using rating::PoolUse;
using rating::Usage;

/// Longer than any eleven months.
constexpr Duration kLookBack = Days(366);

bool LooksBack(const DemandCharge& charge) { return charge.ratchet.look_back > 0; }

bool IsCoincident(const DemandCharge& charge) { return charge.rule == DemandRule::kCoincident; }

void AddTokens(const Books& books, TenantId tenant, Instant from, Instant to, std::map<PoolId, PoolUse>* pools) {
  const std::map<BucketKey, Bucket>& buckets = books.meters().buckets();
  BucketKey first;
  first.tenant = tenant;
  for (auto it = buckets.lower_bound(first); it != buckets.end() && it->first.tenant == tenant; ++it) {
    const auto& [key, bucket] = *it;
    if (key.hour < from || key.hour >= to) continue;
    (*pools)[key.pool].tokens.push_back({key.hour, key.served, key.tariff, bucket.tokens});
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
  if (std::any_of(prices.demand.begin(), prices.demand.end(), LooksBack)) from = std::max(Instant(), from - kLookBack);
  ForWindows(books, tenant, pool, from, to, [use](Tier tier, const rating::Sample& sample) {
    use->work.push_back({tier, sample});
  });
  if (std::none_of(prices.demand.begin(), prices.demand.end(), IsCoincident)) return;
  for (uint32_t id = 1; id <= books.CountOf(NameKind::kTenant); ++id) {
    ForWindows(books, TenantId{id}, pool, from, to,
               [use](Tier /*counted*/, const rating::Sample& sample) { use->everyone.push_back(sample); });
  }
}

}  // namespace

Usage UsageOf(const Books& books, TenantId tenant, Instant from, Instant to, const Tariff& tariff) {
  std::map<PoolId, PoolUse> pools;
  AddTokens(books, tenant, from, to, &pools);
  for (uint32_t id = 1; id <= books.CountOf(NameKind::kPool); ++id) {
    const PoolPrices* prices = tariff.PricesOf(books.NameOf(NameKind::kPool, id).name);
    if (prices != nullptr) AddWork(books, tenant, PoolId{id}, from, to, *prices, &pools[PoolId{id}]);
  }
  Usage usage;
  for (auto& [pool, use] : pools) {
    use.pool = books.NameOf(NameKind::kPool, pool.value).name;
    usage.pools.push_back(std::move(use));
  }
  usage.outcomes = OutcomesOf(books, tenant, from, to);
  for (const TariffEntry& entry : books.tariffs()) usage.pinned.push_back(&entry.tariff);
  return usage;
}

Statement PreviewStatement(const Books& books, TenantId tenant, Instant from, Instant to, const Tariff& tariff,
                           const rating::Subscription& subscription, const Head& as_of) {
  PENSTOCK_CHECK(from == WindowStart(from, Hours(1)) && to == WindowStart(to, Hours(1)) && from <= to);
  PENSTOCK_CHECK(books.tariffs().empty() || books.tariffs().front().tariff.currency == tariff.currency);
  Statement statement;
  statement.tenant = tenant;
  statement.tariff = tariff.version;
  statement.currency = tariff.currency;
  statement.from = from;
  statement.to = to;
  statement.as_of = as_of;
  statement.bill = rating::Rate(tariff, UsageOf(books, tenant, from, to, tariff), subscription, {from, to});
  return statement;
}

}  // namespace penstock::ledger
