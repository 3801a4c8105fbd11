#include "ledger/statement.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "admission/vocabulary/check.h"

namespace penstock::ledger {
namespace {

/// What one pool brought to the meters in the period.
struct PoolUsage {
  std::map<std::tuple<ServiceClass, TokenKind, uint32_t>, Tokens> tokens;  // the last is the pinned tariff's id
  Window peak;
  Instant peak_window;
};

using UsageByPool = std::map<std::string, PoolUsage>;  // by name, which is the order of the lines

bool CountsTowardsDemand(Tier tier) { return tier != Tier::kFree; }

void AddTokens(const Books& books, TenantId tenant, Instant from, Instant to, UsageByPool* usage) {
  const std::map<BucketKey, Bucket>& buckets = books.meters().buckets();
  BucketKey first;
  first.tenant = tenant;
  for (auto it = buckets.lower_bound(first); it != buckets.end() && it->first.tenant == tenant; ++it) {
    const auto& [key, bucket] = *it;
    if (key.hour < from || key.hour >= to) continue;
    PoolUsage& pool = (*usage)[books.NameOf(NameKind::kPool, key.pool.value).name];
    for (TokenKind kind : kAllTokenKinds) {
      if (bucket.tokens[kind] > Tokens()) pool.tokens[{key.served, kind, key.tariff}] += bucket.tokens[kind];
    }
  }
}

/// The window of most work, tiers taken together; the earliest on ties.
void FindPeak(const Books& books, TenantId tenant, PoolId pool, Instant from, Instant to, PoolUsage* usage) {
  std::map<Instant, Window> demand;
  const std::map<WindowKey, Window>& windows = books.meters().windows();
  for (Tier tier : {Tier::kFree, Tier::kElastic, Tier::kReserved}) {
    if (!CountsTowardsDemand(tier)) continue;
    const auto end = windows.lower_bound({tenant, pool, tier, to});
    for (auto it = windows.lower_bound({tenant, pool, tier, from}); it != end; ++it) {
      Window& sum = demand[it->first.start];
      sum.work += it->second.work;
      sum.highest_second = std::max(sum.highest_second, it->second.highest_second);
    }
  }
  for (const auto& [start, window] : demand) {
    if (window.work <= usage->peak.work) continue;
    usage->peak = window;
    usage->peak_window = start;
  }
}

UsageByPool UsageOf(const Books& books, TenantId tenant, Instant from, Instant to) {
  UsageByPool usage;
  AddTokens(books, tenant, from, to, &usage);
  for (uint32_t id = 1; id <= books.CountOf(NameKind::kPool); ++id) {
    FindPeak(books, tenant, PoolId{id}, from, to, &usage[books.NameOf(NameKind::kPool, id).name]);
  }
  return usage;
}

/// Prices and rounds the line, and adds it up.
void Append(StatementLine line, const Tariff& tariff, Statement* statement) {
  line.exact = Money::FromPico(line.unit_price) * line.quantity;
  line.amount = line.exact.RoundedTo(tariff.rounding_unit, tariff.rounding);
  statement->rounding += line.exact - line.amount;
  statement->total += line.amount;
  statement->lines.push_back(std::move(line));
}

void AppendTokens(const Books& books, const std::string& pool, const PoolUsage& usage, const Tariff& tariff,
                  Statement* statement) {
  for (const auto& [key, tokens] : usage.tokens) {
    const auto& [served, kind, pinned_id] = key;
    const Tariff& pinned = books.tariffs()[pinned_id - 1].tariff;
    StatementLine line;
    line.kind = LineKind::kTokens;
    line.pool = pool;
    line.tariff = pinned.version;
    line.served = served;
    line.token_kind = kind;
    line.quantity = tokens.count();
    line.unit_price = pinned.TokenPricesOf(pool, served)[kind];
    Append(std::move(line), tariff, statement);
  }
}

void AppendDemand(const std::string& pool, const PoolUsage& usage, const Tariff& tariff, Statement* statement) {
  const PoolPrices* prices = tariff.PricesOf(pool);
  if (prices == nullptr || prices->demand_price == 0 || usage.peak.work == Work()) return;
  StatementLine line;
  line.kind = LineKind::kDemand;
  line.pool = pool;
  line.tariff = tariff.version;
  line.quantity = usage.peak.work.count();
  line.unit_price = prices->demand_price;
  line.peak_window = usage.peak_window;
  line.highest_second = usage.peak.highest_second;
  Append(std::move(line), tariff, statement);
}

}  // namespace

Statement PreviewStatement(const Books& books, TenantId tenant, Instant from, Instant to, const Tariff& tariff,
                           const Head& as_of) {
  PENSTOCK_CHECK(from == WindowStart(from, Hours(1)) && to == WindowStart(to, Hours(1)) && from <= to);
  PENSTOCK_CHECK(books.tariffs().empty() || books.tariffs().front().tariff.currency == tariff.currency);
  Statement statement;
  statement.tenant = tenant;
  statement.tariff = tariff.version;
  statement.currency = tariff.currency;
  statement.from = from;
  statement.to = to;
  statement.as_of = as_of;
  for (const auto& [pool, usage] : UsageOf(books, tenant, from, to)) {
    AppendTokens(books, pool, usage, tariff, &statement);
    AppendDemand(pool, usage, tariff, &statement);
  }
  return statement;
}

}  // namespace penstock::ledger
