// How much a customer reserves, and what of its load then runs inside the reservation.
#pragma once

#include <span>
#include <vector>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "admission/vocabulary/work.h"

namespace penstock::sim {

/// The newsvendor's answer to its own history: the constant rate that would have cost least, where a reserved milli-nt
/// costs `price_ratio` of an elastic one whether it is used or not. On ties the smaller; rounded down to whole milli-nt
/// per second. 0 at ratios of 1 and above, the peak at 0 and below. `work`: milli-nt by window.
WorkPerSecond NewsvendorRate(std::span<const double> work, Duration window, double price_ratio);

/// The tokens of each window, inside the rate and beyond it.
struct SplitTokens {
  std::vector<TokenCounts> within;
  std::vector<TokenCounts> beyond;
};

/// Within: of each kind the same share of the window's tokens, rounded down; the rest is beyond.
SplitTokens SplitRoundDown(std::span<const TokenCounts> tokens, const BurndownRates& burndown, Duration window,
                           WorkPerSecond rate);

}  // namespace penstock::sim
