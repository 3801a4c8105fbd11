#include "sim/report/wait_section.h"

#include <cmath>

#include "sim/report/curve_chart.h"

namespace penstock::sim::report {
namespace {

const Unit kSeconds{Measure::kSeconds, ""};

// What took no time has no place on a log axis: it is shown at a tenth of a millisecond.
constexpr double kShortest = 1e-4;

Curve CurveOf(const TimeDistribution& distribution) {
  Curve curve{distribution.name, {}};
  for (const Quantile& quantile : distribution.quantiles) {
    if (!std::isfinite(quantile.seconds)) continue;
    curve.points.push_back({std::max(quantile.seconds, kShortest), quantile.share});
  }
  return curve;
}

std::optional<double> SecondsAt(const TimeDistribution& distribution, double share) {
  Curve by_share{"", {}};
  for (const Quantile& quantile : distribution.quantiles) by_share.points.push_back({quantile.share, quantile.seconds});
  return ValueAt(by_share, share);
}

Table QuantileTable(const TimeChart& times) {
  constexpr double kShares[] = {0.5, 0.9, 0.95, 0.99, 0.999};
  Table table{{{"Class", false}, {"p50"}, {"p90"}, {"p95"}, {"p99"}, {"p99.9"}}, {}};
  for (const TimeDistribution& distribution : times.distributions) {
    std::vector<std::string> row = {distribution.name};
    for (double share : kShares) {
      const std::optional<double> seconds = SecondsAt(distribution, share);
      row.push_back(seconds ? FigureText(*seconds, kSeconds) : "–");
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string ChartOf(const TimeChart& times) {
  CurveChart chart;
  for (const TimeDistribution& distribution : times.distributions) chart.curves.push_back(CurveOf(distribution));
  if (!HasPoints(chart.curves)) return "";
  chart.description = times.title + ": share of the requests that took at most so long";
  chart.x_title = times.title;
  chart.x_unit = kSeconds;
  chart.log_x = true;
  chart.y_title = "Share of the requests";
  chart.y_unit = {Measure::kShare, ""};
  chart.y_up_to = 1;
  if (times.target_seconds && *times.target_seconds > 0) {
    chart.upright.push_back({*times.target_seconds, "target " + FigureText(*times.target_seconds, kSeconds)});
  }
  return ChartHtml({times.title, LineLegend(chart.curves), [chart](Size size) { return CurveChartSvg(chart, size); },
                    QuantileTable(times)});
}

}  // namespace

Section WaitSection(const std::vector<TimeChart>& charts) {
  std::string body;
  for (const TimeChart& chart : charts) body += ChartOf(chart);
  return {"waits",
          "Waits and latency",
          {"The share of requests that took at most so long. Further left is faster; a curve that reaches the top late "
           "has a long tail."},
          body};
}

}  // namespace penstock::sim::report
