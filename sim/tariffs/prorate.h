// A tariff for less than a month: a simulated week pays a week's part of what is charged by the billing month, so that
// a demand charge weighs against token prices as it would in a whole month.
#pragma once

#include "admission/vocabulary/time.h"
#include "ledger/money.h"
#include "ledger/tariff.h"

namespace penstock::sim {

/// What a billing month is taken to last.
constexpr Duration kBillingMonth = Days(30);

/// The tariff with span / 30 days of
///   demand prices   (to the nearest multiple of the parts that their demand is counted in: CheckTariff)
///   seats           and what they include (to the nearest pico-unit)
///   ladders         the tokens at which steps end (to the nearest token, each step at least one)
/// Prices per token, hour, day and outcome stay, and so do steps and minima of demand, which are no sums over the
/// month. Relative error of a price: at most half a part (as a rule half a pico-unit) over the prorated price. `span`:
/// whole minutes, positive. Sound tariffs stay sound.
ledger::Tariff Prorated(const ledger::Tariff& tariff, Duration span);

/// The same of a sum by the month, a subscription's minimum for one.
ledger::Money MonthShareRoundNearest(const ledger::Money& monthly, Duration span);

/// How much to scale up by what was found over the span: 30 days / span.
double MonthsPer(Duration span);

}  // namespace penstock::sim
