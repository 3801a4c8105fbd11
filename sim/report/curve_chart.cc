#include "sim/report/curve_chart.h"

#include <algorithm>
#include <cmath>

namespace penstock::sim::report {
namespace {

struct Ranges {
  Range x;
  Range y;
};

Ranges RangesOf(const CurveChart& chart) {
  Ranges ranges;
  for (const Curve& curve : chart.curves) {
    for (const Point& point : curve.points) {
      if (!std::isfinite(point.y) || (chart.log_x && point.x <= 0)) continue;
      ranges.x.Include(point.x);
      ranges.y.Include(point.y);
    }
  }
  for (const Rule& rule : chart.across) ranges.y.Include(rule.at);
  for (const Rule& rule : chart.upright) ranges.x.Include(rule.at);
  if (chart.y_from_zero) ranges.y.Include(0);
  if (chart.y_up_to) ranges.y.Include(*chart.y_up_to);
  return ranges;
}

Axis XAxis(const CurveChart& chart, const Range& range, bool narrow) {
  const int ticks = narrow ? 5 : 9;
  if (chart.log_x) return Axis::Log(chart.x_title, chart.x_unit, range, ticks);
  if (chart.tight_x) return Axis::LinearTight(chart.x_title, chart.x_unit, range, ticks);
  return Axis::Linear(chart.x_title, chart.x_unit, range, ticks);
}

double Between(const Range& range, double part, bool log) {
  if (log && range.low > 0) return range.low * std::pow(range.high / range.low, part);
  return range.low + (range.high - range.low) * part;
}

std::string ValuesAt(const CurveChart& chart, double x) {
  std::string text = chart.x_title + ": " + FigureText(x, chart.x_unit);
  for (const Curve& curve : chart.curves) {
    const std::optional<double> value = ValueAt(curve, x);
    if (value) text += "\n" + curve.name + ": " + FigureText(*value, chart.y_unit);
  }
  return text;
}

void DrawHovers(const CurveChart& chart, const Range& range, int columns, Plot& plot) {
  if (!(range.high > range.low)) return;
  for (int i = 0; i < columns; ++i) {
    const double left = Between(range, static_cast<double>(i) / columns, chart.log_x);
    const double middle = Between(range, (i + 0.5) / columns, chart.log_x);
    plot.Hover(left, Between(range, (i + 1.0) / columns, chart.log_x), ValuesAt(chart, middle));
  }
}

void DrawCrossings(const CurveChart& chart, Plot& plot) {
  for (const Rule& rule : chart.upright) {
    for (size_t i = 0; i < chart.curves.size(); ++i) {
      const std::optional<double> value = ValueAt(chart.curves[i], rule.at);
      if (value) plot.Mark({rule.at, *value}, ShapeOf(i), 4.5, SeriesClass(i), "");
    }
  }
}

}  // namespace

bool HasPoints(const std::vector<Curve>& curves) {
  return std::any_of(curves.begin(), curves.end(), [](const Curve& curve) {
    return std::any_of(curve.points.begin(), curve.points.end(),
                       [](const Point& point) { return std::isfinite(point.x) && std::isfinite(point.y); });
  });
}

std::string CurveChartSvg(const CurveChart& chart, Size size) {
  const Ranges ranges = RangesOf(chart);
  Plot plot(size, XAxis(chart, ranges.x, size.IsNarrow()), Axis::Linear(chart.y_title, chart.y_unit, ranges.y, 5));
  for (size_t i = chart.curves.size(); i-- > 0;) plot.Line(chart.curves[i].points, SeriesClass(i));
  for (const Rule& rule : chart.across) plot.HorizontalRule(rule.at, "rule", rule.label);
  for (const Rule& rule : chart.upright) plot.VerticalRule(rule.at, "rule", rule.label);
  if (chart.marks_crossings) DrawCrossings(chart, plot);
  DrawHovers(chart, ranges.x, size.IsNarrow() ? 20 : 40, plot);
  return plot.Svg(chart.description);
}

std::optional<double> ValueAt(const Curve& curve, double x) {
  const std::vector<Point>& points = curve.points;
  const auto after =
      std::lower_bound(points.begin(), points.end(), x, [](const Point& point, double at) { return point.x < at; });
  if (after == points.end()) return std::nullopt;
  if (after->x == x) return after->y;
  if (after == points.begin()) return std::nullopt;
  const Point& a = *(after - 1);
  return a.y + (after->y - a.y) * (x - a.x) / (after->x - a.x);
}

Table CurveTable(const CurveChart& chart, const std::vector<double>& xs) {
  Table table;
  table.columns.push_back({chart.x_title});
  for (const Curve& curve : chart.curves) table.columns.push_back({curve.name});
  for (double x : xs) {
    std::vector<std::string> row = {FigureText(x, chart.x_unit)};
    for (const Curve& curve : chart.curves) {
      const std::optional<double> value = ValueAt(curve, x);
      row.push_back(value ? FigureText(*value, chart.y_unit) : "–");
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table CurveTable(const CurveChart& chart, size_t rows) {
  const Range range = RangesOf(chart).x;
  std::vector<double> xs;
  for (size_t i = 0; i < rows && !range.empty; ++i) {
    xs.push_back(i + 1 == rows ? range.high
                               : Between(range, static_cast<double>(i) / static_cast<double>(rows - 1), chart.log_x));
  }
  return CurveTable(chart, xs);
}

}  // namespace penstock::sim::report
