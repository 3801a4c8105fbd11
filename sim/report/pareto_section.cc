#include "sim/report/pareto_section.h"

#include <algorithm>
#include <cmath>

namespace penstock::sim::report {
namespace {

using Kind = ParetoCandidate::Kind;

bool IsFinite(const ParetoCandidate& candidate) {
  return std::isfinite(candidate.revenue) && std::isfinite(candidate.cross_subsidy);
}

struct Look {
  Shape shape;
  double radius;
  std::string_view classes;
};

Look LookOf(const ParetoCandidate& candidate) {
  if (candidate.kind == Kind::kWinner) return {Shape::kDiamond, 6.5, "s1"};
  if (candidate.kind == Kind::kBaseline) return {Shape::kSquare, 5, candidate.feasible ? "s0" : "s0 hollow"};
  if (!candidate.feasible) return {Shape::kCross, 3, "muted"};
  return {Shape::kCircle, 3, "s2 faint"};
}

std::string_view KindText(Kind kind) {
  if (kind == Kind::kWinner) return "chosen";
  return kind == Kind::kBaseline ? "baseline" : "searched";
}

std::string TitleOf(const ParetoCandidate& candidate, const Unit& revenue) {
  return candidate.name + "\nrevenue: " + FigureText(candidate.revenue, revenue) +
         "\ncross-subsidy: " + FigureText(candidate.cross_subsidy, {Measure::kShare, ""}) +
         (candidate.feasible ? "" : "\nbreaks a constraint");
}

// From front to front in steps: between two points nothing better than the worse of both is known.
std::vector<Point> StepsOf(const std::vector<Point>& front) {
  std::vector<Point> steps;
  for (const Point& point : front) {
    if (!steps.empty()) steps.push_back({point.x, steps.back().y});
    steps.push_back(point);
  }
  return steps;
}

// The searched ones first, so that those with a name lie on top.
std::vector<ParetoCandidate> InDrawingOrder(const ParetoFront& front) {
  std::vector<ParetoCandidate> candidates;
  std::copy_if(front.candidates.begin(), front.candidates.end(), std::back_inserter(candidates), IsFinite);
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) { return a.kind < b.kind; });
  return candidates;
}

// The revenue below which nothing is drawn: a search tries many poor tariffs, and the picture is about the good ones.
// All that has a name, all of the front and three quarters of the rest are above.
double LeastShown(const std::vector<ParetoCandidate>& candidates) {
  std::vector<double> searched;
  double least = HUGE_VAL;
  for (const Point& point : FrontOf(candidates)) least = std::min(least, point.y);
  for (const ParetoCandidate& candidate : candidates) {
    if (candidate.kind != Kind::kSearched) least = std::min(least, candidate.revenue);
    if (candidate.kind == Kind::kSearched) searched.push_back(candidate.revenue);
  }
  std::sort(searched.begin(), searched.end());
  return searched.empty() ? least : std::min(least, searched[searched.size() / 4]);
}

std::string DrawFront(const ParetoFront& front, Size size) {
  const std::vector<ParetoCandidate> candidates = InDrawingOrder(front);
  Range x;
  Range y;
  const double least = LeastShown(candidates);
  for (const ParetoCandidate& candidate : candidates) {
    if (candidate.revenue < least) continue;
    x.Include(candidate.cross_subsidy);
    y.Include(candidate.revenue);
  }
  const bool narrow = size.IsNarrow();
  Plot plot(size, Axis::Linear("Cross-subsidy (less is better)", {Measure::kShare, ""}, x, narrow ? 4 : 8),
            Axis::Linear("Revenue, " + front.revenue.name + " (more is better)", front.revenue, y, 5));
  plot.Line(StepsOf(FrontOf(candidates)), "front");
  for (const ParetoCandidate& candidate : candidates) {
    if (candidate.revenue < least) continue;
    const Point at{candidate.cross_subsidy, candidate.revenue};
    const Look look = LookOf(candidate);
    plot.Mark(at, look.shape, look.radius, look.classes, TitleOf(candidate, front.revenue));
    if (candidate.kind != Kind::kSearched) plot.Avoid(at, look.radius + 3);
  }
  for (auto candidate = candidates.rbegin(); candidate != candidates.rend(); ++candidate) {
    if (candidate->kind == Kind::kSearched) break;
    const bool winner = candidate->kind == Kind::kWinner;
    plot.Label({candidate->cross_subsidy, candidate->revenue}, candidate->name, winner ? "label strong" : "label");
  }
  return plot.Svg("Revenue against cross-subsidy of the tariffs");
}

std::string NotShown(const ParetoFront& front) {
  const std::vector<ParetoCandidate> candidates = InDrawingOrder(front);
  const double least = LeastShown(candidates);
  const auto below = std::count_if(candidates.begin(), candidates.end(),
                                   [least](const ParetoCandidate& candidate) { return candidate.revenue < least; });
  if (below == 0) return "";
  return " " + Decimals(static_cast<double>(below), 0) + " with less revenue than the picture shows are left out.";
}

// The front and what has a name; a search tries too many for a table.
Table FrontTable(const ParetoFront& front) {
  Table table{{{"Tariff", false}, {"Kind", false}, {"Cross-subsidy"}, {"Revenue"}, {"Constraints", false}}, {}};
  std::vector<ParetoCandidate> candidates = InDrawingOrder(front);
  const std::vector<Point> best = FrontOf(candidates);
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const auto& a, const auto& b) { return a.cross_subsidy < b.cross_subsidy; });
  for (const ParetoCandidate& candidate : candidates) {
    const bool on_front =
        candidate.feasible &&
        std::find(best.begin(), best.end(), Point{candidate.cross_subsidy, candidate.revenue}) != best.end();
    if (!on_front && candidate.kind == Kind::kSearched) continue;
    table.rows.push_back({candidate.name, std::string(KindText(candidate.kind)) + (on_front ? ", on the front" : ""),
                          FigureText(candidate.cross_subsidy, {Measure::kShare, ""}),
                          FigureText(candidate.revenue, front.revenue), candidate.feasible ? "kept" : "broken"});
  }
  return table;
}

std::vector<LegendEntry> FrontLegend() {
  using enum LegendEntry::Look;
  return {{"chosen", "s1", kMark, Shape::kDiamond},
          {"baseline", "s0", kMark, Shape::kSquare},
          {"searched", "s2", kMark, Shape::kCircle},
          {"breaks a constraint (baselines: hollow)", "muted", kMark, Shape::kCross},
          {"front: the best that was found", "front", kLine}};
}

}  // namespace

std::vector<Point> FrontOf(const std::vector<ParetoCandidate>& candidates) {
  std::vector<Point> feasible;
  for (const ParetoCandidate& candidate : candidates) {
    if (candidate.feasible && IsFinite(candidate)) feasible.push_back({candidate.cross_subsidy, candidate.revenue});
  }
  std::sort(feasible.begin(), feasible.end(),
            [](const Point& a, const Point& b) { return a.x != b.x ? a.x < b.x : a.y > b.y; });
  std::vector<Point> front;
  for (const Point& point : feasible) {
    if (front.empty() || point.y > front.back().y) front.push_back(point);
  }
  return front;
}

Section ParetoSection(const ParetoFront& front) {
  if (std::none_of(front.candidates.begin(), front.candidates.end(), IsFinite)) return {};
  const auto tried = static_cast<double>(front.candidates.size());
  const auto infeasible = std::count_if(front.candidates.begin(), front.candidates.end(),
                                        [](const ParetoCandidate& candidate) { return !candidate.feasible; });
  return {"pareto",
          "Revenue against cross-subsidy",
          {"The chosen tariff, the baselines and what the search found besides: " + Decimals(tried, 0) +
           " tariffs, of which " +
           Decimals(static_cast<double>(infeasible), 0) +
           " break a constraint. Up is more revenue, left is fairer: a customer's share of the bills is nearer to its "
           "share of the busiest moments." +
           NotShown(front)},
          ChartHtml({"", FrontLegend(), [front](Size size) { return DrawFront(front, size); }, FrontTable(front)})};
}

}  // namespace penstock::sim::report
