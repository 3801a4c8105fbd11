#include "sim/report/revenue_section.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "admission/vocabulary/check.h"
#include "sim/report/row_chart.h"

namespace penstock::sim::report {
namespace {

using TariffRevenue = RevenueByComponent::TariffRevenue;

std::vector<size_t> UsedComponents(const RevenueByComponent& revenue) {
  std::vector<size_t> used;
  for (size_t i = 0; i < revenue.components.size(); ++i) {
    const bool any = std::any_of(revenue.tariffs.begin(), revenue.tariffs.end(),
                                 [i](const TariffRevenue& tariff) { return tariff.amounts[i] != 0; });
    if (any) used.push_back(i);
  }
  return used;
}

double TotalOf(const TariffRevenue& tariff) {
  return std::accumulate(tariff.amounts.begin(), tariff.amounts.end(), 0.0);
}

// Amounts from zero to the right one after the other, credits from zero to the left.
BarRow RowOf(const RevenueByComponent& revenue, const TariffRevenue& tariff, const std::vector<size_t>& used) {
  const double total = TotalOf(tariff);
  BarRow row{tariff.tariff, {}, FigureText(total, revenue.unit)};
  double right = 0;
  double left = 0;
  for (size_t k = 0; k < used.size(); ++k) {
    const double amount = tariff.amounts[used[k]];
    if (amount == 0 || !std::isfinite(amount)) continue;
    double& from = amount > 0 ? right : left;
    const std::string share = total > 0 ? Decimals(amount / total * 100, 0) + "\u00A0%" : "";
    const std::string& name = revenue.components[used[k]];
    row.bars.push_back({from, from + amount, SeriesClass(k),
                        tariff.tariff + ", " + name + ": " + FigureText(amount, revenue.unit) +
                            (share.empty() ? "" : " (" + share + ")"),
                        name + " " + share});
    from += amount;
  }
  return row;
}

Table RevenueTable(const RevenueByComponent& revenue, const std::vector<size_t>& used) {
  Table table{{{"Tariff", false}}, {}};
  for (size_t i : used) table.columns.push_back({revenue.components[i]});
  table.columns.push_back({"Total"});
  for (const TariffRevenue& tariff : revenue.tariffs) {
    std::vector<std::string> row = {tariff.tariff};
    for (size_t i : used) row.push_back(Decimals(tariff.amounts[i], 2));
    row.push_back(Decimals(TotalOf(tariff), 2));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

Section RevenueSection(const RevenueByComponent& revenue) {
  for (const TariffRevenue& tariff : revenue.tariffs)
    PENSTOCK_CHECK(tariff.amounts.size() == revenue.components.size());
  const std::vector<size_t> used = UsedComponents(revenue);
  if (used.empty()) return {};
  RowChart chart;
  chart.description = "Revenue of each tariff by component";
  chart.title = "Revenue, " + revenue.unit.name;
  chart.unit = revenue.unit;
  for (const TariffRevenue& tariff : revenue.tariffs) chart.rows.push_back(RowOf(revenue, tariff, used));
  std::vector<LegendEntry> legend;
  for (size_t k = 0; k < used.size(); ++k) {
    legend.push_back({revenue.components[used[k]], SeriesClass(k), LegendEntry::Look::kBox});
  }
  return {
      "revenue",
      "Revenue by component",
      {"Where the money comes from. Revenue from commitments is known in advance; revenue from use moves with it."},
      ChartHtml({"", legend, [chart](Size size) { return RowChartSvg(chart, size); }, RevenueTable(revenue, used)})};
}

}  // namespace penstock::sim::report
