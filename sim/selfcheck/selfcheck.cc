#include "sim/selfcheck/selfcheck.h"

#include <algorithm>
#include <string_view>

#include "sim/selfcheck/experiment.h"
#include "sim/statistics/mean_interval.h"

namespace penstock::sim {
namespace {

// Of any cell at all. Less than the promised 0.01: t intervals of skewed figures miss a little more often than they
// say.
constexpr double kChanceOfFalseAlarm = 0.009;

bool IsAskedFor(const SelfcheckTerms& terms, std::string_view name) { return name.find(terms.cells) != name.npos; }

uint64_t HashOf(std::string_view text) {  // FNV-1a
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

Streams StreamsOf(uint64_t seed, const Experiment& experiment, size_t replication) {
  return Streams(Scramble(Scramble(seed) + HashOf(experiment.name)) + replication);
}

size_t CountCells(const std::vector<Experiment>& experiments) {
  size_t count = 0;
  for (const Experiment& experiment : experiments) count += experiment.cells.size();
  return count;
}

std::vector<Experiment> AskedFor(const SelfcheckTerms& terms, const std::vector<Experiment>& all) {
  std::vector<Experiment> asked_for;
  for (const Experiment& experiment : all) {
    const auto& cells = experiment.cells;
    const auto named = [&](const SimulatedCell& cell) { return IsAskedFor(terms, cell.name); };
    if (std::any_of(cells.begin(), cells.end(), named)) asked_for.push_back(experiment);
  }
  return asked_for;
}

/// By experiment and replication, what was measured for its cells.
using Figures = std::vector<std::vector<std::vector<double>>>;

Figures RunAll(const SelfcheckTerms& terms, const std::vector<Experiment>& experiments) {
  double whole = 0;
  for (const Experiment& experiment : experiments) {
    whole += static_cast<double>((experiment.warm_up + experiment.customers) * static_cast<int64_t>(kReplications));
  }
  Figures figures(experiments.size(), std::vector<std::vector<double>>(kReplications));
  terms.parallel(experiments.size() * kReplications, [&](size_t job) {
    const Experiment& experiment = experiments[job / kReplications];
    const size_t i = job % kReplications;
    figures[job / kReplications][i] = experiment.run({.streams = StreamsOf(terms.seed, experiment, i),
                                                      .warm_up = experiment.warm_up,
                                                      .customers = experiment.customers,
                                                      .nudge = terms.nudge});
    if (terms.progress) terms.progress(static_cast<double>(experiment.warm_up + experiment.customers) / whole);
  });
  return figures;
}

CheckedCell Judge(const Experiment& experiment, size_t index, const std::vector<std::vector<double>>& figures,
                  double confidence) {
  const SimulatedCell& cell = experiment.cells[index];
  std::vector<double> observations;
  for (const std::vector<double>& replication : figures) observations.push_back(replication[index]);
  const Estimate estimate = MeanEstimate(observations, confidence);
  return {.name = cell.name,
          .how = experiment.production ? CheckedCell::How::kProduction : CheckedCell::How::kSimulated,
          .expected = cell.expected,
          .at_least = cell.at_least,
          .measured = estimate.mean,
          .low = estimate.low(),
          .high = estimate.high(),
          .in = cell.at_least ? estimate.high() >= cell.expected : estimate.Covers(cell.expected),
          .feels_nudge = cell.feels_nudge,
          .customers = experiment.customers * static_cast<int64_t>(figures.size())};
}

CheckedCell Judge(const ComputedCell& cell) {
  CheckedCell checked{.name = cell.name,
                      .how = CheckedCell::How::kComputed,
                      .expected = cell.expected,
                      .measured = cell.computed,
                      .low = cell.computed - cell.tolerance,
                      .high = cell.computed + cell.tolerance};
  checked.in = checked.low <= cell.expected && cell.expected <= checked.high;
  return checked;
}

}  // namespace

bool SelfcheckResult::AllIn() const {
  return std::all_of(cells.begin(), cells.end(), [](const CheckedCell& cell) { return cell.in; });
}

SelfcheckResult RunSelfcheck(const SelfcheckTerms& terms) {
  const std::vector<Experiment> all = AllExperiments();
  SelfcheckResult result;
  result.confidence = 1 - kChanceOfFalseAlarm / static_cast<double>(CountCells(all));
  const std::vector<Experiment> experiments = AskedFor(terms, all);
  const Figures figures = RunAll(terms, experiments);
  for (size_t e = 0; e < experiments.size(); ++e) {
    for (size_t i = 0; i < experiments[e].cells.size(); ++i) {
      if (!IsAskedFor(terms, experiments[e].cells[i].name)) continue;
      result.cells.push_back(Judge(experiments[e], i, figures[e], result.confidence));
    }
  }
  for (const ComputedCell& cell : terms.computed) {
    if (IsAskedFor(terms, cell.name)) result.cells.push_back(Judge(cell));
  }
  return result;
}

}  // namespace penstock::sim
