// A tariff: versioned price rules. First components: token charges by pool, class and kind, and a demand charge on the
// block maximum of base windows. Unit prices are whole pico-units by construction (integers), so charges never round.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "ledger/money.h"

namespace penstock::ledger {

/// The base window of the second meter.
constexpr Duration kBaseWindow = Minutes(1);

/// Pico-units per token (the same number as micro-units per million tokens), by kind.
using TokenPrices = ByTokenKind<int64_t>;

/// Prices in one pool.
struct PoolPrices {
  std::string pool;                                      // by name
  std::array<TokenPrices, kServiceClassCount> by_class;  // what a request served in that class pays
  /// Demand charge: pico-units per milli-nt of billing demand (the work of the highest base window of the period).
  /// Work served as free does not count towards it.
  int64_t demand_price = 0;
  friend bool operator==(const PoolPrices&, const PoolPrices&) = default;
};

struct Tariff {
  std::string version;   // unique; contracts and grants pin it
  std::string currency;  // ISO 4217, three capitals
  Instant effective;     // from when
  RoundingMode rounding = RoundingMode::kHalfEven;
  Money rounding_unit = Money::FromPico(1);  // statement lines are rounded once, to a multiple of this
  std::vector<PoolPrices> pools;

  /// nullptr when the tariff does not price that pool.
  const PoolPrices* PricesOf(std::string_view pool) const;
  /// The token prices of a class in a pool; all zero when the tariff does not price that pool.
  const TokenPrices& TokenPricesOf(std::string_view pool, ServiceClass served) const;

  friend bool operator==(const Tariff&, const Tariff&) = default;
};

/// sum of tokens x price: exact.
Money TokenCharge(const TokenCounts& tokens, const TokenPrices& prices);

/// The dearest price among what the model may generate: what one more token can cost at most.
int64_t MaxGeneratedPrice(const TokenPrices& prices);

}  // namespace penstock::ledger
