#include "sim/report/demand_rule_section.h"

#include <cmath>

#include "admission/vocabulary/check.h"
#include "sim/report/row_chart.h"

namespace penstock::sim::report {
namespace {

const Unit kShareUnit{Measure::kShare, ""};

BarRow RowOf(const DemandRules& rules, const DemandRules::Shares& shares) {
  BarRow row{shares.name, {}, ""};
  double from = 0;
  for (size_t i = 0; i < shares.shares.size(); ++i) {
    const double share = shares.shares[i];
    if (!(share > 0) || !std::isfinite(share)) continue;
    const std::string text = FigureText(share, kShareUnit);
    row.bars.push_back({from, from + share, SeriesClass(i), shares.name + ", " + rules.groups[i] + ": " + text, text});
    from += share;
  }
  return row;
}

Table RuleTable(const DemandRules& rules) {
  Table table{{{"", false}}, {}};
  for (const std::string& group : rules.groups) table.columns.push_back({group});
  table.columns.push_back({"Pay nothing, of " + Decimals(static_cast<double>(rules.customers), 0)});
  table.columns.push_back({"Cross-subsidy"});
  for (const DemandRules::Shares& shares : rules.rows) {
    std::vector<std::string> row = {shares.name};
    for (double share : shares.shares) row.push_back(FigureText(share, kShareUnit));
    row.push_back(shares.pay_nothing ? Decimals(static_cast<double>(*shares.pay_nothing), 0) : "–");
    row.push_back(shares.cross_subsidy ? FigureText(*shares.cross_subsidy, kShareUnit) : "–");
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

Section DemandRuleSection(const DemandRules& rules) {
  for (const DemandRules::Shares& row : rules.rows) PENSTOCK_CHECK(row.shares.size() == rules.groups.size());
  if (rules.groups.empty() || rules.rows.empty()) return {};
  RowChart chart;
  chart.description = "Shares of the groups of customers in volume, peak, and bills under each demand rule";
  chart.title = "Share";
  chart.unit = kShareUnit;
  chart.whole_share = true;
  for (const DemandRules::Shares& shares : rules.rows) {
    chart.rows.push_back(RowOf(rules, shares));
    if (shares.is_rule) chart.rows.back().name = "bills: " + shares.name;
  }
  std::vector<LegendEntry> legend;
  for (size_t i = 0; i < rules.groups.size(); ++i) {
    legend.push_back({rules.groups[i], SeriesClass(i), LegendEntry::Look::kBox});
  }
  return {"demand-rules",
          "Demand rules side by side",
          {"How the ways to measure a customer's peak would divide the same demand charge. A rule is fair when its bar "
           "looks like that of the peak."},
          ChartHtml({"", legend, [chart](Size size) { return RowChartSvg(chart, size); }, RuleTable(rules)})};
}

}  // namespace penstock::sim::report
