#include "sim/report/sweep_section.h"

#include <algorithm>
#include <cmath>

namespace penstock::sim::report {
namespace {

using Step = ElasticitySweep::Step;

std::vector<Step> ByElasticity(const ElasticitySweep& sweep) {
  std::vector<Step> steps;
  for (const Step& step : sweep.steps) {
    if (std::isfinite(step.elasticity) && std::isfinite(step.difference.mean)) steps.push_back(step);
  }
  std::stable_sort(steps.begin(), steps.end(),
                   [](const Step& a, const Step& b) { return a.elasticity < b.elasticity; });
  return steps;
}

SweepOutcome OutcomeAt(const ElasticitySweep& sweep, const Step& step) {
  return step.decided.value_or(OutcomeOf(step.difference, sweep.more_is_better));
}

std::string ElasticityText(double elasticity) {
  const std::string text = Decimals(elasticity, 2);
  return text.ends_with("0") ? text.substr(0, text.size() - 1) : text;
}

std::string_view WordOf(SweepOutcome outcome) {
  if (outcome == SweepOutcome::kWins) return "wins";
  return outcome == SweepOutcome::kLoses ? "loses" : "not decided";
}

struct Look {
  Shape shape;
  std::string_view classes;
};

Look LookOf(SweepOutcome outcome) {
  if (outcome == SweepOutcome::kWins) return {Shape::kCircle, "s0"};
  if (outcome == SweepOutcome::kLoses) return {Shape::kDownTriangle, "s1"};
  return {Shape::kSquare, "s0 hollow"};
}

std::string DrawSweep(const ElasticitySweep& sweep, Size size) {
  const std::vector<Step> steps = ByElasticity(sweep);
  Range x;
  Range y;
  y.Include(0);
  for (const Step& step : steps) {
    x.Include(step.elasticity);
    y.Include(step.difference.mean);
    y.Include(step.difference.mean - step.difference.half_width);
    y.Include(step.difference.mean + step.difference.half_width);
  }
  const double margin = x.high > x.low ? (x.high - x.low) * 0.06 : 0.1;
  const Range with_margin{x.low - margin, x.high + margin, false};
  Plot plot(size, Axis::LinearTight("Elasticity that is assumed", {}, with_margin, size.IsNarrow() ? 5 : 9),
            Axis::Linear("Tuned less " + sweep.baseline + (sweep.unit.name.empty() ? "" : ", " + sweep.unit.name),
                         sweep.unit, y, 5));
  for (const Step& step : steps) {
    const Estimate& difference = step.difference;
    const SweepOutcome outcome = OutcomeAt(sweep, step);
    const Look look = LookOf(outcome);
    if (std::isfinite(difference.half_width)) {
      plot.Interval(step.elasticity, difference.mean - difference.half_width, difference.mean + difference.half_width,
                    look.classes);
    }
    plot.Mark({step.elasticity, difference.mean}, look.shape, 5.5, look.classes,
              "elasticity " + ElasticityText(step.elasticity) + ": " +
                  EstimateText(difference, sweep.unit, Sign::kAlways) + ", " + std::string(WordOf(outcome)));
    plot.Avoid({step.elasticity, difference.mean}, 8);
    if (outcome == SweepOutcome::kLoses) plot.Label({step.elasticity, difference.mean}, "loses", "label strong");
  }
  return plot.Svg(sweep.figure + ": difference between tuned and " + sweep.baseline + " per elasticity");
}

Table SweepTable(const ElasticitySweep& sweep) {
  Table table{{{"Elasticity"}, {"Tuned less " + sweep.baseline}, {"Runs"}, {"", false}}, {}};
  for (const Step& step : ByElasticity(sweep)) {
    table.rows.push_back({ElasticityText(step.elasticity), EstimateText(step.difference, sweep.unit, Sign::kAlways),
                          Decimals(static_cast<double>(step.difference.count), 0),
                          std::string(WordOf(OutcomeAt(sweep, step))) + (step.note.empty() ? "" : ": " + step.note)});
  }
  return table;
}

// "wins at 4 of 6 elasticities, loses at 1 (−0.20), not decided at 1".
std::string Counts(const ElasticitySweep& sweep) {
  const std::vector<Step> steps = ByElasticity(sweep);
  size_t wins = 0;
  size_t loses = 0;
  std::string where;
  for (const Step& step : steps) {
    const SweepOutcome outcome = OutcomeAt(sweep, step);
    if (outcome == SweepOutcome::kWins) ++wins;
    if (outcome != SweepOutcome::kLoses) continue;
    ++loses;
    where += (where.empty() ? "" : ", ") + ElasticityText(step.elasticity);
  }
  const size_t undecided = steps.size() - wins - loses;
  const auto number = [](size_t count) { return Decimals(static_cast<double>(count), 0); };
  return sweep.figure + ": the tuned tariff wins against " + sweep.baseline + " at " + number(wins) + " of " +
         number(steps.size()) + " elasticities" +
         (loses == 0 ? "" : ", loses at " + number(loses) + " (" + where + ")") +
         (undecided == 0 ? "" : ", is not told apart at " + number(undecided)) + ".";
}

std::vector<LegendEntry> SweepLegend() {
  using enum LegendEntry::Look;
  return {{"wins", "s0", kMark, Shape::kCircle},
          {"not decided: the interval holds zero", "s0 hollow", kMark, Shape::kSquare},
          {"loses", "s1", kMark, Shape::kDownTriangle}};
}

}  // namespace

SweepOutcome OutcomeOf(const Estimate& difference, bool more_is_better) {
  const double mean = more_is_better ? difference.mean : -difference.mean;
  if (mean - difference.half_width > 0) return SweepOutcome::kWins;
  return mean + difference.half_width < 0 ? SweepOutcome::kLoses : SweepOutcome::kUndecided;
}

Section SweepSection(const std::vector<ElasticitySweep>& sweeps) {
  Section section{"sweep", "Over all elasticities", {}, ""};
  for (const ElasticitySweep& sweep : sweeps) {
    if (ByElasticity(sweep).empty()) continue;
    section.paragraphs.push_back(Counts(sweep));
    section.body += ChartHtml(
        {sweep.figure, SweepLegend(), [sweep](Size size) { return DrawSweep(sweep, size); }, SweepTable(sweep)});
  }
  if (!section.body.empty()) {
    section.paragraphs.push_back(
        "Bars are intervals of the paired difference: both tariffs saw the same customers with the same luck.");
  }
  return section;
}

}  // namespace penstock::sim::report
