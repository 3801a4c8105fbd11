// Why the others can be left out, with each window's work laid evenly over its minutes:
//
//   maximum      of a run or block no longer than a window, it lies inside the highest window
//   percentile   drops so many minutes from the top: the windows that hold those, and the next
//   top mean     the windows that hold the n highest minutes, and the next
//   coincident   the same of the pool's minutes; where peaks must lie apart, the highest windows of each day or month
//
// Maxima of longer runs, and windows that do not divide an hour (bands might cut them), leave nothing out.
#include "sim/demand/rated_windows.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "admission/vocabulary/checked.h"

namespace penstock::sim {
namespace {

using ledger::DemandCharge;
using ledger::DemandRule;

constexpr int64_t kMinutesPerHour = 60;

bool FitsInWindow(const DemandCharge& charge, int64_t minutes) {
  return charge.rule == DemandRule::kBlockMaximum ? minutes % charge.windows == 0 : charge.windows <= minutes;
}

/// The windows that hold the `count` highest minutes, and one for ties.
size_t WindowsOf(int64_t count, int64_t minutes) { return static_cast<size_t>(DivideRoundUp(count, minutes) + 1); }

/// Marks the `count` highest of those that count; the earliest on ties.
void MarkHighest(std::span<const Work> work, size_t count, const std::vector<bool>& counts, std::vector<bool>* marked) {
  std::vector<size_t> order;
  order.reserve(work.size());
  for (size_t w = 0; w < work.size(); ++w) {
    if (work[w] > Work() && (counts.empty() || counts[w])) order.push_back(w);
  }
  const auto higher = [&](size_t a, size_t b) { return work[a] != work[b] ? work[a] > work[b] : a < b; };
  if (count < order.size()) {
    std::nth_element(order.begin(), order.begin() + static_cast<ptrdiff_t>(count), order.end(), higher);
    order.resize(count);
  }
  for (const size_t w : order) (*marked)[w] = true;
}

std::vector<Work> Masked(std::span<const Work> work, const std::vector<bool>& mask) {
  std::vector<Work> kept(work.begin(), work.end());
  for (size_t w = 0; w < kept.size(); ++w) {
    if (!mask[w]) kept[w] = Work();
  }
  return kept;
}

}  // namespace

RatedWindows::RatedWindows(const ledger::PoolPrices* prices, const ledger::Calendar& calendar, Instant start,
                           Duration window, std::span<const Work> everyone)
    : start_(start), window_(window), minutes_(window.count() / ledger::kBaseWindow.count()) {
  if (prices == nullptr) return;
  all_ = kMinutesPerHour % minutes_ != 0;
  for (const DemandCharge& charge : prices->demand) Add(charge, calendar, everyone);
}

void RatedWindows::Add(const DemandCharge& charge, const ledger::Calendar& calendar, std::span<const Work> everyone) {
  Rule rule;
  rule.counts = CountedBy(charge, calendar, everyone.size());
  switch (charge.rule) {
    case DemandRule::kBlockMaximum:
    case DemandRule::kSlidingMaximum:
      all_ = all_ || !FitsInWindow(charge, minutes_);
      rule.highest = 2;
      break;
    case DemandRule::kPercentile: {
      const int64_t period = minutes_ * static_cast<int64_t>(everyone.size()) + kMinutesPerHour;
      rule.highest = WindowsOf(DivideRoundUp<int64_t>(period * (100 - charge.percentile), 100) + 1, minutes_);
      break;
    }
    case DemandRule::kTopMean:
      rule.highest = WindowsOf(charge.n, minutes_);
      break;
    case DemandRule::kCoincident:
      KeepPeaks(charge, calendar, everyone, rule.counts);
      return;
  }
  rules_.push_back(std::move(rule));
}

RatedWindows::Mask RatedWindows::CountedBy(const DemandCharge& charge, const ledger::Calendar& calendar,
                                           size_t windows) const {
  if (charge.band < 0 && charge.season < 0) return {};
  Mask counts(windows);
  ledger::HourCursor hours(calendar);
  for (size_t w = 0; w < windows; ++w) {
    const ledger::LocalHour& hour = hours.At(start_ + window_ * static_cast<int64_t>(w));
    const bool season = charge.season < 0 || calendar.SeasonOf(hour.month) == static_cast<size_t>(charge.season);
    counts[w] = season && (charge.band < 0 || calendar.BandAt(hour) == static_cast<size_t>(charge.band));
  }
  return counts;
}

void RatedWindows::KeepPeaks(const DemandCharge& charge, const ledger::Calendar& calendar,
                             std::span<const Work> everyone, const Mask& counts) {
  peaks_.resize(everyone.size());
  if (charge.apart == ledger::Apart::kWindow)
    return MarkHighest(everyone, WindowsOf(charge.n, minutes_), counts, &peaks_);
  std::map<int64_t, Mask> parts;  // the days or months
  ledger::HourCursor hours(calendar);
  for (size_t w = 0; w < everyone.size(); ++w) {
    if (!counts.empty() && !counts[w]) continue;
    const ledger::LocalHour& hour = hours.At(start_ + window_ * static_cast<int64_t>(w));
    Mask& part = parts[charge.apart == ledger::Apart::kDay ? hour.day : hour.month];
    part.resize(everyone.size());
    part[w] = true;
  }
  for (const auto& [number, part] : parts) MarkHighest(everyone, 2, part, &peaks_);
}

std::vector<Work> RatedWindows::Kept(std::span<const Work> own) const {
  if (all_) return {own.begin(), own.end()};
  Mask kept = peaks_;
  kept.resize(own.size());
  for (const Rule& rule : rules_) MarkHighest(own, rule.highest, rule.counts, &kept);
  return Masked(own, kept);
}

std::vector<Work> RatedWindows::KeptOfEveryone(std::span<const Work> everyone) const {
  if (all_) return {everyone.begin(), everyone.end()};
  Mask kept = peaks_;
  kept.resize(everyone.size());
  return Masked(everyone, kept);
}

}  // namespace penstock::sim
