// What a tariff can charge for, beside the flat token prices that grants pin: ladders of tiers and factors on token
// prices, demand, capacity, provisioned units, a commitment per minute, seats and outcomes.
//
// Factors are exact ratios. Every unit price that can come out of a sound tariff is a whole number of pico-units
// (CheckTariff in ledger/tariff.h), so that a line is quantity x unit price with nothing to round.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "admission/vocabulary/checked.h"
#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "admission/vocabulary/work.h"
#include "ledger/calendar.h"
#include "ledger/money.h"

namespace penstock::ledger {

/// Of every list in a tariff: steps, rules, charges, bands, seats, outcomes.
constexpr size_t kMaxTariffItems = 64;

/// An exact fraction; positive or zero, the denominator positive.
struct Ratio {
  int64_t numerator = 1;
  int64_t denominator = 1;
  friend bool operator==(const Ratio&, const Ratio&) = default;
};

/// The product, not reduced.
Ratio operator*(const Ratio& a, const Ratio& b);

/// amount x ratio; nothing when that is not whole.
std::optional<Int128> WholeTimes(Int128 amount, const Ratio& ratio);

/// A step of a ladder: what lies below `up_to` and above the step before. The last step has no end (0).
struct PriceStep {
  int64_t up_to = 0;
  Ratio factor;  // on the flat price
  friend bool operator==(const PriceStep&, const PriceStep&) = default;
};

/// What period close makes of the flat prices of some tokens in a pool. A class and kind is under one rule at most.
///   graduated  each token costs what its step says. The rule's tokens climb one ladder, class by class, kind by kind,
///              band by band, in the order of the registries: not in the order of time, so batching changes no bill.
///   volume     all tokens cost what the step says that their sum reaches (the sum `up_to` itself still lies below)
struct TokenRule {
  uint32_t classes = 0;  // bit ServiceClass
  uint32_t kinds = 0;    // bit TokenKind
  bool volume = false;
  std::vector<PriceStep> steps;  // empty: factor 1
  std::vector<Ratio> by_band;    // one for each band of the calendar; empty: factor 1
  bool Covers(ServiceClass served, TokenKind kind) const {
    return ((classes >> static_cast<unsigned>(served)) & 1) != 0 && ((kinds >> static_cast<unsigned>(kind)) & 1) != 0;
  }
  friend bool operator==(const TokenRule&, const TokenRule&) = default;
};

/// While a posted price is in force, tokens of these classes cost posted price x factor in place of the flat price.
/// Posted prices are multiples of `step`; others are not used.
struct Coupling {
  uint32_t classes = 0;  // bit ServiceClass; none: not coupled
  Ratio factor;
  int64_t step = 1;  // pico-units per token
  bool Covers(ServiceClass served) const { return ((classes >> static_cast<unsigned>(served)) & 1) != 0; }
  friend bool operator==(const Coupling&, const Coupling&) = default;
};

enum class DemandRule : uint8_t {
  kBlockMaximum,    // of blocks aligned to the epoch, `windows` base windows long
  kSlidingMaximum,  // of any `windows` base windows in a row
  kPercentile,      // rank N - floor(N (100 - p) / 100) of N windows in force, ascending; a missing window is zero
  kTopMean,         // mean of the n highest windows
  kCoincident,      // own load in the pool's n highest windows (earliest on ties), their mean; at most one per
                    // `apart`
};

/// How far apart the windows of a coincident mean must lie: in different local days or months.
enum class Apart : uint8_t { kWindow, kDay, kMonth };

/// Work up to here in the demand window costs this: pico-units per milli-nt. The last step has no end (0).
struct DemandStep {
  int64_t up_to = 0;  // milli-nt
  int64_t price = 0;
  friend bool operator==(const DemandStep&, const DemandStep&) = default;
};

/// The metered demand counts at least as much as an earlier month's, in percent. Only metered peaks are looked at,
/// never billed ones, of the `look_back` months strictly before the month in which the period begins.
struct Ratchet {
  int64_t look_back = 0;                       // months, 0 (none) to 11
  std::array<int64_t, kMonths> percent{};      // of an earlier month's peak, by the month it was in; 0: not looked at
  std::array<int64_t, kMonths> own_percent{};  // of the period's own peak, by the month it begins in
  int64_t minimum = 0;                         // milli-nt in the demand window
  friend bool operator==(const Ratchet&, const Ratchet&) = default;
};

/// A contracted demand C: below low % of C, that is billed; up to high % what was measured; above, measured + factor x
/// (measured - high % of C).
struct Contracted {
  int64_t low_percent = 0;  // 0 and 0: no contract
  int64_t high_percent = 0;
  Ratio excess;
  bool IsOn() const { return high_percent != 0; }
  friend bool operator==(const Contracted&, const Contracted&) = default;
};

/// Demand is priced per work in the demand window: no division. Where a mean, a percentage or a ratio makes a fraction
/// of it, the demand is counted in 1 / DemandScale of a milli-nt and every price must divide by that scale.
struct DemandCharge {
  std::string name;
  DemandRule rule = DemandRule::kBlockMaximum;
  int64_t windows = 1;     // base windows in a demand window (block and sliding maximum)
  int64_t percentile = 0;  // kPercentile: 1 to 99
  int64_t n = 1;           // kTopMean, kCoincident
  Apart apart = Apart::kWindow;
  int64_t season = -1;  // only months of this season are charged; -1: all. A ratchet looks at all months
  int64_t band = -1;    // only windows in this band count; -1: all
  std::vector<DemandStep> steps;
  Ratchet ratchet;
  Contracted contracted;
  friend bool operator==(const DemandCharge&, const DemandCharge&) = default;
};

/// The busiest minute at this price: pico-units per milli-nt.
DemandCharge BusiestMinute(int64_t price);

/// In how many parts a milli-nt of this demand is counted.
int64_t DemandScale(const DemandCharge& charge);

/// Units that a customer buys by the hour or day; `UnitsFor` says how many a need takes.
struct ProvisionedUnit {
  int64_t price = 0;             // pico-units per unit and span
  int64_t span_hours = 1;        // of 1 or 24 hours; spans count from the start of the period, begun ones whole
  int64_t input_per_minute = 0;  // tokens that a unit carries; 0: does not say
  int64_t output_per_minute = 0;
  friend bool operator==(const ProvisionedUnit&, const ProvisionedUnit&) = default;
};

/// Units for a need: inputs and outputs take units of their own, each rounded up.
int64_t UnitsFor(const ProvisionedUnit& unit, int64_t input_per_minute, int64_t output_per_minute);

/// Committed work per base window, use it or lose it: every window of the period costs the commitment, and work beyond
/// it costs factor times the price.
struct WindowCommitment {
  int64_t price = 0;  // pico-units per milli-nt
  Ratio overage;
  uint32_t tiers = 0;  // bit Tier: whose work draws on it
  friend bool operator==(const WindowCommitment&, const WindowCommitment&) = default;
};

/// What an hour of a reservation is worth back when too few of its requests met the service level.
struct ServiceCreditStep {
  int64_t below = 0;    // thousandths of requests that met it
  int64_t percent = 0;  // of what the hour cost
  friend bool operator==(const ServiceCreditStep&, const ServiceCreditStep&) = default;
};

/// What requests inside a contract are promised; zero: nothing. Part of a contract through the tariff that it pins.
struct ServiceLevel {
  Duration queue_delay;         // at admission, from when its contract allowed it, at most
  Duration time_to_first_token; // from the grant, at most
  int64_t output_per_second = 0;  // tokens, at least
  std::vector<ServiceCreditStep> credits;  // by falling `below`, rising percent; the last that fits holds
  bool IsOn() const { return queue_delay > Duration() || time_to_first_token > Duration() || output_per_second > 0; }
  friend bool operator==(const ServiceLevel&, const ServiceLevel&) = default;
};

/// A seat costs `price` per billing month and includes token charges worth `included`.
struct Seat {
  std::string name;
  Money price;
  Money included;
  friend bool operator==(const Seat&, const Seat&) = default;
};

/// A reported, accepted outcome of a run.
struct OutcomePrice {
  std::string name;
  Money price;
  friend bool operator==(const OutcomePrice&, const OutcomePrice&) = default;
};

}  // namespace penstock::ledger
