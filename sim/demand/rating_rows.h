// A load profile as the meters would have written it down: whole tokens, whole milli-nt, rows for ledger::rating::Rate.
#pragma once

#include <span>
#include <vector>

#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "ledger/rating/rate.h"
#include "ledger/tariff.h"
#include "sim/demand/customer.h"

namespace penstock::sim {

/// Whole tokens by window. The sum of the first n windows is the rounded sum of the profile's first n, for every n:
/// so a kind's total is off by half a token at most, and no window by more than one.
std::vector<TokenCounts> RoundedTokens(const LoadProfile& profile);

/// How finely a window's work is laid over its base windows (minutes).
enum class RowSpread : uint8_t {
  kEvenly,    // over all of its minutes
  kAtStart,   // into its first: for charges that cannot tell the difference
};

/// kAtStart if none of the pool's demand charges (none: no pool either) looks into windows of this length: all are
/// maxima over whole multiples of it.
RowSpread SpreadFor(const ledger::PoolPrices* prices, Duration window);

/// Samples of base windows, ascending, those without work left out; they sum to the work of the tokens. The profile
/// begins at `start`, a whole hour.
std::vector<ledger::rating::Sample> SamplesOf(std::span<const TokenCounts> tokens, const BurndownRates& burndown,
                                              Instant start, Duration window, RowSpread spread);
/// The same of work by window, milli-nt.
std::vector<ledger::rating::Sample> SamplesOf(std::span<const Work> work, Instant start, Duration window,
                                              RowSpread spread);

/// By window.
std::vector<Work> WorkOf(std::span<const TokenCounts> tokens, const BurndownRates& burndown);

/// Rows of the second meter: samples of one tier.
std::vector<ledger::rating::WorkRow> WorkRowsOf(std::span<const ledger::rating::Sample> samples, Tier tier);

/// Rows of the first meter: one an hour in which tokens came; where `by_hour` is false (a tariff without bands cannot
/// tell hours apart) one for all of them, at `start`.
std::vector<ledger::rating::TokenRow> TokenRowsOf(std::span<const TokenCounts> tokens, ServiceClass served,
                                                  Instant start, Duration window, bool by_hour);

}  // namespace penstock::sim
