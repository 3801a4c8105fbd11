#include "sim/report/tornado_section.h"

#include <algorithm>
#include <cmath>

#include "sim/report/row_chart.h"

namespace penstock::sim::report {
namespace {

double Extent(const TornadoBar& bar) {
  return std::max({bar.low_effect, bar.high_effect, 0.0}) - std::min({bar.low_effect, bar.high_effect, 0.0});
}

std::vector<TornadoBar> ByExtent(const Tornado& tornado) {
  std::vector<TornadoBar> bars;
  for (const TornadoBar& bar : tornado.bars) {
    if (std::isfinite(bar.low_effect) && std::isfinite(bar.high_effect)) bars.push_back(bar);
  }
  std::stable_sort(bars.begin(), bars.end(),
                   [](const TornadoBar& a, const TornadoBar& b) { return Extent(a) > Extent(b); });
  return bars;
}

Bar BarOf(const TornadoBar& bar, bool low, const Unit& unit) {
  const double effect = low ? bar.low_effect : bar.high_effect;
  const std::string& setting = low ? bar.low_setting : bar.high_setting;
  const std::string title = bar.parameter + " = " + setting + ": " + FigureText(effect, unit, Sign::kAlways);
  return {0, effect, low ? "s0" : "s1", title, setting};
}

// The longer bar first, so that both are seen where they point the same way.
BarRow RowOf(const TornadoBar& bar, const Unit& unit) {
  BarRow row{bar.parameter, {BarOf(bar, true, unit), BarOf(bar, false, unit)}, ""};
  if (std::abs(bar.low_effect) < std::abs(bar.high_effect)) std::swap(row.bars[0], row.bars[1]);
  const bool same_way = (bar.low_effect < 0) == (bar.high_effect < 0);
  if (same_way) row.bars[0].text.clear();
  return row;
}

}  // namespace

Section TornadoSection(const Tornado& tornado) {
  const std::vector<TornadoBar> bars = ByExtent(tornado);
  if (bars.empty()) return {};
  RowChart chart;
  chart.description = "Change of " + tornado.figure + " when a parameter moves alone";
  chart.title = tornado.figure + ": change" + (tornado.unit.name.empty() ? "" : ", " + tornado.unit.name);
  chart.unit = tornado.unit;
  Table table{{{"Parameter", false}, {"Low setting"}, {"Effect"}, {"High setting"}, {"Effect"}}, {}};
  for (const TornadoBar& bar : bars) {
    chart.rows.push_back(RowOf(bar, tornado.unit));
    table.rows.push_back({bar.parameter, bar.low_setting, FigureText(bar.low_effect, tornado.unit, Sign::kAlways),
                          bar.high_setting, FigureText(bar.high_effect, tornado.unit, Sign::kAlways)});
  }
  using enum LegendEntry::Look;
  return {"tornado",
          "What matters most",
          {"Each parameter moved alone to a low and to a high setting, all others as chosen. Long bars are decisions "
           "to be careful with; short ones can be rounded to friendly numbers."},
          ChartHtml({"",
                     {{"low setting", "s0", kBox}, {"high setting", "s1", kBox}},
                     [chart](Size size) { return RowChartSvg(chart, size); },
                     table})};
}

}  // namespace penstock::sim::report
