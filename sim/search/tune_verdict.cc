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

// Whose mean breaks constraints that the other's keeps gains nothing by making more.
bool OnlyByBreaking(const Standing& more, const Standing& less) {
  return more.held_out_shortfall > 0 && less.held_out_shortfall <= 0;
}

Outcome OutcomeOf(const Standing& winner, const Standing& baseline) {
  if (winner.clearly_misses != baseline.clearly_misses) return winner.clearly_misses ? Outcome::kLoses : Outcome::kWins;
  if (!Excludes0(baseline.winner_gains_held_out)) return Outcome::kUndecided;
  if (baseline.winner_gains_held_out.mean > 0) {
    return OnlyByBreaking(winner, baseline) ? Outcome::kUndecided : Outcome::kWins;
  }
  return OnlyByBreaking(baseline, winner) ? Outcome::kUndecided : Outcome::kLoses;
}

std::string Versus(const TuneTerms& terms, const Standing& winner, const Standing& baseline) {
  const std::string& name = baseline.tariff.family;
  const std::string gain =
      absl::StrCat(" (", ObjectiveText(terms.objective), ": ", Text(baseline.winner_gains_held_out),
                   absl::StrFormat(", %g %%)", terms.confidence * 100));
  const bool by_objective = winner.clearly_misses == baseline.clearly_misses;
  if (baseline.outcome == Outcome::kWins) {
    if (by_objective) return absl::StrCat("the tuned tariff beats ", name, " on hold-out", gain);
    return absl::StrCat("on hold-out, ", name, " clearly misses the constraints, and the tuned tariff does not", gain);
  }
  if (baseline.outcome == Outcome::kLoses) {
    if (by_objective)
      return absl::StrCat("the tuned tariff does not beat ", name, " on hold-out, it loses to it", gain);
    return absl::StrCat("on hold-out, the tuned tariff does not beat ", name,
                        ": it clearly misses the constraints, and that does not", gain);
  }
  std::string why;
  if (OnlyByBreaking(winner, baseline)) why = ": on average it misses constraints that the other keeps";
  if (OnlyByBreaking(baseline, winner)) why = ", which on average misses constraints that it keeps";
  return absl::StrCat("the tuned tariff does not clearly beat ", name, " on hold-out", why, gain);
}

}  // namespace

void AddVerdicts(const TuneTerms& terms, TuneResult& result) {
  std::string unbeaten;
  for (Standing& baseline : result.baselines) {
    baseline.outcome = OutcomeOf(result.winner, baseline);
    baseline.verdict = Versus(terms, result.winner, baseline);
    if (baseline.outcome == Outcome::kWins) continue;
    absl::StrAppend(&unbeaten, unbeaten.empty() ? "" : ", ", baseline.tariff.family);
  }
  result.verdict = unbeaten.empty() ? "The tuned tariff beats every baseline on hold-out."
                                    : absl::StrCat("The tuned tariff does not beat ", unbeaten, " on hold-out.");
  if (result.winner.held_out_shortfall > 0) {
    absl::StrAppend(&result.verdict, absl::StrFormat(" It misses the constraints there by %.2g points%s.",
                                                     result.winner.held_out_shortfall * 100,
                                                     result.winner.clearly_misses ? "" : ", which may be chance"));
  }
  result.winner.verdict = result.verdict;
}

}  // namespace penstock::sim
