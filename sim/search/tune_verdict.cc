#include "sim/search/tune_verdict.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_replace.h>

#include <cmath>
#include <vector>

namespace penstock::sim {
namespace {

bool Excludes0(const Estimate& estimate) { return std::fabs(estimate.mean) > estimate.half_width; }

// "12.3 ± 4.5 more".
std::string Text(const Estimate& estimate) {
  return absl::StrFormat("%.4g ± %.2g %s", std::fabs(estimate.mean), estimate.half_width,
                         estimate.mean < 0 ? "less" : "more");
}

std::string ObjectiveText(Objective objective) {
  return absl::StrReplaceAll(std::string(Name(objective)), {{"_per_", " per unit of "}});
}

std::string Versus(const TuneTerms& terms, const Standing& winner, const Standing& baseline) {
  const bool winner_keeps = winner.held_out_shortfall <= 0;
  const bool baseline_keeps = baseline.held_out_shortfall <= 0;
  const std::string& name = baseline.tariff.family;
  const std::string gain = absl::StrCat(" (", ObjectiveText(terms.objective), ": ", Text(baseline.winner_gains_held_out),
                                        absl::StrFormat(", %g %%)", terms.confidence * 100));
  if (winner_keeps && !baseline_keeps) {
    return absl::StrCat("on hold-out, ", name, " misses the constraints, which the tuned tariff keeps", gain);
  }
  if (!winner_keeps && baseline_keeps) {
    return absl::StrCat("on hold-out, the tuned tariff does not beat ", name,
                        ": it misses the constraints, which that keeps", gain);
  }
  if (!Excludes0(baseline.winner_gains_held_out)) {
    return absl::StrCat("the tuned tariff does not beat ", name, " on hold-out", gain);
  }
  if (baseline.winner_gains_held_out.mean < 0) {
    return absl::StrCat("the tuned tariff does not beat ", name, " on hold-out, it loses to it", gain);
  }
  return absl::StrCat("the tuned tariff beats ", name, " on hold-out", gain);
}

// Whether the winner is clearly better, constraints first.
bool Beats(const Standing& winner, const Standing& baseline) {
  const bool winner_keeps = winner.held_out_shortfall <= 0;
  const bool baseline_keeps = baseline.held_out_shortfall <= 0;
  if (winner_keeps != baseline_keeps) return winner_keeps;
  return Excludes0(baseline.winner_gains_held_out) && baseline.winner_gains_held_out.mean > 0;
}

}  // namespace

void AddVerdicts(const TuneTerms& terms, TuneResult& result) {
  std::string unbeaten;
  for (Standing& baseline : result.baselines) {
    baseline.verdict = Versus(terms, result.winner, baseline);
    if (Beats(result.winner, baseline)) continue;
    absl::StrAppend(&unbeaten, unbeaten.empty() ? "" : ", ", baseline.tariff.family);
  }
  result.verdict = unbeaten.empty() ? "The tuned tariff beats every baseline on hold-out."
                                    : absl::StrCat("The tuned tariff does not beat ", unbeaten, " on hold-out.");
  if (result.winner.held_out_shortfall > 0) {
    absl::StrAppend(&result.verdict,
                    absl::StrFormat(" It misses the constraints there by %.2g.", result.winner.held_out_shortfall));
  }
  result.winner.verdict = result.verdict;
}

}  // namespace penstock::sim
