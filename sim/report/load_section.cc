#include "sim/report/load_section.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "sim/report/curve_chart.h"

namespace penstock::sim::report {
namespace {

// A step per window would need two points each; with hundreds of windows a line through them is the same picture.
Curve SortedByLoad(const LoadSamples& samples) {
  std::vector<double> loads;
  std::copy_if(samples.loads.begin(), samples.loads.end(), std::back_inserter(loads),
               [](double load) { return std::isfinite(load); });
  std::sort(loads.begin(), loads.end(), std::greater<>());
  Curve curve{samples.name, {}};
  const double last = std::max<double>(1, static_cast<double>(loads.size()) - 1);
  for (size_t i = 0; i < loads.size(); ++i) curve.points.push_back({static_cast<double>(i) / last, loads[i]});
  if (loads.size() == 1) curve.points.push_back({1, loads[0]});
  return curve;
}

Chart ChartOf(const CurveChart& chart, Table table) {
  return {"", LineLegend(chart.curves), [chart](Size size) { return CurveChartSvg(chart, size); }, std::move(table)};
}

std::vector<Rule> CapacityRule(double capacity, const Unit& unit) {
  if (capacity <= 0) return {};
  return {{capacity, "capacity " + FigureText(capacity, unit)}};
}

// An axis of hours has a tick an hour at most; what is shorter than this is drawn in minutes.
constexpr double kHoursFromHere = 4;

double LastHour(const std::vector<Curve>& curves) {
  double last = 0;
  for (const Curve& curve : curves) {
    for (const Point& point : curve.points) last = std::max(last, point.x);
  }
  return last;
}

void InMinutes(CurveChart& chart) {
  for (Curve& curve : chart.curves) {
    for (Point& point : curve.points) point.x *= 60;
  }
  chart.x_title += ", minutes";
  chart.x_unit = {Measure::kNumber, "min"};
}

}  // namespace

Section LoadDurationSection(const LoadDuration& load) {
  CurveChart chart;
  for (const LoadSamples& samples : load.samples) chart.curves.push_back(SortedByLoad(samples));
  if (!HasPoints(chart.curves)) return {};
  chart.description = "Load-duration curves: load sorted from the highest, against the share of the time";
  chart.x_title = "Share of the time";
  chart.x_unit = {Measure::kShare, ""};
  chart.tight_x = true;
  chart.y_title = "Load, " + load.unit.name;
  chart.y_unit = load.unit;
  chart.across = CapacityRule(load.capacity, load.unit);
  const std::vector<double> places = {0, 0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};
  return {"load-duration",
          "Load-duration curve",
          {"Load sorted from the busiest moment to the quietest: a point at 5 % says how much load there was, or more, "
           "during one twentieth of the time. A steep left end is a short peak that capacity is bought for."},
          ChartHtml(ChartOf(chart, CurveTable(chart, places)))};
}

Section LoadOverTimeSection(const LoadOverTime& load) {
  if (!HasPoints(load.curves)) return {};
  CurveChart chart;
  chart.description = "Load over time";
  chart.curves = load.curves;
  chart.x_title = "Time since the start";
  chart.x_unit = {Measure::kHours, ""};
  if (LastHour(load.curves) < kHoursFromHere) InMinutes(chart);
  chart.tight_x = true;
  chart.y_title = "Load, " + load.unit.name;
  chart.y_unit = load.unit;
  chart.across = CapacityRule(load.capacity, load.unit);
  return {"load-over-time",
          "Load over time",
          {"Work that was served, window by window. Where there are more windows than the picture has room for, the "
           "highest "
           "and the lowest of neighbouring ones are drawn."},
          ChartHtml(ChartOf(chart, CurveTable(chart, 25)))};
}

}  // namespace penstock::sim::report
