#include "sim/commands/tune_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sim/commands/figures_text.h"
#include "sim/commands/run_report.h"
#include "sim/demand/load_profile.h"
#include "sim/demand/volume_curve.h"
#include "sim/tariffs/rule_comparison.h"

namespace penstock::sim {
namespace {

using report::Measure;
using report::Unit;

constexpr std::array<double, 5> kElasticities = {0.5, 0.8, 1.2, 1.6, 2.0};
constexpr int kPricePoints = 60;

std::string Currency(const TuneFindings& findings) { return findings.scenarios.training.settings.tariff.currency; }

Unit ObjectiveUnit(const TuneFindings& findings) {
  const bool by_capacity = findings.terms.objective == Objective::kRevenuePerCapacity;
  return {Measure::kMoney, absl::StrCat(Currency(findings), by_capacity ? " per nt/s" : "")};
}

std::string ObjectiveWords(Objective objective) {
  switch (objective) {
    case Objective::kRevenue:
      return "Revenue";
    case Objective::kProfit:
      return "Revenue less capacity";
    case Objective::kWelfare:
      return "Welfare";
    case Objective::kRevenuePerCapacity:
      return "Revenue per unit of capacity";
  }
  return "";
}

std::string Capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

const Standing& Flat(const TuneResult& result) { return result.baselines.front(); }

report::Verdict VerdictOf(const TuneFindings& findings) {
  const TuneResult& result = findings.result;
  report::Verdict verdict;
  const bool all = result.verdict.starts_with("The tuned tariff beats every");
  const bool loses = std::any_of(result.baselines.begin(), result.baselines.end(),
                                 [](const Standing& baseline) { return baseline.outcome == Outcome::kLoses; });
  verdict.finding = all                                               ? report::Finding::kBetter
                    : loses || Flat(result).outcome != Outcome::kWins ? report::Finding::kNotBetter
                                                                      : report::Finding::kUndecided;
  verdict.headline = result.verdict;
  for (const Standing& baseline : result.baselines) verdict.paragraphs.push_back(Capitalised(baseline.verdict) + ".");
  verdict.paragraphs.push_back(
      "Simple tariffs have one parameter, whose best is found to the end on the screen; random search has as many "
      "evaluations as the tuned one. What customers would do at other prices is assumed: see the sweep.");
  return verdict;
}

std::vector<report::KeyFigure> KeyFigures(const TuneFindings& findings) {
  const Standing& winner = findings.result.winner;
  const Standing& flat = Flat(findings.result);
  const Unit objective = ObjectiveUnit(findings);
  const auto flat_note = [](const std::string& value) { return absl::StrCat("flat price: ", value); };
  return {{ObjectiveWords(findings.terms.objective), objective, winner.held_out_value,
           flat_note(report::FigureText(flat.held_out_value.mean, objective))},
          {"More than the best flat price", objective, flat.winner_gains_held_out, "paired by seed, hold-out days"},
          {"Cross-subsidy",
           {Measure::kShare, ""},
           winner.held_out_cross_subsidy,
           flat_note(report::FigureText(flat.held_out_cross_subsidy.mean, {Measure::kShare, ""}))},
          {"Served in time",
           {Measure::kShare, ""},
           winner.held_out_service_level,
           flat_note(report::FigureText(flat.held_out_service_level.mean, {Measure::kShare, ""}))}};
}

report::Comparison ComparisonOf(const TuneFindings& findings) {
  std::vector<const Standing*> all = {&findings.result.winner};
  for (const Standing& baseline : findings.result.baselines) all.push_back(&baseline);
  report::Comparison comparison;
  comparison.note = absl::StrCat("on hold-out: ", findings.terms.hold_out_seeds.size(),
                                 " seeds, traffic that nothing was fitted to, money of a month of 30 days");
  const auto row = [&](std::string name, Unit unit, const auto& value) {
    report::Comparison::Row added{std::move(name), std::move(unit), {}};
    for (const Standing* standing : all) added.values.push_back(value(*standing));
    comparison.rows.push_back(std::move(added));
  };
  const auto mean = [](double value) { return Estimate{.mean = value, .half_width = HUGE_VAL, .count = 1}; };
  for (const Standing* standing : all) {
    comparison.tariffs.push_back(standing == all.front() ? "tuned" : standing->tariff.family);
  }
  const Unit money{Measure::kMoney, Currency(findings)};
  const Unit share{Measure::kShare, ""};
  row(ObjectiveWords(findings.terms.objective), ObjectiveUnit(findings),
      [](const Standing& s) { return s.held_out_value; });
  row("Revenue", money, [&](const Standing& s) { return mean(s.held_out.revenue); });
  row("Welfare", money, [&](const Standing& s) { return mean(s.held_out.welfare); });
  row("Cross-subsidy", share, [](const Standing& s) { return s.held_out_cross_subsidy; });
  row("Served in time", share, [](const Standing& s) { return s.held_out_service_level; });
  row("Refused", share, [&](const Standing& s) { return mean(s.held_out.refused); });
  row("Capacity used", share, [&](const Standing& s) { return mean(s.held_out.utilisation); });
  row("Capacity used in the busiest minute", share,
      [&](const Standing& s) { return mean(s.held_out.peak_utilisation); });
  return comparison;
}

report::LoadDuration LoadOf(const TuneFindings& findings) {
  report::LoadDuration load;
  load.capacity =
      static_cast<double>(findings.scenarios.hold_out.settings.pools.front().terms.capacity.count()) / 1'000;
  for (const HeldOut* one : {&findings.tuned, &findings.flat}) {
    load.samples.push_back({one->name, one->first.figures.pools.front().load_nt_per_s});
  }
  return load;
}

double MeanLoad(const Scenario& scenario, const std::vector<Customer>& customers) {
  const BurndownRates& burndown = scenario.settings.pools.front().burndown;
  double work = 0;
  double seconds = 0;
  for (const Customer& customer : customers) {
    for (const double window : WorkOfWindows(customer.load, burndown)) work += window;
    seconds =
        static_cast<double>(customer.load.window.count()) / 1e9 * static_cast<double>(customer.load.requests.size());
  }
  return work / 1'000 / seconds;
}

report::PriceAndDemand PricesOf(const TuneFindings& findings) {
  const Scenario& scenario = findings.scenarios.hold_out;
  const double base = MeanLoad(scenario, findings.customers);
  const auto reference = static_cast<double>(scenario.population.demand.reference_price);
  report::PriceAndDemand prices;
  for (const double elasticity : kElasticities) {
    DemandTerms terms = scenario.population.demand;
    if (terms.volume == VolumeModel::kFixed) terms.volume = VolumeModel::kConstantElasticity;
    terms.elasticity = elasticity;
    const VolumeCurve curve(terms);
    report::Curve drawn{absl::StrCat("elasticity ", Grouped(elasticity, 1)), {}};
    for (int i = 1; i <= kPricePoints; ++i) {
      const double multiple = 4.0 * i / kPricePoints;
      drawn.points.push_back({multiple, base * curve.VolumeAt(multiple * reference)});
    }
    prices.curves.push_back(std::move(drawn));
  }
  double bills = 0;
  double work = 0;
  for (const Evaluation& evaluation : findings.tuned.evaluations) {
    for (const CustomerOutcome& customer : evaluation.customers) {
      bills += customer.bill;
      work += customer.work;
    }
  }
  // Currency units per nt against pico-units per milli-nt.
  if (work > 0) prices.chosen_multiple = bills / work / (reference * 1'000 / 1e12);
  return prices;
}

report::ParetoFront ParetoOf(const TuneFindings& findings) {
  using Kind = report::ParetoCandidate::Kind;
  report::ParetoFront front{.revenue = {Measure::kMoney, Currency(findings)}, .candidates = {}};
  const auto add = [&](const TunedTariff& tariff, Kind kind, const std::string& name) {
    front.candidates.push_back({.name = name,
                                .revenue = tariff.screen.revenue,
                                .cross_subsidy = tariff.screen.cross_subsidy,
                                .feasible = ShortfallOf(tariff.screen, findings.terms.constraints) <= 0,
                                .kind = kind});
  };
  for (const TunedTariff& tariff : findings.result.front) add(tariff, Kind::kSearched, "");
  for (const Standing& baseline : findings.result.baselines)
    add(baseline.tariff, Kind::kBaseline, baseline.tariff.family);
  add(findings.result.winner.tariff, Kind::kWinner, "tuned");
  return front;
}

report::Tornado TornadoOf(const TuneFindings& findings) {
  report::Tornado tornado{ObjectiveWords(findings.terms.objective), ObjectiveUnit(findings), {}};
  for (const TornadoBar& bar : findings.result.tornado) {
    tornado.bars.push_back({bar.winner.name, bar.low.value, bar.high.value,
                            bar.value_at_low - findings.result.winner_on_screen,
                            bar.value_at_high - findings.result.winner_on_screen});
  }
  return tornado;
}

report::RevenueByComponent RevenueOf(const TuneFindings& findings) {
  report::RevenueByComponent revenue;
  revenue.unit = {Measure::kMoney, Currency(findings)};
  for (const std::string_view kind : ledger::rating::kLineKindNames) revenue.components.emplace_back(kind);
  const auto add = [&](const std::string& name, const Evaluation& evaluation) {
    revenue.tariffs.push_back({name, {evaluation.by_component.begin(), evaluation.by_component.end()}});
  };
  add("tuned", findings.result.winner.held_out);
  for (const Standing& baseline : findings.result.baselines) add(baseline.tariff.family, baseline.held_out);
  return revenue;
}

report::BillImpact BillsOf(const TuneFindings& findings) {
  report::BillImpact impact{findings.flat.name, findings.tuned.name, {Measure::kMoney, Currency(findings)}, {}};
  for (const BillImpact& bill : findings.comparison.customers) {
    impact.changes.push_back({bill.name, bill.first.mean, bill.second.mean});
  }
  return impact;
}

report::CrossSubsidy SubsidyOf(const TuneFindings& findings) {
  report::CrossSubsidy subsidy;
  for (const HeldOut* one : {&findings.tuned, &findings.flat}) {
    report::CrossSubsidy::TariffShares shares{absl::StrCat(one->name, ", first seed"), {}};
    const Evaluation& evaluation = one->evaluations.front();
    for (const CustomerOutcome& customer : evaluation.customers) {
      const double of_bills = evaluation.revenue > 0 ? customer.bill / evaluation.revenue : 0;
      shares.customers.push_back({customer.name, of_bills, customer.peak_share});
    }
    subsidy.tariffs.push_back(std::move(shares));
  }
  return subsidy;
}

std::vector<report::TimeChart> WaitsOf(const TuneFindings& findings) {
  using Which = planning::LatencyHistogram Times::*;
  const std::array<std::pair<const char*, Which>, 3> kinds = {{{"Wait for admission", &Times::wait},
                                                               {"Time to first token", &Times::first_token},
                                                               {"Latency", &Times::latency}}};
  std::vector<report::TimeChart> charts;
  for (const auto& [title, which] : kinds) {
    report::TimeChart chart{.title = title, .target_seconds = std::nullopt, .distributions = {}};
    if (which == &Times::wait) {
      chart.target_seconds = static_cast<double>(findings.scenarios.hold_out.target_wait.count()) / 1e9;
    }
    for (const HeldOut* one : {&findings.tuned, &findings.flat}) {
      for (size_t i = 0; i < kServiceClassCount; ++i) {
        report::TimeDistribution of = DistributionOf(absl::StrCat(std::string(kServiceClassNames[i]), ", ", one->name),
                                                     one->first.figures.classes[i].times.*which);
        if (!of.quantiles.empty()) chart.distributions.push_back(std::move(of));
      }
    }
    charts.push_back(std::move(chart));
  }
  return charts;
}

report::DemandRules RulesOf(const TuneFindings& findings) {
  const Scenario& scenario = findings.scenarios.hold_out;
  std::vector<ComparedLoad> loads;
  for (const Customer& customer : findings.customers) {
    loads.push_back({customer.name, WorkOfWindows(customer.load, scenario.settings.pools.front().burndown)});
  }
  const RuleComparison compared = CompareRules(loads, kProfileWindow);
  report::DemandRules rules;
  rules.groups = {"spiky (load factor below 0.1)", "smooth"};
  rules.customers = loads.size();
  rules.rows.push_back(
      {"Share of the work", {compared.spiky.volume_share, compared.smooth.volume_share}, false, {}, {}});
  rules.rows.push_back(
      {"Share of the busiest 1 %", {compared.spiky.peak_share, compared.smooth.peak_share}, false, {}, {}});
  for (size_t i = 0; i < kComparedRules; ++i) {
    rules.rows.push_back({Capitalised(std::string(kComparedRuleNames[i])),
                          {compared.spiky.pays[i], compared.smooth.pays[i]},
                          true,
                          compared.spiky.pay_nothing[i] + compared.smooth.pay_nothing[i],
                          compared.cross_subsidy[i]});
  }
  return rules;
}

report::SearchProgress ProgressOf(const TuneFindings& findings) {
  report::SearchProgress progress{ObjectiveWords(findings.terms.objective), ObjectiveUnit(findings), {}, {}};
  report::Curve curve{"tuned", {}};
  for (const HistoryPoint& point : findings.result.history) {
    if (!point.best) continue;
    if (!curve.points.empty() && curve.points.back().y == *point.best) continue;
    curve.points.push_back({static_cast<double>(point.evaluations), *point.best});
  }
  // The best of the first evaluations may stay the best: a line to the last ones.
  const auto last =
      findings.result.history.empty() ? 0 : static_cast<double>(findings.result.history.back().evaluations);
  if (!curve.points.empty() && curve.points.back().x < last) curve.points.push_back({last, curve.points.back().y});
  if (curve.points.size() < 2) return progress;  // all in one go: nothing to draw
  progress.methods.push_back(std::move(curve));
  for (const Standing& baseline : findings.result.baselines) {
    progress.baselines.push_back({ValueOf(baseline.tariff.screen, findings.terms.objective), baseline.tariff.family});
  }
  return progress;
}

report::SweepOutcome OutcomeOf(const SweepStep& step) {
  if (step.flat.outcome == Outcome::kUndecided) return report::SweepOutcome::kUndecided;
  return step.flat.outcome == Outcome::kWins ? report::SweepOutcome::kWins : report::SweepOutcome::kLoses;
}

std::vector<report::ElasticitySweep> SweepsOf(const TuneFindings& findings) {
  if (findings.sweep.empty()) return {};
  report::ElasticitySweep gain{
      ObjectiveWords(findings.terms.objective), "the best flat price", ObjectiveUnit(findings), true, {}};
  report::ElasticitySweep subsidy{"Cross-subsidy", "the best flat price", {Measure::kShare, ""}, false, {}};
  for (const SweepStep& step : findings.sweep) {
    gain.steps.push_back({step.elasticity, step.flat.winner_gains_held_out, ConstraintsNote(step), OutcomeOf(step)});
    subsidy.steps.push_back({step.elasticity, step.flat.winner_cross_subsidy_more, "", std::nullopt});
  }
  return {gain, subsidy};
}

}  // namespace

std::string ConstraintsNote(const SweepStep& step) {
  const bool tuned = step.tuned.held_out_shortfall <= 0;
  const bool flat = step.flat.held_out_shortfall <= 0;
  if (tuned && flat) return "";
  if (!tuned && !flat) return "both miss the constraints on average";
  return tuned ? "the flat price misses the constraints on average" : "tuned misses the constraints on average";
}

std::string UnitOf(Objective objective, const std::string& currency) {
  return absl::StrCat(currency, objective == Objective::kRevenuePerCapacity ? " a month per nt/s" : " a month");
}

report::TuneReport TuneReportOf(const TuneFindings& findings) {
  const Scenario& training = findings.scenarios.training;
  report::TuneReport report;
  report.heading = absl::StrCat("Tariff search: ", training.name);
  report.subtitle = absl::StrCat(training.population.customers.size(), " customers, ",
                                 SecondsText(static_cast<double>(training.length.count()) / 1e9),
                                 " of training and as much of hold-out, ", findings.result.evaluations, " evaluations");
  report.verdict = VerdictOf(findings);
  report.key_figures = KeyFigures(findings);
  report.comparison = ComparisonOf(findings);
  report.tariff_yaml = findings.tariff_yaml;
  report.load_duration = LoadOf(findings);
  report.price_and_demand = PricesOf(findings);
  report.pareto = ParetoOf(findings);
  report.tornado = TornadoOf(findings);
  report.revenue = RevenueOf(findings);
  report.bills = BillsOf(findings);
  report.cross_subsidy = SubsidyOf(findings);
  report.waits = WaitsOf(findings);
  report.demand_rules = RulesOf(findings);
  report.progress = ProgressOf(findings);
  report.sweeps = SweepsOf(findings);
  report.provenance = findings.provenance;
  return report;
}

}  // namespace penstock::sim
