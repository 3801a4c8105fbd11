#include "sim/tariffs/prorate.h"

#include <algorithm>

#include "admission/vocabulary/check.h"
#include "admission/vocabulary/checked.h"

namespace penstock::sim {
namespace {

constexpr int64_t kMinutesPerMonth = kBillingMonth.count() / Minutes(1).count();

int64_t MinutesOf(Duration span) {
  PENSTOCK_CHECK(span > Duration() && span.count() % Minutes(1).count() == 0);
  return span.count() / Minutes(1).count();
}

/// amount x minutes / month, to the nearest multiple of `unit`, the half away from zero. Amounts are not negative.
int64_t MonthShareRoundNearest(int64_t amount, int64_t minutes, int64_t unit) {
  const Int128 whole = Int128{kMinutesPerMonth} * unit;
  return CheckedNarrow((Int128{amount} * minutes + whole / 2) / whole * unit);
}

void ProrateLadder(std::vector<ledger::PriceStep>* steps, int64_t minutes) {
  int64_t before = 0;
  for (ledger::PriceStep& step : *steps) {
    if (step.up_to == 0) continue;  // the last has no end
    step.up_to = std::max(before + 1, MonthShareRoundNearest(step.up_to, minutes, 1));
    before = step.up_to;
  }
}

}  // namespace

ledger::Tariff Prorated(const ledger::Tariff& tariff, Duration span) {
  const int64_t minutes = MinutesOf(span);
  ledger::Tariff prorated = tariff;
  for (ledger::PoolPrices& pool : prorated.pools) {
    for (ledger::TokenRule& rule : pool.token_rules) ProrateLadder(&rule.steps, minutes);
    for (ledger::DemandCharge& charge : pool.demand) {
      const int64_t parts = ledger::DemandScale(charge);
      for (ledger::DemandStep& step : charge.steps) step.price = MonthShareRoundNearest(step.price, minutes, parts);
    }
  }
  for (ledger::Seat& seat : prorated.seats) {
    seat.price = MonthShareRoundNearest(seat.price, span);
    seat.included = MonthShareRoundNearest(seat.included, span);
  }
  return prorated;
}

ledger::Money MonthShareRoundNearest(const ledger::Money& monthly, Duration span) {
  // The nearest multiple of the month's minutes holds the quotient exactly.
  const ledger::Money times = monthly * MinutesOf(span);
  const ledger::Money unit = ledger::Money::FromPico(kMinutesPerMonth);
  return ledger::Money::FromPico(
      ledger::PicoCount(times.RoundedTo(unit, ledger::RoundingMode::kHalfUp).pico() / kMinutesPerMonth));
}

double MonthsPer(Duration span) {
  PENSTOCK_CHECK(span > Duration());
  return static_cast<double>(kBillingMonth.count()) / static_cast<double>(span.count());
}

}  // namespace penstock::sim
