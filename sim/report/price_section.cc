#include "sim/report/price_section.h"

#include "sim/report/curve_chart.h"

namespace penstock::sim::report {

Section PriceAndDemandSection(const PriceAndDemand& demand) {
  if (!HasPoints(demand.curves)) return {};
  CurveChart chart;
  chart.description = "Demand curves: volume against price";
  chart.curves = demand.curves;
  chart.x_title = "Price, as a multiple of the present price";
  chart.x_unit = {Measure::kMultiple, ""};
  chart.tight_x = true;
  chart.y_title = "Volume, " + demand.volume.name;
  chart.y_unit = demand.volume;
  if (demand.chosen_multiple) {
    chart.upright.push_back({*demand.chosen_multiple, "chosen " + FigureText(*demand.chosen_multiple, chart.x_unit)});
  }
  chart.marks_crossings = true;
  return {
      "price-and-demand",
      "Price and demand",
      {"How much customers would use at a price, for every elasticity that was assumed. Elasticity is an assumption "
       "and not a measurement: conclusions should hold along all of these curves."},
      ChartHtml({"", LineLegend(chart.curves), [chart](Size size) { return CurveChartSvg(chart, size); },
                 CurveTable(chart, 13)})};
}

}  // namespace penstock::sim::report
