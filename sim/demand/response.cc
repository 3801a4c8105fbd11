#include "sim/demand/response.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
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
/// The pool's peak, for those who would keep out of it: this share of hours.
constexpr double kPeakShare = 0.05;
/// Rounds in which customers learn what a coincident charge comes to once everybody has answered it.
constexpr size_t kPeakRounds = 8;
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
  std::vector<double> everyone;  // base load: work by window

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

/// A plan for what comes, in pico-units for all of it but the demand.
struct Choice {
  Plan plan = Plan::kDefault;
  WorkPerSecond reserves;
  double cost = 0;
  double speed = 0;  // how much of it goes first: 1 all, -1 all of it waits behind others
};

/// What a customer asks for when it waits in one way, and on which terms it can have it.
struct Use {
  size_t way = 0;
  double total = 0;  // work
  std::vector<Work> work;
  std::vector<Choice> choices;
  double demand_cost = 0;  // pico-units, summed over the peaks that it expects
};

/// The one with the lowest full price: prices per milli-nt.
struct Best {
  size_t way = 0;
  Choice choice;
  double price = 0;
  double full_price = std::numeric_limits<double>::infinity();
};

/// One customer before the offer.
class Chooser {
 public:
  Chooser(const Offer& offer, const Customer& customer, const Taste& taste)
      : offer_(offer), customer_(customer), taste_(taste), base_(WorkOfWindows(customer.load, offer.burndown())) {
    if (ShapeOf(base_).total <= 0) return;
    ways_ = WaysToWait();
    uses_ = UsesAt(1);
  }

  /// The same prices, with a peak that the pool may have: as likely as any other that it has been told.
  void Expect(const Pricing& peak) {
    peaks_.push_back(&peak);
    for (Use& use : uses_) use.demand_cost += Pico(peak.DemandCost(use.work));
  }

  /// After at least one peak.
  Decision Decide() const {
    if (uses_.empty()) return Idle();
    double volume = 1;
    Best best = BestOf(uses_);
    if (!offer_.pricing.IsLinear()) Settle(&best, &volume);
    return DecisionOf(best, offer_.curve.VolumeAt(best.full_price));
  }

 private:
  Decision Idle() const {
    Decision decision;
    decision.elastic = ClassOf(offer_.plans.front());
    return decision;
  }

  /// Halfway to what the price at this volume would make of it, until it stays.
  void Settle(Best* best, double* volume) const {
    for (int pass = 0; pass < kMostPasses; ++pass) {
      const double wanted = offer_.curve.VolumeAt(best->full_price);
      if (wanted <= 0 || std::abs(wanted - *volume) <= kSettled * *volume) return;
      *volume = (*volume + wanted) / 2;
      *best = BestOf(UsesAt(*volume));
    }
  }

  Best BestOf(const std::vector<Use>& uses) const {
    Best best;
    for (const Use& use : uses) {
      const double demand = use.demand_cost / static_cast<double>(peaks_.size());
      const double waiting = ways_[use.way].hours * offer_.terms.shift_cost;
      for (const Choice& choice : use.choices) {
        const double price = use.total > 0 ? (choice.cost + demand) / use.total : 0;
        const double liking = taste_.liking[static_cast<size_t>(choice.plan)];
        const double full_price = price + (waiting - taste_.speed * choice.speed - liking) * offer_.reference();
        if (full_price < best.full_price) best = {use.way, choice, price, full_price};
      }
    }
    return best;
  }

  std::vector<Use> UsesAt(double volume) const {
    std::vector<Use> uses;
    for (size_t way = 0; way < ways_.size(); ++way) uses.push_back(UseOf(way, volume));
    return uses;
  }

  Use UseOf(size_t way, double volume) const {
    const std::vector<LoadShift>& shifts = ways_[way].load_shifts;
    const LoadProfile load = shifts.empty() ? customer_.load : Shifted(customer_.load, shifts);
    const std::vector<TokenCounts> tokens = RoundedTokens(volume == 1 ? load : Scaled(load, volume));
    const std::vector<ledger::rating::TokenRow> rows = offer_.pricing.TokenRows(tokens);
    Use use;
    use.way = way;
    use.work = WorkOf(tokens, offer_.burndown());
    use.total = ShapeOf(InDoubles(use.work)).total;
    for (const Plan plan : offer_.plans) {
      std::optional<Choice> choice = plan == Plan::kReserve ? Reserving(tokens, rows, use) : Elastic(plan, rows);
      if (choice) use.choices.push_back(*choice);
    }
    for (const Pricing* peak : peaks_) use.demand_cost += Pico(peak->DemandCost(use.work));
    return use;
  }

  Choice Elastic(Plan plan, const std::vector<ledger::rating::TokenRow>& rows) const {
    const double speed = plan == Plan::kPriority ? 1 : plan == Plan::kFlex ? -1 : 0;
    return {plan, WorkPerSecond(), Pico(offer_.pricing.TokenCost(rows, ClassOf(plan))), speed};
  }

  /// What lies within runs at once, as priority does; what lies beyond as default. Nothing where nothing would be
  /// reserved.
  std::optional<Choice> Reserving(const std::vector<TokenCounts>& tokens,
                                  const std::vector<ledger::rating::TokenRow>& rows, const Use& use) const {
    const Pricing& pricing = offer_.pricing;
    const double hourly = pricing.prices() == nullptr ? 0 : static_cast<double>(pricing.prices()->capacity_price);
    const double beyond = Pico(pricing.TokenCost(rows, ServiceClass::kSpillover));
    const double within = Pico(pricing.TokenCost(rows, ServiceClass::kReserved));
    if (hourly <= 0 || beyond <= within) return std::nullopt;
    const double ratio = hourly / kSecondsPerHour * use.total / (beyond - within);
    Choice choice{Plan::kReserve, NewsvendorRate(InDoubles(use.work), offer_.window(), ratio), 0, 0};
    if (choice.reserves == WorkPerSecond()) return std::nullopt;
    const SplitTokens split = SplitRoundDown(tokens, offer_.burndown(), offer_.window(), choice.reserves);
    choice.speed = ShapeOf(InDoubles(WorkOf(split.within, offer_.burndown()))).total / use.total;
    choice.cost = Pico(pricing.TokenCost(pricing.TokenRows(split.within), ServiceClass::kReserved)) +
                  Pico(pricing.TokenCost(pricing.TokenRows(split.beyond), ServiceClass::kSpillover)) +
                  Pico(pricing.CapacityCost(choice.reserves));
    return choice;
  }

  // ---- When to use it.

  std::vector<Waiting> WaysToWait() const {
    std::vector<Waiting> ways(1);  // at once
    if (!taste_.can_wait) return ways;
    const double peak = ShapeOf(base_).peak;
    if (offer_.HasDemand(false)) {
      for (const double level : kOwnCaps) ways.push_back(Below(std::vector<double>(base_.size(), level * peak)));
    }
    if (offer_.HasDemand(true)) ways.push_back(KeepOutOf(BusiestHours()));
    if (offer_.HasBands()) ways.push_back(KeepOutOf(DearWindows()));
    return ways;
  }

  Waiting Below(const std::vector<double>& caps) const {
    return WaitBelow(base_, caps, offer_.window(), offer_.terms.longest_shift);
  }

  Waiting KeepOutOf(const std::vector<size_t>& windows) const {
    std::vector<double> caps(base_.size(), std::numeric_limits<double>::infinity());
    for (const size_t w : windows) caps[w] = 0;
    return Below(caps);
  }

  /// Of the pool: all of their windows. Nobody can say which minute of a busy hour will be the peak.
  std::vector<size_t> BusiestHours() const {
    const auto in_hour = static_cast<size_t>(std::max<int64_t>(1, Hours(1).count() / offer_.window().count()));
    std::vector<double> hours((offer_.everyone.size() + in_hour - 1) / in_hour);
    for (size_t w = 0; w < offer_.everyone.size(); ++w) hours[w / in_hour] += offer_.everyone[w];
    std::vector<size_t> windows;
    for (const size_t hour : BusiestWindows(hours, kPeakShare)) {
      for (size_t w = hour * in_hour; w < std::min((hour + 1) * in_hour, offer_.everyone.size()); ++w) {
        windows.push_back(w);
      }
    }
    return windows;
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
    std::vector<double> prices(base_.size());
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

  Decision DecisionOf(const Best& best, double volume) const {
    Decision decision;
    decision.elastic = ClassOf(best.choice.plan);
    decision.price = best.price;
    decision.full_price = best.full_price;
    decision.stays = taste_.churn_draw >= ChanceToLeave(best.full_price);
    decision.volume = decision.stays ? volume : 0;
    decision.shifts = ways_[best.way].share;
    decision.load_shifts = ways_[best.way].load_shifts;
    decision.reserves = Reserved(best.choice, decision.volume);
    if (decision.stays) {
      decision.surplus = ShapeOf(base_).total * offer_.curve.SurplusAt(best.full_price) / kPicoPerUnit;
    }
    return decision;
  }

  /// In proportion to volume: its history, scaled.
  WorkPerSecond Reserved(const Choice& choice, double volume) const {
    if (choice.plan != Plan::kReserve || !offer_.pricing.IsLinear()) {
      return volume > 0 ? choice.reserves : WorkPerSecond();
    }
    return WorkPerSecond(static_cast<int64_t>(std::floor(static_cast<double>(choice.reserves.count()) * volume)));
  }

  double ChanceToLeave(double full_price) const {
    const double doublings = full_price > 0 ? std::max(0.0, std::log2(full_price / offer_.reference())) : 0;
    return offer_.terms.churn_per_period + offer_.terms.churn_by_price * doublings;
  }

  const Offer& offer_;
  const Customer& customer_;
  const Taste& taste_;
  std::vector<double> base_;  // work by window
  std::vector<Waiting> ways_;
  std::vector<const Pricing*> peaks_;
  std::vector<Use> uses_;  // of the base volume; empty: it has no load
};

std::vector<Work> WholeWork(const std::vector<double>& work) {
  std::vector<Work> whole;
  for (const double each : work) whole.push_back(Work(static_cast<int64_t>(std::floor(each + 0.5))));
  return whole;
}

/// Work by window, as everybody has decided.
std::vector<double> LoadUnder(std::span<const Decision> decisions, std::span<const Customer> customers,
                              const BurndownRates& burndown) {
  std::vector<double> load;
  for (size_t i = 0; i < customers.size(); ++i) {
    const std::vector<double> own = Shifted(WorkOfWindows(customers[i].load, burndown), decisions[i].load_shifts);
    load.resize(own.size());
    const double volume = decisions[i].stays ? decisions[i].volume : 0;
    for (size_t window = 0; window < own.size(); ++window) load[window] += volume * own[window];
  }
  return load;
}

}  // namespace

std::vector<Decision> Respond(const ledger::Tariff& tariff, const std::string& pool, const BurndownRates& burndown,
                              std::span<const Customer> customers, const DemandTerms& terms, const Streams& streams) {
  const VolumeCurve curve(terms);
  const LoadProfile all = SumOf(customers);
  std::vector<double> everyone = WorkOfWindows(all, burndown);
  const std::vector<Taste> tastes = TastesOf(customers, burndown, terms, streams);
  const Metering metering{pool, burndown, terms.start, all.window, everyone.size()};
  const Pricing pricing(tariff, metering, WholeWork(everyone));
  const Offer offer = {pricing, terms, curve, PlansOf(terms), everyone};
  std::vector<Chooser> choosers;
  for (size_t i = 0; i < customers.size(); ++i) {
    PENSTOCK_CHECK(WindowCount(customers[i].load) == everyone.size());
    choosers.emplace_back(offer, customers[i], tastes[i]);
  }
  std::deque<Pricing> peaks;  // where they stay
  std::vector<Decision> decisions;
  const size_t rounds = offer.HasDemand(true) ? kPeakRounds : 1;
  while (peaks.size() < rounds) {
    peaks.emplace_back(tariff, metering, WholeWork(everyone));
    decisions.clear();
    for (Chooser& chooser : choosers) {
      chooser.Expect(peaks.back());
      decisions.push_back(chooser.Decide());
    }
    if (peaks.size() < rounds) everyone = LoadUnder(decisions, customers, burndown);
  }
  return decisions;
}

}  // namespace penstock::sim
