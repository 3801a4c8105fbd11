#include "broker/planning/wait_calibrator.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace penstock::planning {
namespace {

constexpr double kShortest = 100'000;  // ns, the first bin's upper edge
constexpr double kTail = 0.05;         // beside the interval, on each side

/// The middle of a bucket.
Duration ForecastOf(size_t bucket) { return Microseconds(int64_t{1'500} << bucket); }

bool Same(const core::WaitRange& a, const core::WaitRange& b) {
  return a.low == b.low && a.expected == b.expected && a.high == b.high;
}

core::WaitRange Scaled(const core::WaitRange& range, size_t from, size_t to) {
  if (to >= from) {
    const int64_t times = int64_t{1} << (to - from);
    return {range.low, range.expected * times, range.high * times};
  }
  const int64_t parts = int64_t{1} << (from - to);
  return {Duration(DivideRoundDown(range.low.count(), parts)), Duration(DivideRoundUp(range.expected.count(), parts)),
          range.high};
}

}  // namespace

int WaitCalibrator::BinOf(Duration waited) {
  const double times = static_cast<double>(waited.count()) / kShortest;
  if (times <= 1) return 0;
  return std::min(kBins - 1, static_cast<int>(std::ceil(std::log2(times) * kBinsPerDoubling)));
}

Duration WaitCalibrator::UpperEdge(int bin) {
  return Duration(std::llround(kShortest * std::exp2(static_cast<double>(bin) / kBinsPerDoubling)));
}

Duration WaitCalibrator::LowerEdge(int bin) { return bin == 0 ? Duration::Zero() : UpperEdge(bin - 1); }

void WaitCalibrator::Observe(const core::Effects::WaitSeen& seen) {
  Class& of_class = classes_[{seen.pool, seen.stood_as}];
  std::unique_ptr<History>& place = of_class.histories[core::WaitBucketOf(seen.line_forecast)];
  if (place == nullptr) place = std::make_unique<History>();
  History& history = *place;
  Bins& bins = seen.departed ? history.departed : history.ended;
  bins[static_cast<size_t>(BinOf(seen.waited))] += 1;
  history.total += 1;
  history.range.reset();
  of_class.changed = true;
  if (++history.since_decay < kHalfLife) return;
  history.since_decay = 0;
  history.total /= 2;
  for (double& weight : history.ended) weight /= 2;
  for (double& weight : history.departed) weight /= 2;
}

WaitCalibrator::Reached WaitCalibrator::DownTo(const History& history, double share) {
  constexpr double kRounding = 1e-9;
  Reached reached;
  double at_risk = history.total;
  for (int bin = 0; bin < kBins; ++bin) {
    const double ended = history.ended[static_cast<size_t>(bin)];
    const double departed = history.departed[static_cast<size_t>(bin)];
    if (ended + departed == 0) continue;
    reached.bin = bin;
    if (ended > 0) reached.left *= std::max(0.0, 1 - ended / at_risk);
    if (reached.left <= share + kRounding) return reached;
    at_risk -= ended + departed;
  }
  return reached;
}

Duration WaitCalibrator::QuantileRoundUp(const History& history, double share_left) {
  const Reached reached = DownTo(history, share_left);
  const Duration at = UpperEdge(reached.bin);
  if (reached.left <= share_left + 1e-9) return at;
  // Nothing can be left here: that share would have been reached.
  const double times = reached.left < 1 ? std::log(std::max(share_left, kTail / 2)) / std::log(reached.left) : kBeyond;
  return Duration(std::llround(static_cast<double>(at.count()) * std::clamp(times, 1.0, kBeyond)));
}

core::WaitRange WaitCalibrator::RangeOf(const History& history, Duration line_forecast) {
  const double outside = std::max(0.0, 1 - (1 - kTail) * (1 + 1 / history.total));
  const bool median_seen = DownTo(history, 0.5).left <= 0.5;
  core::WaitRange range;
  range.low = LowerEdge(DownTo(history, 1 - outside).bin);
  range.expected = QuantileRoundUp(history, 0.5);
  if (!median_seen) range.expected = std::max(range.expected, line_forecast);
  range.high = std::max(range.expected, QuantileRoundUp(history, outside));
  return range;
}

const core::WaitRange& WaitCalibrator::OwnRange(History& history, size_t bucket) {
  if (!history.range) history.range = RangeOf(history, ForecastOf(bucket));
  return *history.range;
}

core::WaitRange WaitCalibrator::RangeOf(const Class& of_class, size_t bucket) {
  const auto knows = [&](size_t b) {
    return of_class.histories[b] != nullptr && of_class.histories[b]->total >= kEnough;
  };
  for (size_t far = 0; far <= kReach; ++far) {
    for (const size_t from : {bucket - far, bucket + far}) {  // a bucket below 0 wraps to one that is not there
      if (from >= core::kWaitBuckets || !knows(from)) continue;
      return Scaled(OwnRange(*of_class.histories[from], from), from, bucket);
    }
  }
  return core::DefaultWaitRange(ForecastOf(bucket));
}

std::vector<core::SetPlan::WaitTable> WaitCalibrator::TakeTables() {
  std::vector<core::SetPlan::WaitTable> tables;
  for (auto& [name, of_class] : classes_) {
    if (!of_class.changed) continue;
    of_class.changed = false;
    core::SetPlan::WaitTable table{.pool = name.first, .stood_as = name.second, .buckets = {}};
    for (size_t bucket = 0; bucket < core::kWaitBuckets; ++bucket) table.buckets[bucket] = RangeOf(of_class, bucket);
    if (std::equal(table.buckets.begin(), table.buckets.end(), of_class.planned.begin(), Same)) continue;
    of_class.planned = table.buckets;
    tables.push_back(table);
  }
  return tables;
}

}  // namespace penstock::planning
