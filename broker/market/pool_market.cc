#include "broker/market/pool_market.h"

#include <algorithm>
#include <array>
#include <limits>

#include "admission/vocabulary/check.h"
#include "admission/vocabulary/checked.h"
#include "broker/market/expected_excess.h"
#include "ledger/market_records.h"

namespace penstock::market {
namespace {

using ledger::Alternative;
using ledger::PriceBasis;
using ledger::RateStep;

constexpr int64_t kWhole = 1'000;  // thousandths
/// A window is looked at in so many pieces at most, of whole hours.
constexpr int64_t kMostPieces = 1'024;
/// What is tried in place of what does not fit, or is dear: whole hours later, and earlier.
constexpr std::array<int64_t, 10> kShiftsInHours = {1, 2, 3, 4, 6, 8, 12, 24, 48, 168};
/// Prices are bounded, so that they can be multiplied by any quantity.
constexpr Int128 kMostUnitPrice = 1'000'000'000'000'000;

int64_t Bounded(Int128 price) { return static_cast<int64_t>(std::clamp<Int128>(price, 0, kMostUnitPrice)); }

int64_t FactorFor(const std::vector<TimeFactor>& factors, Duration time) {
  int64_t factor = kWhole;
  for (const TimeFactor& one : factors) {
    if (time >= one.from) factor = one.factor;
  }
  return factor;
}

WorkPerSecond HighestOf(const std::vector<RateStep>& steps) {
  WorkPerSecond highest;
  for (const RateStep& step : steps) highest = std::max(highest, step.rate);
  return highest;
}

std::vector<RateStep> Shifted(std::vector<RateStep> steps, Duration by) {
  for (RateStep& step : steps) {
    step.from = step.from + by;
    step.to = step.to + by;
  }
  return steps;
}

}  // namespace

Amounts ForSale(const ledger::CapacityPlanEntry& plan, const ledger::CapacityStep& step) {
  const auto derated = [&plan](int64_t amount) {
    return CheckedNarrow(Int128{amount} * (kWhole - plan.margin) / kWhole);
  };
  return {derated(step.capacity.count()) - plan.standing.count(), derated(step.slots) - plan.standing_slots,
          derated(step.kv_tokens) - plan.standing_kv};
}

Amounts TakenBy(WorkPerSecond rate, const ledger::Envelope& envelope) {
  // rate x residence / mean work, each with what makes it whole: (milli-nt/s x ns) / (milli-nt x 10^9)
  const Int128 in_flight = Int128{rate.count()} * envelope.mean_residence.count();
  const int64_t slots =
      CheckedNarrow(DivideRoundUp<Int128>(in_flight, Int128{envelope.mean_work.count()} * Seconds(1).count()));
  return {rate.count(), slots, CheckedMul(slots, envelope.largest_context.count())};
}

void PoolMarket::SetCapacity(const ledger::CapacityPlanEntry& plan) {
  const auto apply = [this](const ledger::CapacityPlanEntry& of, bool add) {
    Amounts before;
    for (const ledger::CapacityStep& step : of.steps) {
      const Amounts now = ForSale(of, step);
      calendar_.AddSupply(step.from, add ? now - before : before - now);
      before = now;
    }
  };
  apply(capacity_, false);
  capacity_ = plan;
  apply(capacity_, true);
}

void PoolMarket::Commit(const ledger::ReservationTerms& terms, Instant from) {
  for (const RateStep& step : terms.steps) {
    const Instant begin = std::max(step.from, from);
    if (begin < step.to) calendar_.Take(begin, step.to, TakenBy(step.rate, terms.envelope));
  }
}

void PoolMarket::Release(const ledger::ReservationTerms& terms, Instant from) {
  for (const RateStep& step : terms.steps) {
    const Instant begin = std::max(step.from, from);
    if (begin < step.to) calendar_.GiveBack(begin, step.to, TakenBy(step.rate, terms.envelope));
  }
}

ledger::HourDemand PoolMarket::DemandAt(Instant at) const {
  const auto known = static_cast<int64_t>(demand_.hours.size());
  if (known == 0) return {};
  int64_t hour = DivideRoundDown((at - demand_.from).count(), Hours(1).count());
  const int64_t round = std::min<int64_t>(known, 168);  // the last week repeats
  if (hour >= known) hour = known - round + (hour - known) % round;
  return demand_.hours[static_cast<size_t>(std::max<int64_t>(hour, 0))];
}

std::optional<Shortage> PoolMarket::ShortageOf(const std::vector<RateStep>& steps,
                                               const ledger::Envelope& envelope) const {
  std::optional<Shortage> worst;
  for (const RateStep& step : steps) {
    const Amounts asked = TakenBy(step.rate, envelope);
    const LeastPoints least = calendar_.TightestIn(std::max(step.from, calendar_.begin()), step.to);
    const auto look = [&](Shortage::What what, int64_t wanted, const LeastPoint& room) {
      const bool short_of = wanted > room.amount && (!worst || what < worst->scarce ||
                                                     (what == worst->scarce && room.amount < worst->room));
      if (short_of) worst = {what, room.at, wanted, room.amount};
    };
    look(Shortage::What::kThroughput, asked.rate, least.rate);
    look(Shortage::What::kSlots, asked.slots, least.slots);
    if (asked.kv > 0) look(Shortage::What::kKvTokens, asked.kv, least.kv);
  }
  return worst;
}

// Of every piece: what the steps take away from elastic demand there is E[(D - (free - rate))+] - E[(D - free)+], the
// demand that would be turned away beyond what is turned away anyhow.
PriceBasis PoolMarket::Basis(const std::vector<RateStep>& steps, const PriceInputs& inputs, bool is_sold) const {
  PENSTOCK_CHECK(!steps.empty());
  PriceBasis basis;
  basis.floor = inputs.list_price;
  basis.elastic_price = inputs.elastic_price;
  basis.plan = demand_.id;
  Int128 displaced = 0;  // milli-nt/s x minutes
  Duration promised;
  int64_t hours = 0;
  for (const RateStep& step : steps) {
    promised += step.to - step.from;
    hours += DivideRoundUp((step.to - step.from).count(), Hours(1).count());
  }
  const Duration piece = Hours(DivideRoundUp<int64_t>(std::max<int64_t>(hours, 1), kMostPieces));
  for (const RateStep& step : steps) {
    const int64_t rate = step.rate.count();
    const int64_t beside = is_sold ? rate : 0;  // its own room is there if it goes
    const Instant begin = std::max(step.from, calendar_.begin());
    const LeastPoint tightest = calendar_.TightestIn(begin, step.to).rate;
    const int64_t supply = std::max<int64_t>(calendar_.SupplyAt(tightest.at).rate, 1);
    const Int128 sold = Int128{supply} - tightest.amount - beside + rate;
    const int64_t utilisation =
        CheckedNarrow(std::clamp<Int128>(DivideRoundUp<Int128>(sold * kWhole, supply), 0, 1'000 * kWhole));
    if (utilisation >= basis.utilisation) {
      basis.utilisation = utilisation;
      basis.tightest = tightest.at;
    }
    if (inputs.elastic_price == 0 || demand_.hours.empty()) continue;
    for (Instant from = begin; from < step.to;) {
      const Instant to = std::min(WindowStart(from, Hours(1)) + piece, step.to);
      const ledger::HourDemand demand = DemandAt(from);
      const int64_t free = calendar_.TightestIn(from, to).rate.amount + beside;
      const int64_t turned_away = ExpectedExcess(demand.mean.count(), demand.deviation.count(), free - rate) -
                                  ExpectedExcess(demand.mean.count(), demand.deviation.count(), free);
      displaced += Int128{std::clamp<int64_t>(turned_away, 0, rate)} * ((to - from).count() / Minutes(1).count());
      from = to;
    }
  }
  const Int128 quantity = ledger::QuantityOf(steps);
  basis.displacement = Bounded(DivideRoundUp<Int128>(displaced * 60 * inputs.elastic_price, quantity));
  basis.scarcity = terms_.scarcity.empty()
                       ? 0
                       : Bounded(DivideRoundUp<Int128>(
                             Int128{inputs.list_price} * FactorAt(terms_.scarcity, basis.utilisation), kWhole));
  basis.lead_time = FactorFor(terms_.lead_time, std::max(ledger::FirstOf(steps), inputs.now) - inputs.now);
  basis.term = FactorFor(terms_.term, promised);
  return basis;
}

PriceBasis PoolMarket::AskFor(const std::vector<RateStep>& steps, const PriceInputs& inputs) const {
  return Basis(steps, inputs, /*is_sold=*/false);
}

// What it would be sold for if it were not sold, without the rules of lead time and term: those are for who buys. The
// more is unsold, the wider the spread.
int64_t PoolMarket::BidFor(const std::vector<RateStep>& steps, const PriceInputs& inputs) const {
  PriceBasis basis = Basis(steps, inputs, /*is_sold=*/true);
  basis.lead_time = basis.term = kWhole;
  const int64_t unsold = kWhole - std::min(basis.utilisation, kWhole);
  const Int128 spread = terms_.least_spread + Int128{terms_.most_spread - terms_.least_spread} * unsold / kWhole;
  return Bounded(Int128{UnitPriceOf(basis)} * (kWhole - spread) / kWhole);
}

std::vector<Alternative> PoolMarket::AlternativesTo(const ledger::ReservationTerms& wish, const PriceInputs& inputs,
                                                    size_t most) const {
  std::vector<Alternative> found;
  const auto add = [&](Alternative::Kind kind, Duration shift, const std::vector<RateStep>& steps) {
    const int64_t unit = UnitPriceOf(AskFor(steps, inputs));
    const ledger::Money price = ledger::Money::FromPico(ledger::PicoCount(ledger::QuantityOf(steps) * unit));
    found.push_back({kind, shift, HighestOf(steps), unit, price});
  };
  const Instant first = ledger::FirstOf(wish.steps);
  const Instant last = ledger::LastOf(wish.steps);
  const Instant furthest = inputs.now + terms_.furthest;
  const auto try_shift = [&](Duration shift) {
    if (first + shift < inputs.now || last + shift > furthest) return;
    const std::vector<RateStep> steps = Shifted(wish.steps, shift);
    if (ShortageOf(steps, wish.envelope)) return;
    add(shift < Duration::Zero() ? Alternative::Kind::kEarlier : Alternative::Kind::kLater, shift, steps);
  };
  if (const std::optional<Shortage> shortage = ShortageOf(wish.steps, wish.envelope)) {
    if (wish.steps.size() == 1) {  // exactly when it fits next
      const Duration length = last - first;
      const Instant at = std::min(first, furthest - length);
      const Amounts asked = TakenBy(wish.steps.front().rate, wish.envelope);
      const auto later = calendar_.FirstFit(std::max(at, calendar_.begin()), furthest - length, length, asked);
      if (later && *later > first) {
        const Instant whole = Instant(
            CheckedMul(DivideRoundUp(later->nanoseconds_since_epoch(), Minutes(1).count()), Minutes(1).count()));
        try_shift(whole - first);
      }
    }
    if (shortage->room > 0) {
      // Every step less, by as much as the tightest moment needs, rounded down to whole percents.
      std::vector<RateStep> steps = wish.steps;
      int64_t percent = CheckedNarrow(Int128{shortage->room} * 100 / shortage->asked);
      for (; percent > 0; percent = percent * 9 / 10) {
        for (size_t i = 0; i < steps.size(); ++i) {
          steps[i].rate = WorkPerSecond(CheckedNarrow(Int128{wish.steps[i].rate.count()} * percent / 100));
        }
        const bool some = std::all_of(steps.begin(), steps.end(),
                                      [](const RateStep& step) { return step.rate > WorkPerSecond::Zero(); });
        if (some && !ShortageOf(steps, wish.envelope)) {
          add(Alternative::Kind::kLowerRate, Duration::Zero(), steps);
          break;
        }
      }
    }
  }
  const size_t stay = found.size();  // when it fits next, and how much fits: whatever they cost
  // Long windows take long to price: the longer, the fewer other times are tried.
  int64_t hours = 0;
  for (const RateStep& step : wish.steps) hours += DivideRoundUp((step.to - step.from).count(), Hours(1).count());
  const auto tries = std::min<int64_t>(kMostPieces / std::max<int64_t>(2 * hours, 1), std::size(kShiftsInHours));
  for (int64_t i = 0; i < tries; ++i) {
    try_shift(Hours(kShiftsInHours[static_cast<size_t>(i)]));
    try_shift(Hours(-kShiftsInHours[static_cast<size_t>(i)]));
  }
  const auto cheaper = [](const Alternative& a, const Alternative& b) { return a.unit_price < b.unit_price; };
  std::stable_sort(found.begin() + static_cast<ptrdiff_t>(stay), found.end(), cheaper);
  if (found.size() > most) found.resize(most);
  std::stable_sort(found.begin(), found.end(), cheaper);
  return found;
}

int64_t UnitPriceOf(const PriceBasis& basis) {
  const Int128 base = std::max(Int128{basis.floor}, Int128{basis.displacement} + basis.scarcity);
  return Bounded(DivideRoundUp<Int128>(base * basis.lead_time * basis.term, kWhole * kWhole));
}

int64_t FactorAt(const std::vector<CurvePoint>& curve, int64_t utilisation) {
  PENSTOCK_CHECK(!curve.empty());
  if (utilisation <= curve.front().utilisation) return curve.front().factor;
  for (size_t i = 1; i < curve.size(); ++i) {
    const CurvePoint& a = curve[i - 1];
    const CurvePoint& b = curve[i];
    if (utilisation > b.utilisation) continue;
    const Int128 climbed = Int128{b.factor - a.factor} * (utilisation - a.utilisation);
    return a.factor + CheckedNarrow(DivideRoundUp<Int128>(climbed, b.utilisation - a.utilisation));
  }
  return curve.back().factor;
}

int64_t NextMultiplier(const PostedPriceTerms& terms, int64_t previous, int64_t utilisation, int64_t forecast) {
  if (terms.curve.empty()) return previous;
  const int64_t wanted = std::clamp(FactorAt(terms.curve, std::max(utilisation, forecast)), terms.floor, terms.cap);
  const int64_t steps = (wanted - previous) / terms.step;  // towards zero: less than a step is no change
  return previous + std::clamp(steps, -terms.most_steps, terms.most_steps) * terms.step;
}

}  // namespace penstock::market
