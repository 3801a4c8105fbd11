// Charts that are curves over one axis: values of all curves show where the pointer is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/report/plot.h"
#include "sim/report/table.h"

namespace penstock::sim::report {

struct Rule {
  double at = 0;
  std::string label;
};

struct CurveChart {
  std::string description;
  std::vector<Curve> curves;
  std::string x_title;
  Unit x_unit;
  std::string y_title;
  Unit y_unit;
  bool log_x = false;    // only of positive x
  bool tight_x = false;  // the x axis ends where the points end
  bool y_from_zero = true;
  std::optional<double> y_up_to;  // at least
  std::vector<Rule> across;       // at values of y
  std::vector<Rule> upright;      // at values of x
  bool marks_crossings = false;   // a mark where a curve meets an upright rule
};

/// Nothing to draw when no curve has a finite point.
bool HasPoints(const std::vector<Curve>& curves);

std::string CurveChartSvg(const CurveChart& chart, Size size);

/// Of the curve between its points; nothing outside of them.
std::optional<double> ValueAt(const Curve& curve, double x);

/// A row per x, a column per curve.
Table CurveTable(const CurveChart& chart, const std::vector<double>& xs);
/// At `rows` places spread over the x axis.
Table CurveTable(const CurveChart& chart, size_t rows);

}  // namespace penstock::sim::report
