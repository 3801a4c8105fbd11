// What a rate saves in one hour of the week is linear in the rate between the rates at which some window is just
// covered; the sum over those hours in which it saves anything is convex in between. So the best rate is one of those,
// or of their neighbours on the step, and one sweep upwards over them sees it.
#include "broker/planning/recommendation.h"

#include <algorithm>
#include <array>
#include <vector>

#include "admission/vocabulary/check.h"
#include "admission/vocabulary/checked.h"

namespace penstock::planning {
namespace {

constexpr int64_t kMillionths = 1'000'000;

ledger::Money ToMoney(Int128 pico) { return ledger::Money::FromPico(ledger::PicoCount(pico)); }

/// Of one hour of the week, at the rate where the sweep is.
struct Hour {
  int64_t windows = 0;
  int64_t beyond = 0;      // windows that need more than the rate
  Int128 work = 0;         // of all windows
  Int128 work_within = 0;  // of the windows that do not
};

class Sweep {
 public:
  Sweep(std::span<const WindowUse> history, Duration window, const ReservePrices& prices)
      : windows_(history.begin(), history.end()),
        seconds_(window.count() / Seconds(1).count()),
        minutes_(window.count() / Minutes(1).count()),
        prices_(prices) {
    std::sort(windows_.begin(), windows_.end(), [](const WindowUse& a, const WindowUse& b) { return a.work < b.work; });
    for (const WindowUse& use : windows_) {
      Hour& hour = hours_[use.hour_of_week];
      ++hour.windows;
      ++hour.beyond;
      hour.work += use.work.count();
    }
  }

  /// Rates ascend.
  void MoveTo(int64_t rate) {
    rate_ = rate;
    for (; next_ < windows_.size() && windows_[next_].work.count() <= Int128{rate} * seconds_; ++next_) {
      Hour& hour = hours_[windows_[next_].hour_of_week];
      --hour.beyond;
      hour.work_within += windows_[next_].work.count();
    }
  }

  Int128 Used(const Hour& hour) const { return hour.work_within + Int128{rate_} * seconds_ * hour.beyond; }
  Int128 Reserved(const Hour& hour) const { return CheckedMul(Int128{rate_} * minutes_, Int128{hour.windows}); }
  Int128 Saves(const Hour& hour) const {
    return CheckedSub(CheckedMul<Int128>(Used(hour), prices_.elastic_pico),
                      CheckedMul<Int128>(Reserved(hour), prices_.reserved_pico));
  }

  Int128 SavesInAll() const {
    Int128 sum = 0;
    for (const Hour& hour : hours_) sum += Saves(hour);
    return sum;
  }
  Int128 SavesInBest() const {
    Int128 sum = 0;
    for (const Hour& hour : hours_) sum += std::max<Int128>(0, Saves(hour));
    return sum;
  }
  HoursOfWeek Best() const {
    HoursOfWeek best;
    for (size_t h = 0; h < hours_.size(); ++h) best[h] = Saves(hours_[h]) > 0;
    return best;
  }

  ReservedShape ShapeOf(const HoursOfWeek& in) const {
    Int128 work = 0;
    Int128 used = 0;
    Int128 reserved = 0;
    int64_t windows = 0;
    int64_t beyond = 0;
    for (size_t h = 0; h < hours_.size(); ++h) {
      work += hours_[h].work;
      if (!in[h]) continue;
      used += Used(hours_[h]);
      reserved += Reserved(hours_[h]);
      windows += hours_[h].windows;
      beyond += hours_[h].beyond;
    }
    ReservedShape shape{.rate = WorkPerSecond(rate_), .hours = in};
    shape.reserved_cost = ToMoney(CheckedMul<Int128>(reserved, prices_.reserved_pico));
    shape.elastic_cost = ToMoney(CheckedMul<Int128>(work - used, prices_.elastic_pico));
    if (reserved > 0) shape.used_millionths = CheckedNarrow(CheckedMul<Int128>(used, kMillionths) / (reserved * 60));
    if (windows > 0) shape.beyond_millionths = CheckedNarrow(Int128{beyond} * kMillionths / windows);
    return shape;
  }

 private:
  std::vector<WindowUse> windows_;  // by work
  int64_t seconds_;
  int64_t minutes_;
  ReservePrices prices_;
  std::array<Hour, ledger::kHoursOfWeek> hours_{};
  size_t next_ = 0;  // the first window that needs more than the rate
  int64_t rate_ = 0;
};

/// 0, and the multiples of the step on both sides of every window's rate, ascending.
std::vector<int64_t> RatesToTry(std::span<const WindowUse> history, int64_t seconds, int64_t step) {
  std::vector<int64_t> rates = {0};
  for (const WindowUse& use : history) {
    const int64_t below = use.work.count() / CheckedMul(seconds, step) * step;
    rates.push_back(below);
    rates.push_back(CheckedAdd(below, step));
  }
  std::sort(rates.begin(), rates.end());
  rates.erase(std::unique(rates.begin(), rates.end()), rates.end());
  return rates;
}

}  // namespace

Recommendation Recommend(std::span<const WindowUse> history, Duration window, const ReservePrices& prices,
                         WorkPerSecond step) {
  PENSTOCK_CHECK(window > Duration::Zero() && window.count() % Minutes(1).count() == 0);
  PENSTOCK_CHECK(prices.elastic_pico > 0 && prices.reserved_pico > 0 && step > WorkPerSecond::Zero());
  const int64_t seconds = window.count() / Seconds(1).count();

  Recommendation found;
  found.windows = history.size();
  Work highest;
  for (const WindowUse& use : history) {
    PENSTOCK_CHECK(use.work >= Work::Zero() && use.hour_of_week < ledger::kHoursOfWeek);
    found.total += use.work;
    highest = std::max(highest, use.work);
  }
  found.peak = WorkPerSecond(DivideRoundUp(highest.count(), CheckedMul(seconds, step.count()))) * step.count();
  found.break_even_millionths =
      CheckedNarrow(DivideRoundDown(Int128{prices.reserved_pico} * kMillionths, Int128{prices.elastic_pico} * 60));

  Sweep sweep(history, window, prices);
  const HoursOfWeek all = HoursOfWeek().set();
  Int128 most = -1;
  Int128 most_in_hours = -1;
  for (const int64_t rate : RatesToTry(history, seconds, step.count())) {
    sweep.MoveTo(rate);
    if (const Int128 saved = sweep.SavesInAll(); saved > most) {
      most = saved;
      found.constant = sweep.ShapeOf(rate > 0 ? all : HoursOfWeek());
    }
    if (const Int128 saved = sweep.SavesInBest(); saved > most_in_hours) {
      most_in_hours = saved;
      found.in_hours = sweep.ShapeOf(sweep.Best());
    }
    if (rate == 0) found.without = sweep.ShapeOf({}).cost();
    if (rate == found.peak.count()) found.at_peak = sweep.ShapeOf(all).cost();
  }
  return found;
}

}  // namespace penstock::planning
