#include "sim/commands/tune_view.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "broker/cli/table.h"
#include "sim/commands/figures_text.h"

namespace penstock::sim {
namespace {

using cli::Table;
using nlohmann::ordered_json;
using Align = Table::Align;

std::string ObjectiveText(Objective objective) {
  return absl::StrReplaceAll(std::string(Name(objective)), {{"_", " "}});
}

std::string RenderStandings(const TuneFindings& findings, bool colour) {
  const std::string unit = UnitOf(findings.terms.objective, findings.scenarios.training.settings.tariff.currency);
  Table table({{absl::StrCat("on hold-out, ", unit)},
               {ObjectiveText(findings.terms.objective), Align::kRight},
               {"tuned makes more", Align::kRight},
               {"cross-subsidy", Align::kRight},
               {"in time", Align::kRight},
               {"keeps constraints"}});
  double largest = std::fabs(findings.result.winner.held_out_value.mean);
  for (const Standing& baseline : findings.result.baselines) {
    largest = std::max(largest, std::fabs(baseline.held_out_value.mean));
  }
  const int decimals = DecimalsFor(largest);
  const auto add = [&](const std::string& name, const Standing& standing, bool is_winner) {
    table.AddRow({name, WithInterval(standing.held_out_value, decimals),
                  is_winner ? "" : WithInterval(standing.winner_gains_held_out, decimals),
                  Percent(standing.held_out_cross_subsidy, 1), Percent(standing.held_out_service_level, 2),
                  standing.held_out_shortfall <= 0 ? "yes"
                  : standing.clearly_misses        ? "no"
                                                   : "perhaps"},
                 is_winner ? Table::Emphasis::kStrong : Table::Emphasis::kPlain);
  };
  add("tuned", findings.result.winner, true);
  for (const Standing& baseline : findings.result.baselines) add(baseline.tariff.family, baseline, false);
  return table.Render(colour);
}

std::string RenderTariff(const TuneFindings& findings, bool colour) {
  Table table({{"the tuned tariff"}, {""}});
  for (const AxisReading& reading : findings.result.winner.tariff.reading) table.AddRow({reading.name, reading.value});
  return table.Render(colour);
}

std::string WordOf(Outcome outcome) {
  if (outcome == Outcome::kWins) return "wins";
  return outcome == Outcome::kLoses ? "LOSES" : "cannot tell";
}

std::string RenderSweep(const TuneFindings& findings, bool colour) {
  if (findings.sweep.empty()) return "";
  Table table({{"elasticity", Align::kRight},
               {"flat", Align::kRight},
               {"tuned", Align::kRight},
               {"tuned makes more", Align::kRight},
               {"cross-subsidy, points more", Align::kRight},
               {""}});
  for (const SweepStep& step : findings.sweep) {
    const Standing& flat = step.flat;
    const int decimals = DecimalsFor(std::max(flat.held_out_value.mean, step.tuned.held_out_value.mean));
    const std::string note = ConstraintsNote(step);
    const Estimate& points = flat.winner_cross_subsidy_more;
    table.AddRow({Grouped(step.elasticity, 2), WithInterval(flat.held_out_value, decimals),
                  WithInterval(step.tuned.held_out_value, decimals), WithInterval(flat.winner_gains_held_out, decimals),
                  WithInterval({points.mean * 100, points.half_width * 100, points.count}, 1),
                  absl::StrCat(WordOf(flat.outcome), note.empty() ? "" : ": ", note)});
  }
  return absl::StrCat("\nTuned again for each elasticity, against the best flat price for it, on hold-out:\n",
                      table.Render(colour));
}

constexpr const char* kOutcomeKeys[] = {"wins", "undecided", "loses"};  // by Outcome

ordered_json Json(const Estimate& estimate) {
  ordered_json json{{"mean", estimate.mean}};
  if (std::isfinite(estimate.half_width)) json["half_width"] = estimate.half_width;
  return json;
}

ordered_json Json(const std::string& name, const Standing& standing, bool is_winner) {
  ordered_json json{{"name", name},
                    {"objective", Json(standing.held_out_value)},
                    {"objective_in_training", Json(standing.training_value)},
                    {"cross_subsidy", Json(standing.held_out_cross_subsidy)},
                    {"service_level", Json(standing.held_out_service_level)},
                    {"keeps_constraints", standing.held_out_shortfall <= 0},
                    {"clearly_misses_constraints", standing.clearly_misses}};
  if (!is_winner) {
    json["winner_gains"] = Json(standing.winner_gains_held_out);
    json["winner_cross_subsidy_more"] = Json(standing.winner_cross_subsidy_more);
    json["outcome"] = kOutcomeKeys[static_cast<size_t>(standing.outcome)];
    json["verdict"] = standing.verdict;
  }
  return json;
}

}  // namespace

std::string RenderTune(const TuneFindings& findings, const std::string& out, bool colour) {
  const TuneResult& result = findings.result;
  const TariffComparison& comparison = findings.comparison;
  std::string text =
      absl::StrCat(findings.scenarios.training.name, ": ", result.evaluations, " evaluations\n\n",
                   RenderStandings(findings, colour), "\n", RenderTariff(findings, colour), "\n", result.verdict, "\n");
  absl::StrAppend(&text, "Against the best flat price ", comparison.pay_less, " of ", comparison.customers.size(),
                  " customers pay less and ", comparison.pay_more,
                  " pay more; what changes for the others may be chance (", Grouped(findings.terms.confidence * 100, 0),
                  " %).\n");
  absl::StrAppend(&text, "How alike the screen and the full model rank ", findings.terms.rank_points,
                  " tariffs (Spearman, 1: the same): ", Grouped(result.rank_correlation, 3), "\n",
                  RenderSweep(findings, colour));
  absl::StrAppend(&text, "\nwrote ", out, "/tariff.yaml, report.html, findings.json, manifest.json\n",
                  findings.scenarios.training.attribution, "\n");
  return text;
}

std::string TuneJson(const TuneFindings& findings) {
  const TuneResult& result = findings.result;
  ordered_json json{{"scenario", findings.scenarios.training.name},
                    {"objective", std::string(Name(findings.terms.objective))},
                    {"confidence", findings.terms.confidence},
                    {"evaluations", result.evaluations},
                    {"verdict", result.verdict},
                    {"rank_correlation", result.rank_correlation},
                    {"winner", Json("tuned", result.winner, true)}};
  ordered_json readings = ordered_json::object();
  for (const AxisReading& reading : result.winner.tariff.reading) readings[reading.name] = reading.value;
  json["tariff"] = readings;
  json["baselines"] = ordered_json::array();
  for (const Standing& baseline : result.baselines)
    json["baselines"].push_back(Json(baseline.tariff.family, baseline, false));
  json["sweep"] = ordered_json::array();
  for (const SweepStep& step : findings.sweep) {
    json["sweep"].push_back({{"elasticity", step.elasticity},
                             {"tuned", Json("tuned", step.tuned, true)},
                             {"flat", Json(step.flat.tariff.family, step.flat, false)}});
  }
  return json.dump(2) + "\n";
}

}  // namespace penstock::sim
