#include "sim/tariffs/tariff_parameters.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

using ledger::DemandCharge;
using ledger::DemandRule;
using ledger::PoolPrices;
using ledger::Ratio;

constexpr int64_t kFactorParts = 20;    // time-of-use factors are twentieths
constexpr double kMostPerToken = 1e12;  // what a tariff file may say
constexpr double kMostPerDemand = 1e9;
constexpr double kMostPerCapacity = 1e12;
constexpr double kMostFactor = 1e4;

constexpr size_t At(ServiceClass served) { return static_cast<size_t>(served); }

// The nearest multiple of `unit` that is not above `most`.
int64_t RoundToPrice(double figure, int64_t unit, double most) {
  PENSTOCK_CHECK(std::isfinite(figure) && figure >= 0);
  const int64_t nearest = std::llround(std::min(figure, most) / static_cast<double>(unit)) * unit;
  return static_cast<double>(nearest) > most ? nearest - unit : nearest;
}

ledger::TokenPrices RoundToTokenPrices(double token_price, const BurndownRates& burndown, int64_t unit) {
  ledger::TokenPrices prices{};
  for (const TokenKind kind : kAllTokenKinds) {
    prices[kind] = RoundToPrice(token_price * static_cast<double>(burndown[kind]), unit, kMostPerToken);
  }
  return prices;
}

Ratio RoundToFactor(double factor) {
  PENSTOCK_CHECK(std::isfinite(factor) && factor >= 0);
  const int64_t parts = std::llround(std::min(factor, kMostFactor) * static_cast<double>(kFactorParts));
  const int64_t common = std::gcd(parts, kFactorParts);
  return {parts / common, kFactorParts / common};
}

ledger::Calendar PeakHours(const TariffFrame& frame) {
  PENSTOCK_CHECK(frame.peak_from_hour < frame.peak_to_hour && frame.peak_to_hour <= 24);
  ledger::Calendar calendar;
  calendar.bands = {"peak", "off_peak"};
  for (size_t hour = 0; hour < ledger::kHoursOfWeek; ++hour) {
    const bool workday = hour / 24 < 5 || frame.peak_on_weekends;
    const bool peak = workday && hour % 24 >= frame.peak_from_hour && hour % 24 < frame.peak_to_hour;
    calendar.band_of_hour[hour] = peak ? 0 : 1;
  }
  return calendar;
}

/// The ledger charges by the work in a window, not by its rate.
double PricePerWork(const TariffParameters& parameters, const DemandCharge& charge) {
  const Duration window = ledger::kBaseWindow * charge.windows;
  return parameters.demand_price * 1e9 / static_cast<double>(window.count());
}

DemandCharge ChargeFor(const TariffParameters& parameters, const TariffFrame& frame) {
  DemandCharge charge;
  charge.name = "peak";
  switch (parameters.demand) {
    case DemandChoice::kNone:
    case DemandChoice::kOwnPeak:
      charge.windows = frame.demand_minutes;
      break;
    case DemandChoice::kPercentile95:
      charge.rule = DemandRule::kPercentile;
      charge.percentile = 95;
      break;
    case DemandChoice::kRatchet:
      charge.windows = frame.demand_minutes;
      charge.ratchet.look_back = 11;
      charge.ratchet.percent.fill(80);
      charge.ratchet.own_percent.fill(100);
      break;
    case DemandChoice::kCoincident:
      charge.rule = DemandRule::kCoincident;
      charge.n = frame.coincident_windows;
      break;
  }
  charge.steps = {{0, RoundToPrice(PricePerWork(parameters, charge), ledger::DemandScale(charge), kMostPerDemand)}};
  return charge;
}

// The classes that pay for tokens, not free and not what a reservation covers.
uint32_t PayingClasses(bool reservations) {
  uint32_t classes = 0;
  for (const ServiceClass served :
       {ServiceClass::kFlex, ServiceClass::kDefault, ServiceClass::kPriority, ServiceClass::kSpillover}) {
    classes |= 1u << At(served);
  }
  return reservations ? classes : classes | 1u << At(ServiceClass::kReserved);
}

void SetTokenPrices(const TariffParameters& parameters, const TariffFrame& frame, bool banded, PoolPrices& pool) {
  const int64_t unit = banded ? kFactorParts : 1;
  const auto priced = [&](ServiceClass served, double factor) {
    pool.by_class[At(served)] = RoundToTokenPrices(parameters.token_price * factor, frame.burndown, unit);
  };
  priced(ServiceClass::kFree, 0);
  priced(ServiceClass::kFlex, parameters.flex_factor);
  priced(ServiceClass::kDefault, 1);
  priced(ServiceClass::kPriority, parameters.priority_factor);
  priced(ServiceClass::kSpillover, parameters.spillover_factor);
  priced(ServiceClass::kReserved, pool.capacity_price > 0 ? 0 : 1);
}

}  // namespace

ledger::Tariff MakeTariff(const TariffParameters& parameters, const TariffFrame& frame) {
  ledger::Tariff tariff;
  tariff.version = frame.version;
  tariff.currency = frame.currency;
  tariff.effective = frame.effective;
  tariff.rounding_unit = frame.rounding_unit;
  PoolPrices pool;
  pool.pool = frame.pool;
  pool.by_class = {};
  pool.capacity_price = RoundToPrice(parameters.capacity_price, 1, kMostPerCapacity);
  const Ratio peak = RoundToFactor(parameters.peak_factor);
  const bool banded = peak != Ratio();
  SetTokenPrices(parameters, frame, banded, pool);
  if (banded) {
    tariff.calendar = PeakHours(frame);
    ledger::TokenRule rule;
    rule.classes = PayingClasses(pool.capacity_price > 0);
    rule.kinds = (1u << kTokenKindCount) - 1;
    rule.by_band = {peak, Ratio()};
    pool.token_rules = {rule};
  }
  if (parameters.demand != DemandChoice::kNone && parameters.demand_price > 0) {
    pool.demand = {ChargeFor(parameters, frame)};
  }
  tariff.pools = {pool};
  return tariff;
}

}  // namespace penstock::sim
