#include "ledger/rating/demand.h"

#include <algorithm>
#include <utility>

#include "admission/vocabulary/check.h"
#include "ledger/tariff.h"

namespace penstock::ledger::rating {
namespace {

bool StartsBefore(const Sample& a, const Sample& b) { return a.start < b.start; }

bool IsHigher(const Sample& a, const Sample& b) { return a.work != b.work ? a.work > b.work : a.start < b.start; }

/// Adds a window to what set the demand.
void Name(const Sample& sample, Demand* demand) {
  if (demand->windows.size() < kNamedWindows) demand->windows.push_back(sample.start);
  demand->highest_second = std::max(demand->highest_second, sample.highest_second);
}

Int128 Percent(Int128 amount, int64_t percent) {
  const Int128 hundredfold = CheckedMul(amount, Int128{percent});
  PENSTOCK_CHECK(hundredfold % 100 == 0);  // DemandScale counts fine enough
  return hundredfold / 100;
}

bool IsCounted(const DemandCharge& charge, const Calendar& calendar, const LocalHour& hour) {
  const bool season = charge.season < 0 || calendar.SeasonOf(hour.month) == static_cast<size_t>(charge.season);
  return season && (charge.band < 0 || calendar.BandAt(hour) == static_cast<size_t>(charge.band));
}

/// Base windows of the period that the charge counts.
int64_t CountWindows(const DemandCharge& charge, const Calendar& calendar, Period period) {
  if (period.to <= period.from) return 0;
  if (charge.season < 0 && charge.band < 0) return (period.to - period.from).count() / kBaseWindow.count();
  int64_t count = 0;
  for (Instant t = period.from; t < period.to;) {
    const LocalHour hour = calendar.HourAt(t);
    const Instant end = std::min(hour.to, period.to);
    if (IsCounted(charge, calendar, hour)) count += (end - t).count() / kBaseWindow.count();
    t = end;
  }
  return count;
}

Series PartOf(const Series& series, const DemandCharge& charge, const Calendar& calendar, Period period) {
  const auto starts_before = [](const Sample& s, Instant t) { return s.start < t; };
  const auto first = std::lower_bound(series.begin(), series.end(), period.from, starts_before);
  const auto last = std::lower_bound(first, series.end(), std::max(period.from, period.to), starts_before);
  if (charge.season < 0 && charge.band < 0) return Series(first, last);
  Series part;
  HourCursor hours(calendar);
  std::copy_if(first, last, std::back_inserter(part),
               [&](const Sample& s) { return IsCounted(charge, calendar, hours.At(s.start)); });
  return part;
}

/// The ratchet on `own`, the metered demand of the period; all in parts of a milli-nt.
Demand Ratcheted(const DemandCharge& charge, const Calendar& calendar, Load load, Period period, Period in_force,
                 Demand own) {
  const int64_t parts = DemandScale(charge);
  const int64_t month = calendar.MonthAt(period.from);
  Demand billed = std::move(own);
  billed.sum = Percent(billed.sum, charge.ratchet.own_percent[Calendar::MonthOfYear(month)]);
  const Int128 minimum = CheckedMul(Int128{charge.ratchet.minimum}, Int128{parts});
  if (minimum > billed.sum) billed = {minimum, {}, Work()};
  DemandCharge all_year = charge;
  all_year.season = -1;
  for (int64_t m = month - charge.ratchet.look_back; m < month; ++m) {
    const int64_t percent = charge.ratchet.percent[Calendar::MonthOfYear(m)];
    if (percent == 0) continue;
    const Period earlier = Overlap(in_force, {calendar.MonthStart(m), calendar.MonthStart(m + 1)});
    Demand metered = MeteredDemand(all_year, calendar, load, earlier);
    metered.sum = Percent(metered.sum * (parts / charge.n), percent);
    if (metered.sum > billed.sum) billed = std::move(metered);
  }
  return billed;
}

}  // namespace

Period Overlap(Period a, Period b) { return {std::max(a.from, b.from), std::min(a.to, b.to)}; }

Series SumByWindow(std::vector<Sample> samples) {
  if (!std::is_sorted(samples.begin(), samples.end(), StartsBefore)) {
    std::sort(samples.begin(), samples.end(), StartsBefore);
  }
  size_t used = 0;
  for (size_t i = 0; i < samples.size();) {
    Sample sum = samples[i];
    for (++i; i < samples.size() && samples[i].start == sum.start; ++i) {
      sum.work += samples[i].work;
      sum.highest_second = std::max(sum.highest_second, samples[i].highest_second);
    }
    if (sum.work != Work()) samples[used++] = sum;
  }
  samples.resize(used);
  return samples;
}

Demand BlockMaximum(const Series& series, int64_t windows) {
  const Duration length = kBaseWindow * windows;
  Demand highest;
  for (size_t i = 0; i < series.size();) {
    const Instant block = WindowStart(series[i].start, length);
    Int128 sum = 0;
    Work second;
    for (; i < series.size() && series[i].start < block + length; ++i) {
      sum += series[i].work.count();
      second = std::max(second, series[i].highest_second);
    }
    if (sum > highest.sum) highest = {sum, {block}, second};
  }
  return highest;
}

Demand SlidingMaximum(const Series& series, int64_t windows) {
  const Duration length = kBaseWindow * windows;
  Demand highest;
  Int128 sum = 0;
  size_t first = 0;
  size_t set_from = 0;  // the run that set it: [set_from, set_to)
  size_t set_to = 0;
  for (size_t last = 0; last < series.size(); ++last) {
    sum += series[last].work.count();
    const Instant start = series[last].start + kBaseWindow - length;
    for (; series[first].start < start; ++first) sum -= series[first].work.count();
    if (sum <= highest.sum) continue;
    highest = {sum, {start}, Work()};
    set_from = first;
    set_to = last + 1;
  }
  for (size_t i = set_from; i < set_to; ++i) {
    highest.highest_second = std::max(highest.highest_second, series[i].highest_second);
  }
  return highest;
}

int64_t PercentileRank(int64_t count, int64_t percentile) {
  PENSTOCK_CHECK(count > 0 && percentile >= 1 && percentile <= 99);
  return count - CheckedMul(count, 100 - percentile) / 100;
}

Demand Percentile(const Series& series, int64_t percentile, int64_t count) {
  if (count == 0) return {};
  const int64_t above = count - PercentileRank(count, percentile);  // windows that are dropped
  if (above >= static_cast<int64_t>(series.size())) return {};
  Series sorted = series;
  const auto at = sorted.begin() + above;
  std::nth_element(sorted.begin(), at, sorted.end(), IsHigher);
  if (at->work <= Work()) return {};
  const auto found = std::find_if(series.begin(), series.end(), [&](const Sample& s) { return s.work == at->work; });
  return {found->work.count(), {found->start}, found->highest_second};
}

Demand TopSum(const Series& series, int64_t n) {
  Series highest(std::min(series.size(), static_cast<size_t>(n)));
  std::partial_sort_copy(series.begin(), series.end(), highest.begin(), highest.end(), IsHigher);
  Demand demand;
  for (const Sample& sample : highest) {
    if (sample.work <= Work()) break;
    demand.sum += sample.work.count();
    Name(sample, &demand);
  }
  return demand;
}

Demand CoincidentSum(const Series& own, const Series& pool, int64_t n, Apart apart, const Calendar& calendar) {
  HourCursor hours(calendar);
  const auto part_of = [&](Instant t) {
    const LocalHour& hour = hours.At(t);
    return apart == Apart::kMonth ? hour.month : hour.day;
  };
  Demand demand;
  Series left = pool;
  for (int64_t i = 0; i < n && !left.empty(); ++i) {
    const auto peak = std::min_element(left.begin(), left.end(), IsHigher);
    if (peak->work <= Work()) break;
    const Instant start = peak->start;
    const auto mine = std::lower_bound(own.begin(), own.end(), *peak, StartsBefore);
    Sample sample{start, Work(), Work()};
    if (mine != own.end() && mine->start == start) sample = *mine;
    demand.sum += sample.work.count();
    Name(sample, &demand);
    if (apart == Apart::kWindow) {
      left.erase(peak);
    } else {
      const int64_t part = part_of(start);
      std::erase_if(left, [&](const Sample& s) { return part_of(s.start) == part; });
    }
  }
  return demand;
}

Int128 ByContract(Int128 measured, Int128 contracted, const Contracted& rule) {
  const Int128 low = Percent(contracted, rule.low_percent);
  const Int128 high = Percent(contracted, rule.high_percent);
  if (measured <= high) return std::max(measured, low);
  const std::optional<Int128> excess = WholeTimes(measured - high, rule.excess);
  PENSTOCK_CHECK(excess.has_value());
  return measured + *excess;
}

Demand MeteredDemand(const DemandCharge& charge, const Calendar& calendar, Load load, Period period) {
  const Series part = PartOf(load.own, charge, calendar, period);
  switch (charge.rule) {
    case DemandRule::kBlockMaximum:
      return BlockMaximum(part, charge.windows);
    case DemandRule::kSlidingMaximum:
      return SlidingMaximum(part, charge.windows);
    case DemandRule::kPercentile:
      return Percentile(part, charge.percentile, CountWindows(charge, calendar, period));
    case DemandRule::kTopMean:
      return TopSum(part, charge.n);
    case DemandRule::kCoincident:
      return CoincidentSum(part, PartOf(load.everyone, charge, calendar, period), charge.n, charge.apart, calendar);
  }
  return {};
}

Demand BilledDemand(const DemandCharge& charge, const Calendar& calendar, Load load, Period period, Period in_force,
                    std::optional<Work> contracted) {
  const int64_t parts = DemandScale(charge);
  const Period counted = Overlap(period, in_force);
  if (charge.season >= 0 && CountWindows(charge, calendar, counted) == 0) return {};
  Demand demand = MeteredDemand(charge, calendar, load, counted);
  demand.sum *= parts / charge.n;
  if (charge.ratchet.look_back > 0) demand = Ratcheted(charge, calendar, load, period, in_force, std::move(demand));
  if (charge.contracted.IsOn() && contracted) {
    demand.sum = ByContract(demand.sum, CheckedMul(Int128{contracted->count()}, Int128{parts}), charge.contracted);
  }
  return demand;
}

}  // namespace penstock::ledger::rating
