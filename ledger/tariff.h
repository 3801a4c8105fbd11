// A tariff: versioned price rules. Settlements are charged at its flat token prices, by pool, class and kind; what else
// it charges for (ledger/charges.h) is rated when a period is (ledger/rating/). Unit prices are whole pico-units, so
// charges never round.
#pragma once

#include <absl/status/status.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "ledger/calendar.h"
#include "ledger/charges.h"
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
  std::vector<TokenRule> token_rules;
  Coupling coupling;                 // to the posted price
  std::vector<DemandCharge> demand;  // work served as free does not count towards it
  int64_t capacity_price = 0;        // of reservations: pico-units per milli-nt/s and hour
  ProvisionedUnit unit;
  WindowCommitment commitment;
  ServiceLevel service_level;  // of reservations
  /// The rule that covers these tokens; nullptr: they cost the flat price.
  const TokenRule* RuleOf(ServiceClass served, TokenKind kind) const;
  friend bool operator==(const PoolPrices&, const PoolPrices&) = default;
};

struct Tariff {
  std::string version;   // unique; contracts and grants pin it
  std::string currency;  // ISO 4217, three capitals
  Instant effective;     // from when
  RoundingMode rounding = RoundingMode::kHalfEven;
  Money rounding_unit = Money::FromPico(1);  // statement lines are rounded once, to a multiple of this
  std::vector<PoolPrices> pools;
  Calendar calendar;  // whose hours, days and months
  std::vector<Seat> seats;
  std::vector<OutcomePrice> outcomes;

  /// nullptr when the tariff does not price that pool.
  const PoolPrices* PricesOf(std::string_view pool) const;
  /// The token prices of a class in a pool; all zero when the tariff does not price that pool.
  const TokenPrices& TokenPricesOf(std::string_view pool, ServiceClass served) const;
  /// Equal but for the shifts of its zone, which newer zone data may give otherwise.
  bool HasTermsOf(const Tariff& other) const;

  friend bool operator==(const Tariff&, const Tariff&) = default;
};

/// INVALID_ARGUMENT says what is wrong with a tariff: ladders that do not climb or do not end, classes and kinds under
/// two rules, percentages and factors out of bounds, a unit price that is not a whole number of pico-units, ... Rating
/// takes sound tariffs only.
absl::Status CheckTariff(const Tariff& tariff);

/// Says which step and band of the rule make a price that is not whole in pico-units; nothing when all are whole.
std::optional<std::string> FactorFault(const TokenRule& rule, Int128 price);

/// The finest parts of a milli-nt that a demand may be counted in (DemandScale).
constexpr int64_t kMaxDemandScale = 10'000;

/// sum of tokens x price: exact.
Money TokenCharge(const TokenCounts& tokens, const TokenPrices& prices);

/// What a class pays in a pool that a posted price is coupled to: posted x factor for the kinds of which the posted
/// price is a multiple of the coupling's step, if the class is coupled; else flat.
TokenPrices CoupledPrices(const PoolPrices& pool, ServiceClass served, const TokenPrices& posted);

/// The dearest price among what the model may generate: what one more token can cost at most.
int64_t MaxGeneratedPrice(const TokenPrices& prices);

}  // namespace penstock::ledger
