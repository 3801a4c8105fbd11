#include "sim/demand/response.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "admission/vocabulary/check.h"
#include "sim/demand/own_reservation.h"
#include "sim/demand/pricing.h"
#include "sim/demand/rating_rows.h"
#include "sim/demand/taste.h"
#include "sim/demand/volume_curve.h"
#include "sim/demand/waiting.h"

namespace penstock::sim {
namespace {

constexpr double kPicoPerUnit = 1e12;
constexpr double kSecondsPerHour = 3'600;
/// Where prices depend on volume, it is looked for so often, and until it changes by less than this.
constexpr int kMostPasses = 8;
constexpr double kSettled = 1e-4;
/// The pool's peak, for those who would keep out of it: this share of windows.
constexpr double kPeakShare = 0.01;
/// The levels, in shares of its own peak, below which a customer may try to keep.
constexpr std::array<double, 4> kOwnCaps = {0.75, 0.5, 0.35, 0.25};

std::optional<Plan> PlanOf(ServiceClass served) {
  if (served == ServiceClass::kFlex) return Plan::kFlex;
  if (served == ServiceClass::kDefault) return Plan::kDefault;
  if (served == ServiceClass::kPriority) return Plan::kPriority;
  return std::nullopt;
}

ServiceClass ClassOf(Plan plan) {
  switch (plan) {
    case Plan::kFlex:
      return ServiceClass::kFlex;
    case Plan::kDefault:
      return ServiceClass::kDefault;
    case Plan::kPriority:
      return ServiceClass::kPriority;
    case Plan::kReserve:
      return ServiceClass::kSpillover;
  }
  return ServiceClass::kDefault;
}

std::vector<Plan> PlansOf(const DemandTerms& terms) {
  std::vector<Plan> plans;
  for (const ServiceClass served : terms.plans) {
    const std::optional<Plan> plan = PlanOf(served);
    PENSTOCK_CHECK(plan.has_value());  // only these are for sale
    plans.push_back(*plan);
  }
  if (plans.empty()) plans.push_back(Plan::kDefault);
  if (terms.may_reserve) plans.push_back(Plan::kReserve);
  return plans;
}

double Pico(const ledger::Money& money) { return CurrencyUnits(money) * kPicoPerUnit; }

std::vector<double> InDoubles(const std::vector<Work>& work) {
  std::vector<double> doubles(work.size());
  for (size_t w = 0; w < work.size(); ++w) doubles[w] = static_cast<double>(work[w].count());
  return doubles;
}

/// What all customers have before them.
struct Offer {
  const Pricing& pricing;
  const DemandTerms& terms;
  const VolumeCurve& curve;
  std::vector<Plan> plans;
  std::vector<double> everyone;  // work by window

  double reference() const { return static_cast<double>(terms.reference_price); }
  Duration window() const { return pricing.metering().window; }
  const BurndownRates& burndown() const { return pricing.metering().burndown; }
  bool HasDemand(bool coincident) const {
    if (pricing.prices() == nullptr) return false;
    const auto& charges = pricing.prices()->demand;
    return std::any_of(charges.begin(), charges.end(), [&](const ledger::DemandCharge& charge) {
      return (charge.rule == ledger::DemandRule::kCoincident) == coincident;
    });
  }
  bool HasBands() const {
    if (pricing.prices() == nullptr) return false;
    const auto& rules = pricing.prices()->token_rules;
    return std::any_of(rules.begin(), rules.end(), [](const ledger::TokenRule& r) { return !r.by_band.empty(); });
  }
};

/// One way to use the pool, in prices per milli-nt.
struct Choice {
  Plan plan = Plan::kDefault;
  Waiting waiting;
  WorkPerSecond reserves;
  double price = 0;
  double full_price = std::numeric_limits<double>::infinity();
};

/// One customer before the offer.
class Chooser {
 public:
  Chooser(const Offer& offer, const Customer& customer, const Taste& taste)
      : offer_(offer), customer_(customer), taste_(taste), work_(WorkOfWindows(customer.load, offer.burndown())) {}

  Decision Decide() {
    const double total = ShapeOf(work_).total;
    if (total <= 0) return Idle();
    const std::vector<Waiting> ways = WaysToWait();
    double volume = 1;
    Choice best = Best(ways, volume);
    if (!offer_.pricing.IsLinear()) Settle(ways, &best, &volume);
    volume = offer_.curve.VolumeAt(best.full_price);
    return DecisionOf(std::move(best), volume, total);
  }

 private:
  Decision Idle() const {
    Decision decision;
    decision.elastic = ClassOf(offer_.plans.front());
    return decision;
  }

  /// Halfway to what the price at this volume would make of it, until it stays.
  void Settle(const std::vector<Waiting>& ways, Choice* best, double* volume) const {
    for (int pass = 0; pass < kMostPasses; ++pass) {
      const double wanted = offer_.curve.VolumeAt(best->full_price);
      if (wanted <= 0 || std::abs(wanted - *volume) <= kSettled * *volume) return;
      *volume = (*volume + wanted) / 2;
      *best = Best(ways, *volume);
    }
  }

  Choice Best(const std::vector<Waiting>& ways, double volume) const {
    Choice best;
    for (const Waiting& way : ways) {
      const LoadProfile load = way.load_shifts.empty() ? customer_.load : Shifted(customer_.load, way.load_shifts);
      const std::vector<TokenCounts> tokens = RoundedTokens(volume == 1 ? load : Scaled(load, volume));
      const Use use = UseOf(tokens);
      for (const Plan plan : offer_.plans) {
        Choice choice = Priced(plan, use);
        choice.full_price += way.hours * offer_.terms.shift_cost * offer_.reference();
        if (choice.full_price >= best.full_price) continue;
        choice.waiting = way;
        best = std::move(choice);
      }
    }
    return best;
  }

  /// What does not depend on the plan.
  struct Use {
    const std::vector<TokenCounts>& tokens;
    std::vector<ledger::rating::TokenRow> rows;
    std::vector<double> work;
    double total = 0;        // work
    double demand_cost = 0;  // pico-units
  };
  Use UseOf(const std::vector<TokenCounts>& tokens) const {
    const std::vector<Work> work = WorkOf(tokens, offer_.burndown());
    Use use = {tokens, offer_.pricing.TokenRows(tokens), InDoubles(work)};
    use.total = ShapeOf(use.work).total;
    use.demand_cost = Pico(offer_.pricing.DemandCost(work));
    return use;
  }

  /// The price, and the full price but for the waiting.
  Choice Priced(Plan plan, const Use& use) const {
    Choice choice;
    choice.plan = plan;
    double cost = use.demand_cost;
    double speed = 0;
    if (plan == Plan::kReserve) {
      cost += ReservedCost(use, &choice.reserves, &speed);
    } else {
      cost += Pico(offer_.pricing.TokenCost(use.rows, ClassOf(plan)));
      speed = plan == Plan::kPriority ? 1 : plan == Plan::kFlex ? -1 : 0;
    }
    const double liking = taste_.liking[static_cast<size_t>(plan)];
    choice.price = use.total > 0 ? cost / use.total : 0;
    choice.full_price = choice.price - (taste_.speed * speed + liking) * offer_.reference();
    return choice;
  }

  /// What lies within runs at once, as priority does; what lies beyond as default. Infinite where there is nothing that
  /// would be reserved.
  double ReservedCost(const Use& use, WorkPerSecond* reserves, double* speed) const {
    constexpr double kNever = std::numeric_limits<double>::infinity();
    const Pricing& pricing = offer_.pricing;
    const double hourly = pricing.prices() == nullptr ? 0 : static_cast<double>(pricing.prices()->capacity_price);
    const double beyond = Pico(pricing.TokenCost(use.rows, ServiceClass::kSpillover));
    const double within = Pico(pricing.TokenCost(use.rows, ServiceClass::kReserved));
    if (hourly <= 0 || beyond <= within) return kNever;
    const double ratio = hourly / kSecondsPerHour * use.total / (beyond - within);
    *reserves = NewsvendorRate(use.work, offer_.window(), ratio);
    if (*reserves == WorkPerSecond()) return kNever;
    const SplitTokens split = SplitRoundDown(use.tokens, offer_.burndown(), offer_.window(), *reserves);
    *speed = ShapeOf(InDoubles(WorkOf(split.within, offer_.burndown()))).total / use.total;
    return Pico(pricing.TokenCost(pricing.TokenRows(split.within), ServiceClass::kReserved)) +
           Pico(pricing.TokenCost(pricing.TokenRows(split.beyond), ServiceClass::kSpillover)) +
           Pico(pricing.CapacityCost(*reserves));
  }

  // ---- When to use it.

  std::vector<Waiting> WaysToWait() const {
    std::vector<Waiting> ways(1);  // at once
    if (!taste_.can_wait) return ways;
    const double peak = ShapeOf(work_).peak;
    if (offer_.HasDemand(false)) {
      for (const double level : kOwnCaps) ways.push_back(Below(std::vector<double>(work_.size(), level * peak)));
    }
    if (offer_.HasDemand(true)) ways.push_back(KeepOutOf(BusiestWindows(offer_.everyone, kPeakShare)));
    if (offer_.HasBands()) ways.push_back(KeepOutOf(DearWindows()));
    return ways;
  }

  Waiting Below(const std::vector<double>& caps) const {
    return WaitBelow(work_, caps, offer_.window(), offer_.terms.longest_shift);
  }

  Waiting KeepOutOf(const std::vector<size_t>& windows) const {
    std::vector<double> caps(work_.size(), std::numeric_limits<double>::infinity());
    for (const size_t w : windows) caps[w] = 0;
    return Below(caps);
  }

  /// Those after which its tokens become cheaper within the time that it may wait.
  std::vector<size_t> DearWindows() const {
    const std::vector<double> prices = TokenPriceByWindow();
    const auto reach = static_cast<size_t>(offer_.terms.longest_shift.count() / offer_.window().count());
    std::vector<size_t> dear;
    for (size_t w = 0; w < prices.size(); ++w) {
      const size_t end = std::min(prices.size(), w + reach + 1);
      const auto from = prices.begin() + static_cast<ptrdiff_t>(w);
      if (*std::min_element(from, prices.begin() + static_cast<ptrdiff_t>(end)) < prices[w]) dear.push_back(w);
    }
    return dear;
  }

  /// What all of its tokens would cost in each window's band, in the first class on offer.
  std::vector<double> TokenPriceByWindow() const {
    const ledger::Calendar& calendar = offer_.pricing.tariff().calendar;
    const Metering& metering = offer_.pricing.metering();
    TokenCounts all;
    for (const TokenCounts& counts : RoundedTokens(customer_.load)) all = all + counts;
    std::vector<std::optional<double>> of_band(calendar.bands.size());
    std::vector<double> prices(work_.size());
    ledger::HourCursor hours(calendar);
    for (size_t w = 0; w < prices.size(); ++w) {
      const Instant at = metering.start + metering.window * static_cast<int64_t>(w);
      std::optional<double>& price = of_band[calendar.BandAt(hours.At(at))];
      if (!price) {
        std::vector<TokenCounts> there(w + 1);
        there[w] = all;
        price = Pico(offer_.pricing.TokenCost(offer_.pricing.TokenRows(there), ClassOf(offer_.plans.front())));
      }
      prices[w] = *price;
    }
    return prices;
  }

  // ---- The answer.

  Decision DecisionOf(Choice best, double volume, double total) const {
    Decision decision;
    decision.elastic = ClassOf(best.plan);
    decision.price = best.price;
    decision.full_price = best.full_price;
    decision.stays = taste_.churn_draw >= ChanceToLeave(best.full_price);
    decision.volume = decision.stays ? volume : 0;
    decision.shifts = best.waiting.share;
    decision.load_shifts = std::move(best.waiting.load_shifts);
    decision.reserves = Reserved(best, decision.volume);
    if (decision.stays) decision.surplus = total * offer_.curve.SurplusAt(best.full_price) / kPicoPerUnit;
    return decision;
  }

  /// In proportion to volume: its history, scaled.
  WorkPerSecond Reserved(const Choice& best, double volume) const {
    if (best.plan != Plan::kReserve || !offer_.pricing.IsLinear()) return volume > 0 ? best.reserves : WorkPerSecond();
    return WorkPerSecond(static_cast<int64_t>(std::floor(static_cast<double>(best.reserves.count()) * volume)));
  }

  double ChanceToLeave(double full_price) const {
    const double doublings = full_price > 0 ? std::max(0.0, std::log2(full_price / offer_.reference())) : 0;
    return offer_.terms.churn_per_period + offer_.terms.churn_by_price * doublings;
  }

  const Offer& offer_;
  const Customer& customer_;
  const Taste& taste_;
  std::vector<double> work_;
};

std::vector<Work> WholeWork(const std::vector<double>& work) {
  std::vector<Work> whole;
  for (const double each : work) whole.push_back(Work(static_cast<int64_t>(std::floor(each + 0.5))));
  return whole;
}

}  // namespace

std::vector<Decision> Respond(const ledger::Tariff& tariff, const std::string& pool, const BurndownRates& burndown,
                              std::span<const Customer> customers, const DemandTerms& terms, const Streams& streams) {
  const VolumeCurve curve(terms);
  const LoadProfile all = SumOf(customers);
  std::vector<double> everyone = WorkOfWindows(all, burndown);
  const Pricing pricing(tariff, {pool, burndown, terms.start, all.window, everyone.size()}, WholeWork(everyone));
  const Offer offer = {pricing, terms, curve, PlansOf(terms), std::move(everyone)};
  const std::vector<Taste> tastes = TastesOf(customers, burndown, terms, streams);
  std::vector<Decision> decisions;
  decisions.reserve(customers.size());
  for (size_t i = 0; i < customers.size(); ++i) {
    PENSTOCK_CHECK(WindowCount(customers[i].load) == offer.everyone.size());
    decisions.push_back(Chooser(offer, customers[i], tastes[i]).Decide());
  }
  return decisions;
}

}  // namespace penstock::sim
