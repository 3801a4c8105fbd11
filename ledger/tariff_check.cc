// What makes a tariff sound. Readers of tariff files say the same with line and column; this is the last word, also on
// tariffs that a journal brings.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <set>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"
#include "ledger/tariff.h"

namespace penstock::ledger {
namespace {

constexpr int64_t kMaxPrice = 1'000'000'000'000'000'000;
constexpr int64_t kMaxRatioPart = 1'000'000;

template <class... Parts>
absl::Status Wrong(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

bool IsSound(const Ratio& ratio) {
  return ratio.numerator >= 0 && ratio.numerator <= kMaxRatioPart && ratio.denominator >= 1 &&
         ratio.denominator <= kMaxRatioPart;
}

bool IsPrice(int64_t price) { return price >= 0 && price <= kMaxPrice; }

bool IsName(const std::string& name) { return !name.empty() && name.size() <= kMaxNameBytes; }

template <class Step>
bool Climbs(const std::vector<Step>& steps) {
  int64_t before = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    const bool last = i + 1 == steps.size();
    if (last != (steps[i].up_to == 0) || (!last && steps[i].up_to <= before)) return false;
    before = steps[i].up_to;
  }
  return steps.size() <= kMaxTariffItems;
}

class Checker {
 public:
  explicit Checker(const Tariff& tariff) : tariff_(tariff) {}

  absl::Status Run() {
    Calendars();
    std::set<std::string> pools;
    for (const PoolPrices& prices : tariff_.pools) {
      if (!IsName(prices.pool)) Fail("a priced pool has a bad name");
      if (!pools.insert(prices.pool).second) Fail("pool ", prices.pool, " is priced twice");
      pool_ = &prices;
      FlatPrices();
      Rules();
      Coupled();
      if (prices.demand.size() > kMaxTariffItems) Fail("pool ", prices.pool, " has too many demand charges");
      for (const DemandCharge& charge : prices.demand) Demand(charge);
      Bought();
    }
    Lists();
    return status_;
  }

 private:
  template <class... Parts>
  void Fail(const Parts&... parts) {
    if (status_.ok()) status_ = Wrong(parts...);
  }

  void Calendars() {
    const Calendar& calendar = tariff_.calendar;
    const auto ascending = [](const ZoneShift& a, const ZoneShift& b) { return a.from < b.from; };
    bool sound = std::is_sorted(calendar.shifts.begin(), calendar.shifts.end(), ascending) &&
                 calendar.shifts.size() <= kMaxZoneShifts && calendar.bands.size() <= kMaxTariffItems &&
                 calendar.seasons.size() <= kMonths;
    for (const ZoneShift& shift : calendar.shifts) sound = sound && std::abs(shift.offset_seconds) <= 86'400;
    for (const uint8_t band : calendar.band_of_hour) sound = sound && band < std::max<size_t>(1, calendar.bands.size());
    for (const uint8_t s : calendar.season_of_month) sound = sound && s < std::max<size_t>(1, calendar.seasons.size());
    if (!sound) Fail("the calendar is not sound");
  }

  void FlatPrices() {
    for (const TokenPrices& prices : pool_->by_class) {
      for (const TokenKind kind : kAllTokenKinds) {
        if (!IsPrice(prices[kind])) Fail("a price of pool ", pool_->pool, " is negative or too high");
      }
    }
  }

  void Rules() {
    if (pool_->token_rules.size() > kMaxTariffItems) Fail("pool ", pool_->pool, " has too many token rules");
    for (const TokenRule& rule : pool_->token_rules) {
      const size_t bands = tariff_.calendar.bands.size();
      bool sound = Climbs(rule.steps) && (rule.by_band.empty() || rule.by_band.size() == bands);
      for (const PriceStep& step : rule.steps) sound = sound && IsSound(step.factor);
      for (const Ratio& factor : rule.by_band) sound = sound && IsSound(factor);
      if (!sound) Fail("a token rule of pool ", pool_->pool, " has a gap, an overlap or a factor out of bounds");
      if (!status_.ok()) return;
      for (size_t c = 0; c < kServiceClassCount; ++c) {
        for (const TokenKind kind : kAllTokenKinds) RulePrices(rule, static_cast<ServiceClass>(c), kind);
      }
    }
  }

  void RulePrices(const TokenRule& rule, ServiceClass served, TokenKind kind) {
    if (!rule.Covers(served, kind)) return;
    if (pool_->RuleOf(served, kind) != &rule) {
      Fail(Abseil(Name(kind)), " tokens of class ", Abseil(Name(served)), " in pool ", pool_->pool,
           " are under two rules");
    }
    const int64_t flat = pool_->by_class[static_cast<size_t>(served)][kind];
    if (const std::optional<std::string> fault = FactorFault(rule, flat)) {
      Fail(Abseil(Name(kind)), " tokens of class ", Abseil(Name(served)), " in pool ", pool_->pool, ": ", *fault);
    }
  }

  void Coupled() {
    const Coupling& coupling = pool_->coupling;
    if (coupling.classes == 0) return;
    if (!IsSound(coupling.factor) || coupling.step < 1 || coupling.step > kMaxPrice) {
      return Fail("the coupling of pool ", pool_->pool, " is out of bounds");
    }
    const std::optional<Int128> coupled = WholeTimes(coupling.step, coupling.factor);
    if (!coupled) return Fail("posted prices of pool ", pool_->pool, " x factor are not whole in pico-units");
    for (const TokenRule& rule : pool_->token_rules) {
      if ((rule.classes & coupling.classes) == 0) continue;
      if (const auto fault = FactorFault(rule, *coupled)) Fail("posted prices of pool ", pool_->pool, ": ", *fault);
    }
  }

  void Demand(const DemandCharge& charge) {
    const bool coincident = charge.rule == DemandRule::kCoincident;
    const bool several = coincident || charge.rule == DemandRule::kTopMean;
    const bool long_windows = charge.rule == DemandRule::kBlockMaximum || charge.rule == DemandRule::kSlidingMaximum;
    const int64_t p = charge.percentile;
    bool sound = IsName(charge.name) && !charge.steps.empty() && Climbs(charge.steps);
    sound = sound && charge.windows >= 1 && charge.windows <= (long_windows ? 1'440 : 1);
    sound = sound && (charge.rule == DemandRule::kPercentile ? p >= 1 && p <= 99 : p == 0);
    sound = sound && charge.n >= 1 && charge.n <= (several ? 1'000 : 1);
    sound = sound && charge.season >= -1 && charge.season < static_cast<int64_t>(tariff_.calendar.seasons.size());
    sound = sound && charge.band >= -1 && charge.band < static_cast<int64_t>(tariff_.calendar.bands.size());
    const Ratchet& ratchet = charge.ratchet;
    sound = sound && ratchet.look_back >= 0 && ratchet.look_back <= 11 && ratchet.minimum >= 0;
    for (const int64_t percent : ratchet.percent) sound = sound && percent >= 0 && percent <= 100;
    for (const int64_t percent : ratchet.own_percent) sound = sound && percent >= 0 && percent <= 100;
    const Contracted& contracted = charge.contracted;
    sound = sound && IsSound(contracted.excess) && contracted.low_percent >= 0 &&
            contracted.low_percent <= contracted.high_percent && contracted.high_percent <= 1'000;
    if (!sound) return Fail("demand charge ", charge.name, " of pool ", pool_->pool, " is out of bounds");
    const int64_t scale = DemandScale(charge);
    if (scale > kMaxDemandScale) return Fail("demand charge ", charge.name, " counts finer than 1/", kMaxDemandScale);
    for (const DemandStep& step : charge.steps) {
      if (!IsPrice(step.price)) Fail("a price of demand charge ", charge.name, " is negative or too high");
      if (step.price % scale == 0) continue;
      Fail("demand charge ", charge.name, " of pool ", pool_->pool, ": a price of ", step.price,
           " pico-units per milli-nt does not divide by ", scale, ", in which its rule counts");
    }
  }

  void Bought() {
    const ProvisionedUnit& unit = pool_->unit;
    const WindowCommitment& commitment = pool_->commitment;
    const bool sound = IsPrice(pool_->capacity_price) && IsPrice(unit.price) && (unit.span_hours == 1 || unit.span_hours == 24) && unit.input_per_minute >= 0 &&
                       unit.output_per_minute >= 0 && IsPrice(commitment.price) && IsSound(commitment.overage);
    if (!sound) return Fail("a price of pool ", pool_->pool, " is negative or too high");
    if (!WholeTimes(commitment.price, commitment.overage)) {
      Fail("the overage price of pool ", pool_->pool, " is not whole in pico-units");
    }
  }

  void Lists() {
    if (tariff_.seats.size() > kMaxTariffItems || tariff_.outcomes.size() > kMaxTariffItems)
      Fail("too many seats or outcomes");
    for (const Seat& seat : tariff_.seats) {
      if (!IsName(seat.name) || seat.price.IsNegative() || seat.included.IsNegative())
        Fail("seat ", seat.name, " is not sound");
    }
    for (const OutcomePrice& outcome : tariff_.outcomes) {
      if (!IsName(outcome.name) || outcome.price.IsNegative()) Fail("outcome ", outcome.name, " is not sound");
    }
  }

  const Tariff& tariff_;
  const PoolPrices* pool_ = nullptr;
  absl::Status status_;
};

}  // namespace

std::optional<std::string> FactorFault(const TokenRule& rule, Int128 price) {
  const std::vector<PriceStep> one_step(1);
  const std::vector<Ratio> one_band(1);
  for (const PriceStep& step : rule.steps.empty() ? one_step : rule.steps) {
    for (const Ratio& band : rule.by_band.empty() ? one_band : rule.by_band) {
      if (WholeTimes(price, step.factor * band)) continue;
      const auto text = [](const Ratio& ratio) { return absl::StrCat(ratio.numerator, "/", ratio.denominator); };
      return absl::StrCat(static_cast<int64_t>(price), " pico-units per token x ", text(step.factor),
                          rule.by_band.empty() ? "" : " x " + text(band), " is not whole in pico-units");
    }
  }
  return std::nullopt;
}

absl::Status CheckTariff(const Tariff& tariff) { return Checker(tariff).Run(); }

}  // namespace penstock::ledger
