// Changing what a reservation promises: which of its steps stay, which go, and what has to be bought in addition.
#pragma once

#include <cstdint>
#include <vector>

#include "admission/vocabulary/time.h"
#include "ledger/market_terms.h"

namespace penstock::market {

struct Reshaped {
  std::vector<ledger::RateStep> kept;   // as bought, with their prices; what lies before `from` is untouched
  std::vector<ledger::RateStep> gone;   // parts of what was bought, with the prices that were paid
  std::vector<ledger::RateStep> added;  // not there yet; with the unit prices of `wanted`
};

/// What turns `bought` (steps may overlap) into `wanted` (steps do not) from a moment on, a whole minute. Where less is
/// wanted, later steps of `bought` go before earlier ones.
Reshaped Reshape(const std::vector<ledger::RateStep>& bought, const std::vector<ledger::RateStep>& wanted, Instant from);

/// What it has become: kept and added, in order.
std::vector<ledger::RateStep> StepsOf(const Reshaped& reshaped);

/// Puts steps in order (from, to) and makes one of neighbours with equal rate and price.
void Tidy(std::vector<ledger::RateStep>* steps);

void SetUnitPrice(std::vector<ledger::RateStep>* steps, int64_t unit_price);

/// The next whole minute, `t` itself if it is one.
Instant WholeMinute(Instant t);

}  // namespace penstock::market
