#include "sim/report/progress_section.h"

#include <algorithm>

namespace penstock::sim::report {
namespace {

// The best holds until the next one is found.
Curve StepsOf(const Curve& curve, double until) {
  Curve steps{curve.name, {}};
  for (const Point& point : curve.points) {
    if (!steps.points.empty()) steps.points.push_back({point.x, steps.points.back().y});
    steps.points.push_back(point);
  }
  if (!steps.points.empty() && steps.points.back().x < until) steps.points.push_back({until, steps.points.back().y});
  return steps;
}

}  // namespace

Section ProgressSection(const SearchProgress& progress) {
  if (!HasPoints(progress.methods)) return {};
  double until = 0;
  for (const Curve& curve : progress.methods) {
    for (const Point& point : curve.points) until = std::max(until, point.x);
  }
  CurveChart chart;
  chart.description = "Best so far over the number of evaluations";
  for (const Curve& curve : progress.methods) chart.curves.push_back(StepsOf(curve, until));
  chart.x_title = "Evaluations";
  chart.tight_x = true;
  chart.y_title = progress.objective + (progress.unit.name.empty() ? "" : ", " + progress.unit.name);
  chart.y_unit = progress.unit;
  chart.y_from_zero = false;
  chart.across = progress.baselines;
  return {"progress",
          "How the search went",
          {"The best feasible tariff found so far. A curve that is still rising at its right end would gain from a "
           "larger budget. The vertical axis does not start at zero."},
          ChartHtml({"", LineLegend(chart.curves), [chart](Size size) { return CurveChartSvg(chart, size); },
                     CurveTable(chart, 11)})};
}

}  // namespace penstock::sim::report
