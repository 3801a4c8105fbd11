#include "ledger/tariff.h"

#include <algorithm>

#include "admission/vocabulary/checked.h"

namespace penstock::ledger {

const PoolPrices* Tariff::PricesOf(std::string_view pool) const {
  const auto found = std::find_if(pools.begin(), pools.end(), [pool](const PoolPrices& p) { return p.pool == pool; });
  return found == pools.end() ? nullptr : &*found;
}

const TokenRule* PoolPrices::RuleOf(ServiceClass served, TokenKind kind) const {
  const auto found = std::find_if(token_rules.begin(), token_rules.end(),
                                  [&](const TokenRule& rule) { return rule.Covers(served, kind); });
  return found == token_rules.end() ? nullptr : &*found;
}

const TokenPrices& Tariff::TokenPricesOf(std::string_view pool, ServiceClass served) const {
  static constexpr TokenPrices kNothing;
  const PoolPrices* prices = PricesOf(pool);
  return prices == nullptr ? kNothing : prices->by_class[static_cast<size_t>(served)];
}

bool Tariff::HasTermsOf(const Tariff& other) const {
  Tariff same = other;
  same.calendar.shifts = calendar.shifts;
  return same == *this;
}

TokenPrices CoupledPrices(const PoolPrices& pool, ServiceClass served, const TokenPrices& posted) {
  TokenPrices prices = pool.by_class[static_cast<size_t>(served)];
  const Coupling& coupling = pool.coupling;
  if (!coupling.Covers(served)) return prices;
  for (const TokenKind kind : kAllTokenKinds) {
    if (posted[kind] <= 0 || posted[kind] % coupling.step != 0) continue;
    prices[kind] = CheckedNarrow(WholeTimes(posted[kind], coupling.factor).value());
  }
  return prices;
}

Money TokenCharge(const TokenCounts& tokens, const TokenPrices& prices) {
  Int128 charge = 0;
  for (TokenKind kind : kAllTokenKinds) {
    charge = CheckedAdd(charge, CheckedMul(Int128{prices[kind]}, Int128{tokens[kind].count()}));
  }
  return Money::FromPico(PicoCount(charge));
}

int64_t MaxGeneratedPrice(const TokenPrices& prices) {
  int64_t dearest = 0;
  for (TokenKind kind : kAllTokenKinds) {
    if (IsGenerated(kind)) dearest = std::max(dearest, prices[kind]);
  }
  return dearest;
}

}  // namespace penstock::ledger
