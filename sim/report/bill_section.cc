#include "sim/report/bill_section.h"

#include <algorithm>
#include <cmath>

namespace penstock::sim::report {
namespace {

constexpr double kCut = 2;           // a bar ends at +200 %: one bill that was nearly nothing must not flatten the rest
constexpr double kUnchanged = 5e-4;  // below a twentieth of a percent either way

struct Change {
  BillChange bill;
  double share;  // of the bill before: +0.1 is 10 % more; infinite where there was none
};

std::vector<Change> ByChange(const BillImpact& impact) {
  std::vector<Change> changes;
  for (const BillChange& bill : impact.changes) {
    if (!std::isfinite(bill.before) || !std::isfinite(bill.after)) continue;
    const bool was_nothing = bill.before <= 0;
    const double share = was_nothing ? (bill.after > 0 ? HUGE_VAL : 0) : bill.after / bill.before - 1;
    changes.push_back({bill, share});
  }
  std::stable_sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) { return a.share < b.share; });
  return changes;
}

std::string ShareText(double share) {
  if (!std::isfinite(share)) return "new bill";
  return FigureText(share, {Measure::kShare, ""}, Sign::kAlways);
}

std::string TitleOf(const Change& change, const Unit& unit) {
  return change.bill.customer + ": " + ShareText(change.share) + "\n" + FigureText(change.bill.before, unit) + " → " +
         FigureText(change.bill.after, unit);
}

std::string_view LookOf(double share) {
  if (std::abs(share) < kUnchanged) return "muted";
  return share < 0 ? "s0" : "s1";
}

std::string DrawChanges(const std::vector<Change>& changes, const Unit& unit, Size size) {
  Range y;
  y.Include(0);
  for (const Change& change : changes) y.Include(std::clamp(change.share, -1.0, kCut));
  const Range x{0, static_cast<double>(changes.size()), false};
  Plot plot(size,
            Axis::LinearTight("Customers, from the largest saving to the largest rise", {}, x, size.IsNarrow() ? 4 : 8),
            Axis::Linear("Change of the bill", {Measure::kShare, ""}, y, 6));
  const double gap = changes.size() > 60 ? 0.05 : 0.12;
  for (size_t i = 0; i < changes.size(); ++i) {
    const auto at = static_cast<double>(i);
    const double to = std::min(changes[i].share, kCut);
    plot.Column(at + gap, at + 1 - gap, 0, to, LookOf(changes[i].share), TitleOf(changes[i], unit));
    if (changes[i].share > kCut)
      plot.Mark({at + 0.5, kCut}, Shape::kTriangle, changes.size() > 60 ? 2.5 : 4, "s1", TitleOf(changes[i], unit));
  }
  return plot.Svg("Change of every customer's bill, sorted");
}

Table ChangesTable(const std::vector<Change>& changes, const BillImpact& impact) {
  Table table{{{"Customer", false},
               {impact.before + ", " + impact.unit.name},
               {impact.after + ", " + impact.unit.name},
               {"Change, " + impact.unit.name},
               {"Change"}},
              {}};
  for (const Change& change : changes) {
    const BillChange& bill = change.bill;
    table.rows.push_back({bill.customer, Decimals(bill.before, 2), Decimals(bill.after, 2),
                          Decimals(bill.after - bill.before, 2, Sign::kAlways), ShareText(change.share)});
  }
  return table;
}

std::string Counted(std::ptrdiff_t count) { return Decimals(static_cast<double>(count), 0); }

std::string Counts(const std::vector<Change>& changes, const BillImpact& impact) {
  const auto count = [&](auto holds) { return std::count_if(changes.begin(), changes.end(), holds); };
  const auto less = count([](const Change& c) { return c.share <= -kUnchanged; });
  const auto more = count([](const Change& c) { return c.share >= kUnchanged; });
  const auto much_more = count([](const Change& c) { return c.share > 0.1; });
  const auto cut = count([](const Change& c) { return c.share > kCut; });
  std::string text = "From " + impact.before + " to " + impact.after + ": " + Counted(less) + " of " +
                     Counted(static_cast<std::ptrdiff_t>(changes.size())) + " customers pay less, " + Counted(more) +
                     " pay more (" + Counted(much_more) + " by more than 10 %), " +
                     Counted(static_cast<std::ptrdiff_t>(changes.size()) - less - more) + " the same.";
  if (cut > 0) text += " Bars with a triangle (" + Counted(cut) + ") go beyond +200 %, or had no bill before.";
  return text;
}

}  // namespace

Section BillImpactSection(const BillImpact& impact) {
  const std::vector<Change> changes = ByChange(impact);
  if (changes.empty()) return {};
  using enum LegendEntry::Look;
  const Unit unit = impact.unit;
  return {"bill-impact",
          "Winners and losers",
          {Counts(changes, impact)},
          ChartHtml({"",
                     {{"pays less", "s0", kBox}, {"pays more", "s1", kBox}},
                     [changes, unit](Size size) { return DrawChanges(changes, unit, size); },
                     ChangesTable(changes, impact)})};
}

}  // namespace penstock::sim::report
