#include <absl/strings/str_cat.h>

#include <algorithm>

#include "admission/vocabulary/checked.h"
#include "broker/config/config.h"
#include "broker/config/decimal.h"

namespace penstock::config {
namespace {

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

// "3: 1 free, 2 elastic", counting members by the name of their sort.
template <class Things, class Names, class SortOf>
std::string Counted(const Things& things, const Names& names, SortOf sort_of) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    const auto count = std::count_if(things.begin(), things.end(),
                                     [&](const auto& thing) { return static_cast<size_t>(sort_of(thing)) == i; });
    if (count > 0) absl::StrAppend(&text, text.empty() ? "" : ", ", count, " ", Abseil(names[i]));
  }
  return absl::StrCat(things.size(), text.empty() ? "" : ": ", text);
}

std::string DescribePool(const core::PoolSettings& pool) {
  std::string text =
      absl::StrCat("pool     ", pool.name, " (", pool.model, "): ", FormatDecimal(pool.terms.capacity.count(), 3),
                   " nt/s, ", pool.terms.max_in_flight, " at once; nt per token:");
  for (const TokenKind kind : kAllTokenKinds) {
    if (pool.burndown[kind] == 0) continue;
    absl::StrAppend(&text, " ", Abseil(Name(kind)), " ", FormatDecimal(pool.burndown[kind], 3));
  }
  return text;
}

// "market   chat: sells 47500 of 50000 nt/s up to 366 days ahead; posts 50% to 300% of the elastic prices".
std::string DescribeMarket(const core::PoolSettings& pool) {
  const market::MarketTerms& terms = pool.market;
  const Int128 sold = Int128{pool.terms.capacity.count()} * (1'000 - terms.margin) / 1'000;
  std::string text = absl::StrCat("market   ", pool.name, ": sells ", FormatDecimal(CheckedNarrow(sold), 3), " of ",
                                  FormatDecimal(pool.terms.capacity.count(), 3), " nt/s up to ",
                                  terms.furthest.count() / Days(1).count(), " days ahead");
  if (!terms.posted.curve.empty()) {
    absl::StrAppend(&text, "; posts ", FormatDecimal(terms.posted.floor, 1), "% to ",
                    FormatDecimal(terms.posted.cap, 1), "% of the elastic prices");
  }
  return text;
}

}  // namespace

std::string Describe(const Config& config) {
  std::string text = absl::StrCat("listen   ", config.listen, config.tls ? " with TLS" : " (loopback, no TLS)", "\n",
                                  "data     ", config.data_dir, "\n");
  for (const core::PoolSettings& pool : config.engine.pools) absl::StrAppend(&text, DescribePool(pool), "\n");
  for (const core::PoolSettings& pool : config.engine.pools) {
    if (pool.market.open) absl::StrAppend(&text, DescribeMarket(pool), "\n");
  }
  size_t keys = 0;
  for (const core::TenantSettings& tenant : config.engine.tenants) keys += tenant.keys.size();
  absl::StrAppend(&text, "tenants  ",
                  Counted(config.engine.tenants, kTierNames, [](const core::TenantSettings& t) { return t.tier; }),
                  "; ", keys, keys == 1 ? " key\n" : " keys\n");
  absl::StrAppend(
      &text, "callers  ",
      Counted(config.api_keys, auth::kRoleNames, [](const auth::ApiKeyRecord& record) { return record.role; }),
      config.api_keys.empty() ? " (nobody can call yet: make an API key with `penstock keys new`)\n" : "\n");
  absl::StrAppend(&text, "tariff   ", config.engine.tariff.version, " in ", config.engine.tariff.currency, "\n");
  return text;
}

}  // namespace penstock::config
