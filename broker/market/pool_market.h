// One pool's market: what is sold and what is left of it (calendar.h), what a window costs, and what else could be had.
// Integers only; it holds no quotes and no reservations: the books do.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "admission/vocabulary/time.h"
#include "broker/market/calendar.h"
#include "broker/market/settings.h"
#include "ledger/entry.h"
#include "ledger/market_terms.h"

namespace penstock::market {

/// What prices follow from beside the market itself.
struct PriceInputs {
  Instant now;
  int64_t list_price = 0;     // of the tariff: pico-units per milli-nt/s and minute, rounded up
  int64_t elastic_price = 0;  // what elastic work pays now: pico-units per milli-nt
};

/// Why something does not fit.
struct Shortage {
  enum class What : uint8_t { kThroughput, kSlots, kKvTokens };
  What scarce = What::kThroughput;
  Instant at;         // where it is scarcest
  int64_t asked = 0;  // in its unit: milli-nt/s, slots, tokens
  int64_t room = 0;
};

/// What a step takes from slots and KV tokens beside its rate, rounded up.
Amounts TakenBy(WorkPerSecond rate, const ledger::Envelope& envelope);

/// What the margin leaves of a step's capacity, less what stands for ever.
Amounts ForSale(const ledger::CapacityPlanEntry& plan, const ledger::CapacityStep& step);

class PoolMarket {
 public:
  // ---- What there is.

  void SetTerms(const MarketTerms& terms) { terms_ = terms; }
  const MarketTerms& terms() const { return terms_; }
  /// In place of what it was; `now` on. What is sold stays sold.
  void SetCapacity(const ledger::CapacityPlanEntry& plan);
  const ledger::CapacityPlanEntry& capacity() const { return capacity_; }
  void SetDemand(const ledger::DemandPlanEntry& plan) { demand_ = plan; }
  const ledger::DemandPlanEntry& demand() const { return demand_; }
  /// What a reservation takes from `from` on, and back.
  void Commit(const ledger::ReservationTerms& terms, Instant from);
  void Release(const ledger::ReservationTerms& terms, Instant from);
  const CapacityCalendar& calendar() const { return calendar_; }
  /// What elastic demand is expected to be in an hour; zero when nothing is known.
  ledger::HourDemand DemandAt(Instant at) const;
  void ForgetBefore(Instant t) { calendar_.ForgetBefore(t); }

  // ---- What could be sold.

  /// Nothing: it fits. Otherwise where it is scarcest, throughput before slots before KV tokens.
  std::optional<Shortage> ShortageOf(const std::vector<ledger::RateStep>& steps, const ledger::Envelope& envelope) const;
  /// Other times (earlier, later) and a lower rate, cheapest first, with their prices; no more than `most`.
  std::vector<ledger::Alternative> AlternativesTo(const ledger::ReservationTerms& wish, const PriceInputs& inputs,
                                                  size_t most) const;

  // ---- What it costs.

  /// The ask for steps that fit, and what it follows from.
  ledger::PriceBasis AskFor(const std::vector<ledger::RateStep>& steps, const PriceInputs& inputs) const;
  /// What is paid back for steps that are sold.
  int64_t BidFor(const std::vector<ledger::RateStep>& steps, const PriceInputs& inputs) const;

 private:
  ledger::PriceBasis Basis(const std::vector<ledger::RateStep>& steps, const PriceInputs& inputs, bool is_sold) const;

  MarketTerms terms_;
  ledger::CapacityPlanEntry capacity_;
  ledger::DemandPlanEntry demand_;
  CapacityCalendar calendar_;
};

/// max(floor, displacement + scarcity) x lead_time x term, rounded up.
int64_t UnitPriceOf(const ledger::PriceBasis& basis);

/// The factor on a curve of points with rising utilisation: linear between them, flat before and after. Thousandths.
int64_t FactorAt(const std::vector<CurvePoint>& curve, int64_t utilisation);

/// The posted price after `previous` (a multiplier in thousandths): towards what the curve says of the larger of smoothed
/// and forecast use of what is not reserved, by at most `most_steps` steps, within floor and cap.
int64_t NextMultiplier(const PostedPriceTerms& terms, int64_t previous, int64_t utilisation, int64_t forecast);

}  // namespace penstock::market
