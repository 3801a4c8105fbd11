#include "sim/report/axis.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace penstock::sim::report {

void Range::Include(double value) {
  if (!std::isfinite(value)) return;
  low = empty ? value : std::min(low, value);
  high = empty ? value : std::max(high, value);
  empty = false;
}

Axis::Axis(std::string title, Unit unit, std::vector<Tick> ticks, bool log)
    : title_(std::move(title)),
      unit_(std::move(unit)),
      ticks_(std::move(ticks)),
      low_(ticks_.front().value),
      high_(ticks_.back().value),
      log_(log) {}

Axis Axis::Linear(std::string title, Unit unit, const Range& range, int ticks) {
  const Range covered = range.empty ? Range{0, 1, false} : range;
  std::vector<Tick> marks = LinearTicks(covered.low, covered.high, ticks, unit);
  return Axis(std::move(title), std::move(unit), std::move(marks), false);
}

Axis Axis::LinearTight(std::string title, Unit unit, const Range& range, int ticks) {
  Axis axis = Linear(std::move(title), std::move(unit), range, ticks);
  if (range.empty || range.low == range.high) return axis;
  axis.low_ = range.low;
  axis.high_ = range.high;
  const double slack = (range.high - range.low) * 1e-9;
  std::erase_if(axis.ticks_,
                [&](const Tick& tick) { return tick.value < range.low - slack || tick.value > range.high + slack; });
  return axis;
}

Axis Axis::Log(std::string title, Unit unit, const Range& range, int ticks) {
  const Range covered = range.empty || range.low <= 0 ? Range{1, 10, false} : range;
  std::vector<Tick> marks = LogTicks(covered.low, covered.high, ticks, unit);
  return Axis(std::move(title), std::move(unit), std::move(marks), true);
}

double Axis::Position(double value) const {
  if (!(value > low_)) return 0;  // not a number too
  if (value >= high_) return 1;
  if (log_) return std::log(value / low_) / std::log(high_ / low_);
  return (value - low_) / (high_ - low_);
}

}  // namespace penstock::sim::report
