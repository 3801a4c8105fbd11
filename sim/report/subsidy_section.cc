#include "sim/report/subsidy_section.h"

#include <algorithm>
#include <cmath>

namespace penstock::sim::report {
namespace {

const Unit kShareUnit{Measure::kShare, ""};
constexpr double kSmallest = 1e-6;  // shares below lie on the edge, as zero does

bool IsShown(const CustomerShare& customer) {
  return std::isfinite(customer.of_bills) && std::isfinite(customer.of_peak) &&
         (customer.of_bills > 0 || customer.of_peak > 0);
}

Range RangeOf(const CrossSubsidy& subsidy) {
  Range range;
  for (const CrossSubsidy::TariffShares& tariff : subsidy.tariffs) {
    for (const CustomerShare& customer : tariff.customers) {
      if (!IsShown(customer)) continue;
      for (double share : {customer.of_bills, customer.of_peak}) {
        if (share >= kSmallest) range.Include(share);
      }
    }
  }
  return range;
}

// Both axes cover the same shares, so that the diagonal is where a customer pays what it causes.
std::string DrawShares(const CrossSubsidy& subsidy, Size size) {
  const Range range = RangeOf(subsidy);
  const int ticks = size.IsNarrow() ? 4 : 8;
  Plot plot(size, Axis::Log("Share of the load at peak", kShareUnit, range, ticks),
            Axis::Log("Share of the bills", kShareUnit, range, ticks));
  const double low = plot.x().low();
  const double high = plot.x().high();
  const std::vector<Point> diagonal = {{low, low}, {high, high}};
  plot.Line(diagonal, "rule");
  for (size_t i = 0; i < subsidy.tariffs.size(); ++i) {
    for (const CustomerShare& customer : subsidy.tariffs[i].customers) {
      if (!IsShown(customer)) continue;
      const bool at_edge = customer.of_bills < low || customer.of_peak < low;
      plot.Mark({customer.of_peak, customer.of_bills}, ShapeOf(i), 3.5,
                SeriesClass(i) + (at_edge ? " hollow" : " see-through"),
                customer.customer + ", " + subsidy.tariffs[i].tariff +
                    "\nof the bills: " + FigureText(customer.of_bills, kShareUnit) +
                    "\nof the peak: " + FigureText(customer.of_peak, kShareUnit));
    }
  }
  return plot.Svg("Every customer's share of the bills against its share of the load at peak");
}

Table SharesTable(const CrossSubsidy& subsidy) {
  Table table{
      {{"Customer", false}, {"Tariff", false}, {"Share of the bills"}, {"Share of the peak"}, {"Pays too much"}}, {}};
  for (const CrossSubsidy::TariffShares& tariff : subsidy.tariffs) {
    for (const CustomerShare& customer : tariff.customers) {
      table.rows.push_back({customer.customer, tariff.tariff, FigureText(customer.of_bills, kShareUnit),
                            FigureText(customer.of_peak, kShareUnit),
                            FigureText(customer.of_bills - customer.of_peak, kShareUnit, Sign::kAlways)});
    }
  }
  return table;
}

// Half the sum of the distances: the share of all bills that is paid by the wrong customers.
double SubsidyOf(const CrossSubsidy::TariffShares& tariff) {
  double distances = 0;
  for (const CustomerShare& customer : tariff.customers) {
    if (IsShown(customer)) distances += std::abs(customer.of_bills - customer.of_peak);
  }
  return distances / 2;
}

}  // namespace

Section CrossSubsidySection(const CrossSubsidy& subsidy) {
  if (RangeOf(subsidy).empty) return {};
  std::vector<LegendEntry> legend;
  std::string sums = "Paid by others than those who cause it:";
  for (size_t i = 0; i < subsidy.tariffs.size(); ++i) {
    const CrossSubsidy::TariffShares& tariff = subsidy.tariffs[i];
    legend.push_back({tariff.tariff, SeriesClass(i), LegendEntry::Look::kMark, ShapeOf(i)});
    sums += (i == 0 ? " " : "; ") + FigureText(SubsidyOf(tariff), kShareUnit) + " of the bills under " + tariff.tariff;
  }
  legend.push_back({"pays what it causes", "rule"});
  return {
      "cross-subsidy",
      "Who pays, and who causes the peak",
      {"One mark per customer. Above the line a customer pays a larger share of the bills than its share of the "
       "load in the busiest moments, which is what capacity is bought for; below it others pay for it. Hollow marks "
       "on an edge have a share of zero there.",
       sums + "."},
      ChartHtml({"", legend,
                 [subsidy](Size size) {
                   return DrawShares(subsidy, {size.width, size.IsNarrow() ? 340.0 : 480.0});
                 },
                 SharesTable(subsidy)})};
}

}  // namespace penstock::sim::report
