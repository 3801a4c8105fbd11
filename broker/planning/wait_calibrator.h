// How long requests wait when their line promised about so long: quantiles learnt per pool, class and bucket of the
// line's forecast (the buckets of core::SetPlan::WaitTable); hands integers to the core.
//
// Each bucket keeps a histogram of waits with log-spaced bins (8 per doubling, from 100 us) whose counts decay by half
// every kHalfLife waits. A request that departed would have waited longer: its time is censored, and the quantiles
// come from the Kaplan-Meier curve, which spreads the departed over the longer waits. Rules:
//
//   1. Low and high are the 5 % and 95 % quantiles, pushed outwards by (n + 1) / n for n waits seen (as a split
//      conformal interval is), and rounded outwards to a bin's edge; expected is the median.
//   2. Where so many departed that the curve never gets to a quantile, it goes on from the longest time seen as the
//      exponential through its end, to at most kBeyond times that; low does not. Nor is expected then less than the
//      forecast.
//   3. A bucket with fewer than kEnough waits borrows from the nearest one within kReach that has them: a wait grows
//      with its forecast, at most in proportion. So expected scales by 2 per bucket; of low and high each keeps the
//      wider of scaled and not.
//   4. Else core::DefaultWaitRange of the middle of the bucket.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "broker/core/answer.h"
#include "broker/core/command.h"

namespace penstock::planning {

class WaitCalibrator {
 public:
  static constexpr int kEnough = 20;
  static constexpr int kHalfLife = 250;
  static constexpr size_t kReach = 4;
  static constexpr double kBeyond = 8;

  void Observe(const core::Effects::WaitSeen& seen);

  /// The tables that changed since they were last taken, in order of pool and class.
  std::vector<core::SetPlan::WaitTable> TakeTables();

 private:
  static constexpr int kBinsPerDoubling = 8;
  static constexpr int kBins = 26 * kBinsPerDoubling;  // up to 1.9 hours; the last bin holds all longer ones
  using Bins = std::array<double, kBins>;
  struct History {
    Bins ended{};     // ran after that wait
    Bins departed{};  // left after that wait
    double total = 0;
    int since_decay = 0;
    std::optional<core::WaitRange> range;  // what its own bucket's would be; nothing: not known since the last wait
  };
  struct Class {
    std::array<std::unique_ptr<History>, core::kWaitBuckets> histories;  // null: nothing was seen there
    std::array<core::WaitRange, core::kWaitBuckets> planned{};
    bool changed = false;
  };
  static int BinOf(Duration waited);
  static Duration UpperEdge(int bin);
  static Duration LowerEdge(int bin);
  /// Where the curve of those still waiting gets to a share.
  struct Reached {
    int bin = 0;      // the first in which no more are left, or the last with anything in it
    double left = 1;  // the share that is left after it
  };
  static Reached DownTo(const History& history, double share);
  /// The quantile after which this share is left, rounded up; by rule 2 where the curve never gets there.
  static Duration QuantileRoundUp(const History& history, double share_left);
  static core::WaitRange RangeOf(const History& history, Duration line_forecast);
  static const core::WaitRange& OwnRange(History& history, size_t bucket);
  static core::WaitRange RangeOf(const Class& of_class, size_t bucket);

  std::map<std::pair<PoolId, ServiceClass>, Class> classes_;
};

}  // namespace penstock::planning
