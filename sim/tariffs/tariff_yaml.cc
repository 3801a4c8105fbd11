#include "sim/tariffs/tariff_yaml.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "sim/tariffs/calendar_yaml.h"
#include "sim/tariffs/yaml_text.h"

namespace penstock::sim {
namespace {

using ledger::DemandCharge;
using ledger::DemandRule;
using ledger::PoolPrices;
using ledger::Ratio;
using ledger::Tariff;

constexpr int64_t kMostPerToken = 1'000'000'000'000;
constexpr int64_t kMostPerDemand = 1'000'000'000;
constexpr int64_t kMostPerCapacity = 1'000'000'000'000;
constexpr int64_t kMostMoney = 1'000'000'000'000'000'000;

class Writer {
 public:
  Writer(const Tariff& tariff, const BurndownRates& burndown) : tariff_(tariff), burndown_(burndown) {}

  absl::StatusOr<std::string> Write(std::string_view title) {
    for (const absl::string_view line : absl::StrSplit(Abseil(title), '\n')) Line(line.empty() ? "#" : "# ", line);
    Line();
    Head();
    if (absl::Status calendar = AppendCalendarYaml(tariff_.calendar, text_); !calendar.ok()) Fail(calendar.message());
    Line();
    Line("pools:");
    for (const PoolPrices& pool : tariff_.pools) Pool(pool);
    SeatsAndOutcomes();
    if (!status_.ok()) return status_;
    return std::move(text_);
  }

 private:
  template <class... Parts>
  void Line(const Parts&... parts) {
    absl::StrAppend(&text_, parts..., "\n");
  }

  template <class... Parts>
  void Fail(const Parts&... parts) {
    if (status_.ok()) {
      status_ = absl::InvalidArgumentError(
          absl::StrCat("tariff ", tariff_.version, " cannot be written as a file: ", parts...));
    }
  }

  const std::string& NameText(const std::string& name) {
    if (!IsFileName(name)) {
      Fail("\"", name, "\" is not a name; use a-z, 0-9, '.', '_' and '-', beginning with a letter or digit");
    }
    return name;
  }

  std::string PriceText(int64_t price, int decimals, int64_t most) {
    if (price > most) Fail("a price of ", price, " pico-units is larger than files may have it, ", most);
    return absl::StrCat("\"", DecimalText(price, decimals), "\"");
  }

  std::string MoneyText(const ledger::Money& money) {
    if (money > ledger::Money::FromPico(kMostMoney)) Fail("a sum of ", money.ToDecimal(), " is too large for a file");
    return absl::StrCat("\"", DecimalText(static_cast<int64_t>(money.pico()), 12), "\"");
  }

  std::string RatioText(const Ratio& ratio) {
    if (std::gcd(ratio.numerator, ratio.denominator) != 1) {
      Fail("the factor ", ratio.numerator, "/", ratio.denominator, " is not in lowest terms");
    }
    return ratio.denominator == 1 ? absl::StrCat(ratio.numerator)
                                  : absl::StrCat(ratio.numerator, "/", ratio.denominator);
  }

  std::string WholeNtText(int64_t milli_nt) {
    if (milli_nt % kMilliNtPerNt != 0) Fail(milli_nt, " milli-nt are not whole in nt");
    return absl::StrCat(milli_nt / kMilliNtPerNt);
  }

  void Head() {
    constexpr std::string_view kModes[] = {"half_even", "half_up", "up", "down"};
    Line("version: ", NameText(tariff_.version), "  # unique for ever: a new tariff needs a new one");
    Line("currency: ", tariff_.currency);
    const std::optional<std::string> effective = MomentText(tariff_.effective);
    if (!effective) Fail("it takes effect at a moment that is not a whole second from 1970 to 2200");
    Line("effective: ", effective.value_or(""), "  # UTC");
    Line("rounding: {to: ", MoneyText(tariff_.rounding_unit),
         ", mode: ", Abseil(kModes[static_cast<size_t>(tariff_.rounding)]), "}");
  }

  void Pool(const PoolPrices& pool) {
    Line("  ", NameText(pool.pool), ":");
    Line("    # Currency units per million tokens, by the class that a request was served in.");
    Line("    prices:");
    for (size_t c = 0; c < kServiceClassCount; ++c) {
      Line("      ", Abseil(kServiceClassNames[c]), ": {", TokenPricesText(pool, c), "}");
    }
    Rules(pool);
    PostedPrice(pool.coupling);
    Demand(pool);
    Bought(pool);
    ServiceLevel(pool.service_level);
  }

  bool HasPrice(const PoolPrices& pool, TokenKind kind) const {
    return burndown_[kind] > 0 || std::any_of(pool.by_class.begin(), pool.by_class.end(),
                                              [&](const auto& prices) { return prices[kind] != 0; });
  }

  std::string TokenPricesText(const PoolPrices& pool, size_t served) {
    std::vector<std::string> prices;
    for (const TokenKind kind : kAllTokenKinds) {
      if (!HasPrice(pool, kind)) continue;
      prices.push_back(
          absl::StrCat(Abseil(Name(kind)), ": ", PriceText(pool.by_class[served][kind], 6, kMostPerToken)));
    }
    return Joined(prices);
  }

  void Rules(const PoolPrices& pool) {
    if (pool.token_rules.empty()) return;
    Line("    # Factors on those prices. Tokens of a rule climb its steps.");
    Line("    token_rules:");
    for (const ledger::TokenRule& rule : pool.token_rules) {
      if (rule.classes == 0 || rule.kinds == 0 || (rule.steps.empty() && rule.by_band.empty())) {
        Fail("a token rule of pool ", pool.pool, " covers nothing, or changes nothing");
      }
      Line("      - classes: [", BitNames(rule.classes, kServiceClassNames), "]");
      Line("        kinds: [", BitNames(rule.kinds, kTokenKindNames), "]");
      if (rule.volume) Line("        counting: volume");
      if (!rule.steps.empty()) Line("        steps: [", PriceStepsText(rule.steps), "]");
      if (!rule.by_band.empty()) Line("        time_of_use: {", BandFactorsText(rule.by_band), "}");
    }
  }

  std::string PriceStepsText(const std::vector<ledger::PriceStep>& steps) {
    std::vector<std::string> texts;
    for (const ledger::PriceStep& step : steps) {
      const std::string end = step.up_to == 0 ? "" : absl::StrCat("up_to_tokens: ", step.up_to, ", ");
      texts.push_back(absl::StrCat("{", end, "factor: ", RatioText(step.factor), "}"));
    }
    return Joined(texts);
  }

  std::string BandFactorsText(const std::vector<Ratio>& factors) {
    std::vector<std::string> texts;
    for (size_t i = 0; i < factors.size(); ++i) {
      texts.push_back(absl::StrCat(tariff_.calendar.bands[i], ": ", RatioText(factors[i])));
    }
    return Joined(texts);
  }

  void PostedPrice(const ledger::Coupling& coupling) {
    if (coupling.classes == 0) {
      if (coupling != ledger::Coupling()) Fail("a coupling to the posted price covers no class, but says something");
      return;
    }
    Line("    # While a posted price is in force, these classes pay it times the factor.");
    Line("    posted_price: {classes: [", BitNames(coupling.classes, kServiceClassNames),
         "], factor: ", RatioText(coupling.factor), ", step: ", PriceText(coupling.step, 6, kMostPerToken), "}");
  }

  void Demand(const PoolPrices& pool) {
    if (pool.demand.empty()) return;
    Line(
        "    # The busiest windows of the month, in currency units per million nt of work in one. Free work does not "
        "count.");
    Line("    demand:");
    for (const DemandCharge& charge : pool.demand) Charge(charge);
  }

  void Charge(const DemandCharge& charge) {
    constexpr std::string_view kRules[] = {"block_maximum", "sliding_maximum", "percentile", "top_mean", "coincident"};
    constexpr std::string_view kAparts[] = {"window", "day", "month"};
    Line("      - name: ", NameText(charge.name));
    Line("        rule: ", Abseil(kRules[static_cast<size_t>(charge.rule)]));
    if (charge.windows != 1) Line("        minutes: ", charge.windows);
    if (charge.rule == DemandRule::kPercentile) Line("        percentile: ", charge.percentile);
    if (charge.rule == DemandRule::kTopMean || charge.rule == DemandRule::kCoincident) Line("        n: ", charge.n);
    if (charge.rule == DemandRule::kCoincident) {
      Line("        apart: ", Abseil(kAparts[static_cast<size_t>(charge.apart)]));
    } else if (charge.apart != ledger::Apart::kWindow) {
      Fail("demand charge ", charge.name, " is not coincident, but says how far apart its windows lie");
    }
    if (charge.season >= 0) Line("        season: ", tariff_.calendar.seasons[static_cast<size_t>(charge.season)]);
    if (charge.band >= 0) Line("        time_of_use: ", tariff_.calendar.bands[static_cast<size_t>(charge.band)]);
    ChargePrices(charge);
    Ratchet(charge);
    Contracted(charge);
  }

  void ChargePrices(const DemandCharge& charge) {
    const std::string key = absl::StrCat("price_per_million_nt_per_", charge.windows == 1 ? "minute" : "window", ": ");
    if (charge.steps.size() == 1) {
      Line("        ", key, PriceText(charge.steps[0].price, 3, kMostPerDemand));
      return;
    }
    Line("        steps:");
    for (const ledger::DemandStep& step : charge.steps) {
      const std::string end = step.up_to == 0 ? "" : absl::StrCat("up_to_nt: ", WholeNtText(step.up_to), ", ");
      Line("          - {", end, key, PriceText(step.price, 3, kMostPerDemand), "}");
    }
  }

  void Ratchet(const DemandCharge& charge) {
    const ledger::Ratchet& ratchet = charge.ratchet;
    if (ratchet == ledger::Ratchet()) return;
    if (ratchet.look_back == 0) return Fail("the ratchet of demand charge ", charge.name, " does not look back");
    std::vector<std::string> months;
    for (size_t m = 0; m < ledger::kMonths; ++m) {
      if (ratchet.percent[m] != 0) months.push_back(absl::StrCat(m + 1));
    }
    const bool some = !months.empty() && months.size() < ledger::kMonths;
    const auto percent = PercentText(ratchet.percent, tariff_.calendar, some);
    const auto own = PercentText(ratchet.own_percent, tariff_.calendar, false);
    if (!percent || !own) {
      return Fail("percentages of the ratchet of demand charge ", charge.name,
                  " differ between months that no season tells apart");
    }
    Line("        ratchet:  # counts at least so much of earlier months' peaks");
    Line("          look_back_months: ", ratchet.look_back);
    Line("          percent: ", *percent);
    Line("          own_percent: ", *own);
    if (some) Line("          months: [", Joined(months), "]");
    if (ratchet.minimum > 0) Line("          minimum_nt: ", WholeNtText(ratchet.minimum));
  }

  void Contracted(const DemandCharge& charge) {
    const ledger::Contracted& contracted = charge.contracted;
    if (contracted == ledger::Contracted()) return;
    if (!contracted.IsOn()) Fail("demand charge ", charge.name, " has no contracted demand, but says something of it");
    Line("        contracted: {low_percent: ", contracted.low_percent, ", high_percent: ", contracted.high_percent,
         ", excess_factor: ", RatioText(contracted.excess), "}");
  }

  void Bought(const PoolPrices& pool) {
    if (pool.capacity_price > 0) {
      Line("    # Of reservations, used or not.");
      Line("    capacity: {price_per_nt_per_s_hour: ", PriceText(pool.capacity_price, 9, kMostPerCapacity), "}");
    }
    if (pool.unit != ledger::ProvisionedUnit()) {
      Line("    unit:");
      Line("      ", pool.unit.span_hours == 24 ? "price_per_day: " : "price_per_hour: ",
           MoneyText(ledger::Money::FromPico(pool.unit.price)));
      if (pool.unit.input_per_minute > 0) Line("      input_tokens_per_minute: ", pool.unit.input_per_minute);
      if (pool.unit.output_per_minute > 0) Line("      output_tokens_per_minute: ", pool.unit.output_per_minute);
    }
    if (pool.commitment == ledger::WindowCommitment()) return;
    if (pool.commitment.tiers == 0) Fail("no tier draws on the commitment of pool ", pool.pool);
    Line("    commitment:");
    Line("      price_per_million_nt: ", PriceText(pool.commitment.price, 3, kMostPerDemand));
    Line("      overage_factor: ", RatioText(pool.commitment.overage));
    Line("      tiers: [", BitNames(pool.commitment.tiers, kTierNames), "]");
  }

  std::string MillisecondsText(Duration span) {
    if (span.count() % 1'000'000 != 0) Fail("a service level of ", span.count(), " ns is not whole in milliseconds");
    return absl::StrCat(span.count() / 1'000'000);
  }

  void ServiceLevel(const ledger::ServiceLevel& level) {
    if (level == ledger::ServiceLevel()) return;
    if (!level.IsOn()) return Fail("service credits stand there with nothing promised");
    Line("    # What requests inside a reservation are promised.");
    Line("    service_level:");
    if (level.queue_delay > Duration()) Line("      queue_delay_ms: ", MillisecondsText(level.queue_delay));
    if (level.time_to_first_token > Duration()) {
      Line("      time_to_first_token_ms: ", MillisecondsText(level.time_to_first_token));
    }
    if (level.output_per_second > 0) Line("      output_tokens_per_s: ", level.output_per_second);
    std::vector<std::string> credits;
    for (const ledger::ServiceCreditStep& step : level.credits) {
      credits.push_back(absl::StrCat("{below: ", DecimalText(step.below, 1), "%, percent: ", step.percent, "}"));
    }
    if (!credits.empty()) Line("      credits: [", Joined(credits), "]");
  }

  void SeatsAndOutcomes() {
    if (!tariff_.seats.empty()) Line("\nseats:  # a billing month, and the token charges that it covers");
    for (const ledger::Seat& seat : tariff_.seats) {
      Line("  ", NameText(seat.name), ": {price: ", MoneyText(seat.price), ", included: ", MoneyText(seat.included),
           "}");
    }
    if (!tariff_.outcomes.empty()) Line("\noutcomes:");
    for (const ledger::OutcomePrice& outcome : tariff_.outcomes) {
      Line("  ", NameText(outcome.name), ": {price: ", MoneyText(outcome.price), "}");
    }
  }

  const Tariff& tariff_;
  const BurndownRates& burndown_;
  std::string text_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<std::string> WriteTariffYaml(const Tariff& tariff, std::string_view title,
                                            const BurndownRates& burndown) {
  if (absl::Status sound = ledger::CheckTariff(tariff); !sound.ok()) return sound;
  return Writer(tariff, burndown).Write(title);
}

}  // namespace penstock::sim
