#include "ledger/rating/rate.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "admission/vocabulary/check.h"

namespace penstock::ledger::rating {
namespace {

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

bool IsWholeHour(Instant t) { return t == WindowStart(t, Hours(1)); }

bool Holds(Period period, Instant t) { return t >= period.from && t < period.to; }

/// Hours that have begun.
int64_t HoursOf(Period period) {
  return period.to <= period.from ? 0 : DivideRoundUp((period.to - period.from).count(), Hours(1).count());
}

Money Of(Int128 pico) { return Money::FromPico(PicoCount(pico)); }

Money Product(const Money& unit_price, Int128 quantity) {
  return Money::FromPico(PicoCount(unit_price.pico() * PicoCount(quantity)));
}

/// What one pool brought to the meters.
struct PoolSums {
  /// The last two of the key: the posted price that was pinned; 1 + index into posted prices, 0 for none in force.
  using TokenKey = std::tuple<ServiceClass, uint32_t, size_t /*band*/, uint32_t, size_t>;
  std::map<TokenKey, TokenCounts> tokens;
  Series work;       // elastic and reserved
  Series everyone;   // of all tenants
  Series committed;  // of the tiers under a commitment
  std::vector<PostedPrices> posted;
};

/// Tokens with one price before steps: what a rule's ladder is climbed with.
struct TokenLot {
  ServiceClass served;
  TokenKind kind;
  uint32_t pinned;
  size_t band;
  Int128 base;  // pico-units per token: flat, or posted x coupling
  int64_t tokens;
};

std::string DescribeTokens(const TokenLot& lot, const Tariff& tariff, const TokenRule* rule, size_t step) {
  std::string text = absl::StrCat(Abseil(Name(lot.kind)), " tokens, ", Abseil(Name(lot.served)));
  if (rule == nullptr) return text;
  if (!rule->by_band.empty()) absl::StrAppend(&text, ", ", tariff.calendar.bands[lot.band]);
  if (rule->steps.size() > 1) absl::StrAppend(&text, ", step ", step + 1);
  return text;
}

bool IsOfReservation(LineKind kind) {
  return kind == LineKind::kPurchase || kind == LineKind::kRefund || kind == LineKind::kSellBack;
}

std::string_view DescribeReserved(LineKind kind) {
  switch (kind) {
    case LineKind::kPurchase:
      return "bought";
    case LineKind::kRefund:
      return "refunded";
    case LineKind::kSellBack:
      return "sold back";
    case LineKind::kReservedUsed:
      return "used";
    default:
      return "not used";
  }
}

/// amount x part / whole, zero of nothing; of the opposites the opposite. No product is larger than Money: part is no
/// more than whole, which is less than 2^63.
Money ShareRoundDown(const Money& amount, int64_t part, int64_t whole) {
  if (whole == 0) return Money();
  const PicoCount each = amount.pico() / whole;
  const PicoCount rest = amount.pico() % whole;
  return Money::FromPico(PicoCount(each * part + rest * part / whole));
}

std::string DescribeDemand(const DemandCharge& charge, size_t step) {
  std::string text;
  switch (charge.rule) {
    case DemandRule::kBlockMaximum:
      text = charge.windows == 1 ? "work of the highest minute" : absl::StrCat("highest ", charge.windows, " minutes");
      break;
    case DemandRule::kSlidingMaximum:
      text = absl::StrCat("highest ", charge.windows, " minutes in a row");
      break;
    case DemandRule::kPercentile:
      text = absl::StrCat("percentile ", charge.percentile, " of minutes");
      break;
    case DemandRule::kTopMean:
      text = absl::StrCat("mean of the top ", charge.n, " minutes");
      break;
    case DemandRule::kCoincident:
      text =
          charge.n == 1 ? "own work in the pool's peak" : absl::StrCat("own work in ", charge.n, " pool peaks, mean");
      break;
  }
  const bool named = charge.name != "demand";
  return absl::StrCat("billing demand", named ? " " : "", named ? charge.name : "", ": ", text,
                      charge.steps.size() > 1 ? absl::StrCat(", step ", step + 1) : "");
}

class Rating {
 public:
  Rating(const Tariff& tariff, const Usage& usage, const Subscription& subscription, Period period)
      : tariff_(tariff),
        usage_(usage),
        subscription_(subscription),
        period_(period),
        in_force_(Overlap(period, {subscription.from, subscription.until})) {}

  Bill Run() {
    for (const std::string& pool : PoolNames()) RatePool(pool);
    RateOutcomes();
    RateSeats();
    RateMinimum();
    RateCredits(Credit::Kind::kService);
    RateCredits(Credit::Kind::kPrepaid);
    return std::move(bill_);
  }

 private:
  const Tariff& TariffOf(uint32_t pinned) const { return pinned == 0 ? tariff_ : *usage_.pinned.at(pinned - 1); }

  /// Prices and rounds the line, and adds it up.
  void Append(Line line) {
    if (line.quantity == 0) return;
    line.exact = Product(line.unit_price, line.quantity);
    line.amount = line.exact.RoundedTo(tariff_.rounding_unit, tariff_.rounding);
    bill_.rounding += line.exact - line.amount;
    bill_.total += line.amount;
    if (line.kind == LineKind::kTokens) token_charges_ += line.amount;
    if (IsOfReservation(line.kind)) reservations_ += line.amount;
    bill_.lines.push_back(std::move(line));
  }

  Line NewLine(LineKind kind, std::string description, const std::string& pool = "") const {
    Line line;
    line.kind = kind;
    line.description = std::move(description);
    line.pool = pool;
    line.tariff = tariff_.version;
    return line;
  }

  /// A sum of money that is due as it is: quantity 1.
  void AppendSum(LineKind kind, std::string description, const Money& sum) {
    if (sum.IsZero()) return;
    Line line = NewLine(kind, std::move(description));
    line.quantity = 1;
    line.unit_price = sum;
    Append(std::move(line));
  }

  std::set<std::string> PoolNames() const {
    std::set<std::string> names;
    for (const PoolUse& use : usage_.pools) names.insert(use.pool);
    for (const PoolPrices& prices : tariff_.pools) names.insert(prices.pool);
    return names;
  }

  void RatePool(const std::string& pool) {
    const PoolPrices* prices = tariff_.PricesOf(pool);
    const PoolSums sums = SumsOf(pool, prices);
    RateTokens(pool, sums);
    RateReservations(pool);
    if (prices == nullptr) return;
    RateCapacity(*prices);
    RateUnits(*prices);
    RateCommitment(*prices, sums.committed);
    for (const DemandCharge& charge : prices->demand) RateDemand(*prices, charge, sums);
  }

  // ---- First meter.

  PoolSums SumsOf(const std::string& pool, const PoolPrices* prices) const {
    PoolSums sums;
    std::vector<Sample> work, everyone, committed;
    const bool demand = prices != nullptr && !prices->demand.empty();
    const uint32_t tiers = prices == nullptr || prices->commitment.price == 0 ? 0 : prices->commitment.tiers;
    for (const PoolUse& use : usage_.pools) {
      if (use.pool != pool) continue;
      sums.posted.insert(sums.posted.end(), use.posted.begin(), use.posted.end());
      if (demand) everyone.insert(everyone.end(), use.everyone.begin(), use.everyone.end());
      for (const WorkRow& row : use.work) {
        if (demand && row.tier != Tier::kFree) work.push_back(row.sample);
        const bool drawn = ((tiers >> static_cast<unsigned>(row.tier)) & 1) != 0;
        if (drawn && Holds(in_force_, row.sample.start)) committed.push_back(row.sample);
      }
    }
    sums.work = SumByWindow(std::move(work));
    sums.everyone = SumByWindow(std::move(everyone));
    sums.committed = SumByWindow(std::move(committed));
    std::stable_sort(sums.posted.begin(), sums.posted.end(),
                     [](const PostedPrices& a, const PostedPrices& b) { return a.from < b.from; });
    for (const PoolUse& use : usage_.pools) {
      if (use.pool == pool) AddTokens(use, &sums);
    }
    return sums;
  }

  void AddTokens(const PoolUse& use, PoolSums* sums) const {
    std::map<uint32_t, HourCursor> hours;  // by pinned tariff
    for (const TokenRow& row : use.tokens) {
      if (!Holds(period_, row.at)) continue;
      const Calendar& calendar = TariffOf(row.pinned).calendar;
      size_t band = 0;
      if (!calendar.bands.empty())
        band = calendar.BandAt(hours.try_emplace(row.pinned, calendar).first->second.At(row.at));
      const auto next = std::upper_bound(sums->posted.begin(), sums->posted.end(), row.at,
                                         [](Instant at, const PostedPrices& p) { return at < p.from; });
      const auto in_force = row.posted != 0 ? 0 : static_cast<size_t>(next - sums->posted.begin());
      TokenCounts& sum = sums->tokens[{row.served, row.pinned, band, row.posted, in_force}];
      for (const TokenKind kind : kAllTokenKinds) sum[kind] += row.tokens[kind];
    }
  }

  /// In the order in which ladders are climbed and lines stand: class, kind, pinned tariff, band, price.
  /// Adds up what settlements posted.
  std::vector<TokenLot> LotsOf(const std::string& pool, const PoolSums& sums) {
    std::map<std::tuple<ServiceClass, TokenKind, uint32_t, size_t, int64_t>, int64_t> lots;
    for (const auto& [key, counts] : sums.tokens) {
      const auto& [served, pinned, band, posted, in_force] = key;
      const PoolPrices* prices = TariffOf(pinned).PricesOf(pool);
      TokenPrices settled{};  // what settlements charged
      if (prices != nullptr) settled = prices->by_class[static_cast<size_t>(served)];
      if (prices != nullptr && posted != 0) settled = CoupledPrices(*prices, served, usage_.posted.at(posted));
      TokenPrices base = settled;
      if (prices != nullptr && in_force != 0) base = CoupledPrices(*prices, served, sums.posted[in_force - 1].prices);
      bill_.posted += TokenCharge(counts, settled);
      bill_.rerated -= TokenCharge(counts, settled);
      for (const TokenKind kind : kAllTokenKinds) {
        if (counts[kind] == Tokens()) continue;
        const TokenRule* rule = prices == nullptr ? nullptr : prices->RuleOf(served, kind);
        const bool by_band = rule != nullptr && !rule->by_band.empty();
        lots[{served, kind, pinned, by_band ? band : 0, base[kind]}] += counts[kind].count();
      }
    }
    std::vector<TokenLot> sorted;
    for (const auto& [key, tokens] : lots) {
      const auto& [served, kind, pinned, band, price] = key;
      if (tokens != 0) sorted.push_back({served, kind, pinned, band, Int128{price}, tokens});
    }
    return sorted;
  }

  void RateTokens(const std::string& pool, const PoolSums& sums) {
    const std::vector<TokenLot> lots = LotsOf(pool, sums);
    std::map<std::pair<uint32_t, const TokenRule*>, int64_t> totals;  // what a rule's tokens come to
    for (const TokenLot& lot : lots) totals[{lot.pinned, RuleOf(pool, lot)}] += lot.tokens;
    std::map<std::pair<uint32_t, const TokenRule*>, int64_t> climbed;
    for (const TokenLot& lot : lots) {
      const TokenRule* rule = RuleOf(pool, lot);
      if (rule == nullptr || rule->steps.empty()) {
        AppendTokens(pool, lot, rule, 0, lot.tokens);
      } else if (rule->volume) {
        AppendTokens(pool, lot, rule, StepAt(*rule, totals[{lot.pinned, rule}]), lot.tokens);
      } else {
        Climb(pool, lot, *rule, &climbed[{lot.pinned, rule}]);
      }
    }
  }

  const TokenRule* RuleOf(const std::string& pool, const TokenLot& lot) const {
    const PoolPrices* prices = TariffOf(lot.pinned).PricesOf(pool);
    return prices == nullptr ? nullptr : prices->RuleOf(lot.served, lot.kind);
  }

  /// The step on which this many tokens end.
  static size_t StepAt(const TokenRule& rule, int64_t tokens) {
    size_t step = 0;
    while (step + 1 < rule.steps.size() && tokens > rule.steps[step].up_to) ++step;
    return step;
  }

  /// Takes the lot up the ladder from where earlier lots got. A negative lot (a correction without what it corrects)
  /// climbs as its opposite would.
  void Climb(const std::string& pool, const TokenLot& lot, const TokenRule& rule, int64_t* climbed) {
    const int64_t sign = lot.tokens < 0 ? -1 : 1;
    int64_t left = lot.tokens * sign;
    for (size_t step = 0; step < rule.steps.size() && left > 0; ++step) {
      const bool last = step + 1 == rule.steps.size();
      const int64_t room = last ? left : std::max<int64_t>(0, rule.steps[step].up_to - *climbed);
      const int64_t taken = std::min(left, room);
      if (taken == 0) continue;
      AppendTokens(pool, lot, &rule, step, taken * sign);
      *climbed += taken;
      left -= taken;
    }
  }

  void AppendTokens(const std::string& pool, const TokenLot& lot, const TokenRule* rule, size_t step, int64_t tokens) {
    const Tariff& tariff = TariffOf(lot.pinned);
    Int128 price = lot.base;
    if (rule != nullptr) {
      const Ratio stepped = rule->steps.empty() ? Ratio() : rule->steps[step].factor;
      price = WholeTimes(price, stepped * (rule->by_band.empty() ? Ratio() : rule->by_band[lot.band])).value();
    }
    Line line = NewLine(LineKind::kTokens, DescribeTokens(lot, tariff, rule, step), pool);
    line.tariff = tariff.version;
    line.served = lot.served;
    line.token_kind = lot.kind;
    line.quantity = tokens;
    line.unit_price = Of(price);
    bill_.rerated += Product(line.unit_price, line.quantity);
    Append(std::move(line));
  }

  // ---- What was bought.

  void RateReservations(const std::string& pool) {
    struct Sum {
      Int128 quantity = 0;
      Money effective;
    };
    std::map<std::tuple<uint32_t, LineKind, int64_t /*unit price*/>, Sum> sums;
    for (const PoolUse& use : usage_.pools) {
      if (use.pool != pool) continue;
      for (const ReservationPosting& one : use.postings) {
        if (!Holds(period_, one.at)) continue;
        Sum& sum = sums[{one.reservation, one.kind, one.unit_price}];
        sum.quantity += one.quantity;
        sum.effective += Product(Money::FromPico(one.unit_price - one.paid_price), one.quantity);
      }
      for (const ReservationUse& one : use.reserved) {
        if (!Holds(period_, one.from)) continue;
        // Of a correction all three are below zero.
        const Work used_work =
            one.promised < Work() ? std::max(one.delivered, one.promised) : std::min(one.delivered, one.promised);
        const int64_t used = used_work.count();
        const Money of_used = ShareRoundDown(one.earned, used, one.promised.count());
        Sum& as_used = sums[{one.reservation, LineKind::kReservedUsed, 0}];
        as_used.quantity += used;
        as_used.effective += of_used;
        Sum& as_unused = sums[{one.reservation, LineKind::kReservedUnused, 0}];
        as_unused.quantity += one.promised.count() - used;
        as_unused.effective += one.earned - of_used;
      }
    }
    for (const auto& [key, sum] : sums) {
      const auto& [reservation, kind, unit_price] = key;
      Line line = NewLine(kind, absl::StrCat("reservation ", reservation, ": ", Abseil(DescribeReserved(kind))), pool);
      line.reservation = reservation;
      line.quantity = sum.quantity;
      line.unit_price = Money::FromPico(unit_price);
      line.effective = sum.effective;
      bill_.posted += Product(line.unit_price, line.quantity);
      Append(std::move(line));
    }
  }

  void RateCapacity(const PoolPrices& prices) {
    if (prices.capacity_price == 0) return;
    for (const Reservation& reservation : subscription_.reservations) {
      if (reservation.pool != prices.pool) continue;
      const int64_t hours = HoursOf(Overlap(in_force_, {reservation.from, reservation.to}));
      Line line = NewLine(LineKind::kCapacity, absl::StrCat("reserved capacity, ", hours, " h"), prices.pool);
      line.quantity = CheckedMul<Int128>(hours, reservation.rate.count());
      line.unit_price = Money::FromPico(prices.capacity_price);
      Append(std::move(line));
    }
  }

  void RateUnits(const PoolPrices& prices) {
    const auto found = subscription_.provisions.find(prices.pool);
    if (found == subscription_.provisions.end() || prices.unit.price == 0) return;
    const Provision& provision = found->second;
    const bool by_need = provision.units == 0;
    const int64_t units =
        by_need ? UnitsFor(prices.unit, provision.input_per_minute, provision.output_per_minute) : provision.units;
    const bool daily = prices.unit.span_hours > 1;
    const int64_t spans = DivideRoundUp(HoursOf(in_force_), prices.unit.span_hours);
    Line line = NewLine(LineKind::kUnits, absl::StrCat(units, " provisioned units, ", spans, daily ? " days" : " h"),
                        prices.pool);
    line.quantity = CheckedMul<Int128>(spans, units);
    line.unit_price = Money::FromPico(prices.unit.price);
    Append(std::move(line));
  }

  void RateCommitment(const PoolPrices& prices, const Series& used) {
    const auto found = subscription_.committed_per_window.find(prices.pool);
    if (found == subscription_.committed_per_window.end() || prices.commitment.price == 0) return;
    const int64_t committed = found->second.count();
    const int64_t windows = std::max<int64_t>(0, (in_force_.to - in_force_.from).count() / kBaseWindow.count());
    Line line = NewLine(LineKind::kCommitted, "committed work, used or not", prices.pool);
    line.quantity = CheckedMul<Int128>(windows, committed);
    line.unit_price = Money::FromPico(prices.commitment.price);
    Append(std::move(line));

    Line overage = NewLine(LineKind::kOverage, "work beyond the commitment", prices.pool);
    for (const Sample& sample : used) overage.quantity += std::max<int64_t>(0, sample.work.count() - committed);
    overage.unit_price = Of(WholeTimes(prices.commitment.price, prices.commitment.overage).value());
    Append(std::move(overage));
  }

  // ---- Second meter.

  void RateDemand(const PoolPrices& prices, const DemandCharge& charge, const PoolSums& sums) {
    if (charge.steps.size() == 1 && charge.steps[0].price == 0) return;
    const auto found = subscription_.contracted.find(prices.pool);
    std::optional<Work> contracted;
    if (found != subscription_.contracted.end()) {
      const int64_t seconds = kBaseWindow.count() / Seconds(1).count() * charge.windows;
      contracted = Work(CheckedMul(found->second.count(), seconds));
    }
    AppendDemand(prices, charge,
                 BilledDemand(charge, tariff_.calendar, {sums.work, sums.everyone}, period_,
                              {subscription_.from, subscription_.until}, contracted));
  }

  void AppendDemand(const PoolPrices& prices, const DemandCharge& charge, const Demand& demand) {
    const int64_t parts = DemandScale(charge);
    Int128 below = 0;
    for (size_t i = 0; i < charge.steps.size() && demand.sum > below; ++i) {
      const bool last = i + 1 == charge.steps.size();
      const Int128 end = last ? demand.sum : std::min(demand.sum, Int128{charge.steps[i].up_to} * parts);
      Line line = NewLine(LineKind::kDemand, DescribeDemand(charge, i), prices.pool);
      const bool whole = (end - below) % parts == 0;  // then the parts need not be seen
      line.quantity = whole ? (end - below) / parts : end - below;
      line.parts = whole ? 1 : parts;
      line.unit_price = Money::FromPico(charge.steps[i].price / line.parts);
      line.windows = demand.windows;
      line.window_count = charge.windows;
      line.highest_second = demand.highest_second;
      Append(std::move(line));
      below = end;
    }
  }

  // ---- The tenant as a whole.

  void RateOutcomes() {
    for (const OutcomePrice& price : tariff_.outcomes) {
      Line line = NewLine(LineKind::kOutcome, "accepted outcomes: " + price.name);
      for (const OutcomeUse& use : usage_.outcomes) {
        if (use.name == price.name && Holds(period_, use.at)) line.quantity += use.accepted;
      }
      line.unit_price = price.price;
      Append(std::move(line));
    }
  }

  /// How often what is charged by the month falls due in the period.
  int64_t BillingMonths() const {
    if (in_force_.to <= in_force_.from) return 0;
    const Calendar& calendar = tariff_.calendar;
    int64_t month = calendar.MonthAt(in_force_.from);
    const bool begins_here = in_force_.from == subscription_.from || calendar.MonthStart(month) == in_force_.from;
    int64_t due = begins_here ? 1 : 0;
    while (calendar.MonthStart(++month) < in_force_.to) ++due;
    return due;
  }

  void RateSeats() {
    Money included;
    for (const Seat& seat : tariff_.seats) {
      const auto bought = subscription_.seats.find(seat.name);
      if (bought == subscription_.seats.end()) continue;
      Line line = NewLine(LineKind::kSeat, "seats: " + seat.name);
      line.quantity = CheckedMul<Int128>(bought->second, BillingMonths());
      line.unit_price = seat.price;
      included += Product(seat.included, line.quantity);
      Append(std::move(line));
    }
    const Money covered = std::min(included, token_charges_).RoundedTo(tariff_.rounding_unit, RoundingMode::kDown);
    if (covered > Money()) AppendSum(LineKind::kIncluded, "usage included in seats", -covered);
  }

  void RateMinimum() {
    if (subscription_.minimum.IsZero()) return;
    const Money minimum = Product(subscription_.minimum, BillingMonths());
    const Money counted = bill_.total - std::min(reservations_, Money());
    if (counted < minimum) AppendSum(LineKind::kTrueUp, "true-up to the minimum", minimum - counted);
  }

  void RateCredits(Credit::Kind kind) {
    const std::vector<Credit>& credits = subscription_.credits;
    std::vector<size_t> order;
    bill_.credits_left.resize(credits.size());
    for (size_t i = 0; i < credits.size(); ++i) {
      if (credits[i].kind != kind) continue;
      bill_.credits_left[i] = credits[i].amount;
      if (credits[i].granted < period_.to && credits[i].expires > period_.from) order.push_back(i);
    }
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      const auto rank = [&](size_t i) {
        const Credit& c = credits[i];
        return std::tie(c.priority, c.expires, c.granted, c.name);
      };
      return rank(a) < rank(b);
    });
    const bool service = kind == Credit::Kind::kService;
    for (const size_t i : order) {
      const Money paid = std::min(bill_.total, credits[i].amount).RoundedTo(tariff_.rounding_unit, RoundingMode::kDown);
      if (paid <= Money()) continue;
      bill_.credits_left[i] -= paid;
      AppendSum(service ? LineKind::kServiceCredit : LineKind::kPrepaidCredit,
                (service ? "service credit: " : "prepaid credit: ") + credits[i].name, -paid);
    }
  }

  const Tariff& tariff_;
  const Usage& usage_;
  const Subscription& subscription_;
  const Period period_;
  const Period in_force_;
  Bill bill_;
  Money token_charges_;
  Money reservations_;  // purchases less what was given back
};

}  // namespace

Bill Rate(const Tariff& tariff, const Usage& usage, const Subscription& subscription, Period period) {
  PENSTOCK_CHECK(IsWholeHour(period.from) && IsWholeHour(period.to) && period.from <= period.to);
  return Rating(tariff, usage, subscription, period).Run();
}

}  // namespace penstock::ledger::rating
