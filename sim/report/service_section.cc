#include "sim/report/service_section.h"

#include <algorithm>
#include <cmath>

#include "sim/report/row_chart.h"

namespace penstock::sim::report {
namespace {

constexpr size_t kMostBars = 20;
const Unit kShareUnit{Measure::kShare, ""};

std::string KeptText(const ServiceLevel& level) {
  if (!level.wanted) return "–";
  if (level.reached.mean - level.reached.half_width >= *level.wanted) return "✓ kept";
  return level.reached.mean + level.reached.half_width < *level.wanted ? "✗ missed" : "? not decided";
}

std::vector<CustomerBill> ByBill(const CustomerBills& bills) {
  std::vector<CustomerBill> sorted;
  std::copy_if(bills.bills.begin(), bills.bills.end(), std::back_inserter(sorted),
               [](const CustomerBill& bill) { return std::isfinite(bill.bill); });
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const CustomerBill& a, const CustomerBill& b) { return a.bill > b.bill; });
  return sorted;
}

}  // namespace

Section ServiceLevelSection(const std::vector<ServiceLevel>& levels) {
  if (levels.empty()) return {};
  Table table{{{"Class", false}, {"Within the target"}, {"Wanted"}, {"", false}, {"Refused"}}, {}};
  for (const ServiceLevel& level : levels) {
    table.rows.push_back({level.name, EstimateText(level.reached, kShareUnit),
                          level.wanted ? FigureText(*level.wanted, kShareUnit) : "–", KeptText(level),
                          level.refused ? EstimateText(*level.refused, kShareUnit) : "–"});
  }
  return {"service-level",
          "Service level",
          {"The share of requests that was served within the target of its class."},
          TableHtml(table)};
}

Section CustomerBillsSection(const CustomerBills& bills) {
  const std::vector<CustomerBill> sorted = ByBill(bills);
  if (sorted.empty()) return {};
  RowChart chart;
  chart.description = "The highest bills";
  chart.title = "Bill, " + bills.unit.name;
  chart.unit = bills.unit;
  Table table{{{"Customer", false}, {"Bill, " + bills.unit.name}, {"Work served"}, {"Refused"}}, {}};
  for (const CustomerBill& bill : sorted) {
    const std::string text = FigureText(bill.bill, bills.unit);
    if (chart.rows.size() < kMostBars) {
      chart.rows.push_back({bill.customer, {{0, bill.bill, "s0", bill.customer + ": " + text, ""}}, text});
    }
    table.rows.push_back({bill.customer, Decimals(bill.bill, 2), FigureText(bill.work, {Measure::kNumber, "nt"}),
                          FigureText(bill.refused, kShareUnit)});
  }
  const std::string shown = sorted.size() > kMostBars ? "The " + Decimals(kMostBars, 0) + " highest of " +
                                                            Decimals(static_cast<double>(sorted.size()), 0) +
                                                            " bills; all of them are in the table."
                                                      : "All bills of the period, the highest first.";
  return {
      "bills", "Bills", {shown}, ChartHtml({"", {}, [chart](Size size) { return RowChartSvg(chart, size); }, table})};
}

}  // namespace penstock::sim::report
