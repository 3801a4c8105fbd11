// One axis of a chart: the values it covers, where they lie between 0 and 1, its marks.
#pragma once

#include <string>
#include <vector>

#include "sim/report/figures.h"
#include "sim/report/ticks.h"

namespace penstock::sim::report {

/// The values that an axis must cover. Ignores what is not finite.
struct Range {
  double low = 0;
  double high = 0;
  bool empty = true;
  void Include(double value);
};

class Axis {
 public:
  /// Covers the range (0 to 1 when that is empty) out to the next tick on both sides.
  static Axis Linear(std::string title, Unit unit, const Range& range, int ticks);
  /// Covers exactly the range; ticks inside.
  static Axis LinearTight(std::string title, Unit unit, const Range& range, int ticks);
  /// Of positive values; what is at or below zero lies at the low end.
  static Axis Log(std::string title, Unit unit, const Range& range, int ticks);

  /// 0 at the low end, 1 at the high end; values outside are put at the nearer end.
  double Position(double value) const;
  bool Covers(double value) const { return value >= low_ && value <= high_; }

  double low() const { return low_; }
  double high() const { return high_; }
  const std::string& title() const { return title_; }
  const Unit& unit() const { return unit_; }
  const std::vector<Tick>& ticks() const { return ticks_; }

 private:
  Axis(std::string title, Unit unit, std::vector<Tick> ticks, bool log);

  std::string title_;
  Unit unit_;
  std::vector<Tick> ticks_;
  double low_;
  double high_;
  bool log_;
};

}  // namespace penstock::sim::report
