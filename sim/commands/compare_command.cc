#include "sim/commands/compare_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/table.h"
#include "broker/cli/terminal.h"
#include "sim/commands/figures_text.h"
#include "sim/commands/parallel.h"
#include "sim/commands/scenario_runs.h"
#include "sim/run/comparison.h"
#include "sim/run/summary.h"

namespace penstock::sim {
namespace {

using cli::Table;
using nlohmann::ordered_json;
using Align = Table::Align;

struct Options {
  ScenarioOptions scenario;
  std::vector<std::string> tariffs;
  int64_t tenants = 20;
  cli::Output output = cli::Output::kTable;
};

struct Compared {
  std::string scenario;
  std::string currency;
  std::vector<std::string> versions;  // of the two tariffs
  size_t seeds = 0;
  TariffComparison comparison;
};

std::string Cell(const Estimate& estimate, bool is_share, int decimals) {
  return is_share ? Percent(estimate, 2) : WithInterval(estimate, decimals);
}

/// Shares differ by points of percent, not by percent.
std::string DifferenceCell(Estimate difference, bool is_share, int decimals) {
  if (!is_share) return WithInterval(difference, decimals);
  difference.mean *= 100;
  difference.half_width *= 100;
  return absl::StrCat(WithInterval(difference, 2), " pp");
}

std::string RenderFigures(const Compared& compared, bool colour) {
  Table table({{absl::StrCat("a month, ", compared.currency)},
               {compared.versions[0], Align::kRight},
               {compared.versions[1], Align::kRight},
               {"difference", Align::kRight}});
  for (const PairedFigure& figure : compared.comparison.figures) {
    const int decimals = std::max(2, DecimalsFor(std::max(figure.first.mean, figure.second.mean)));
    table.AddRow({figure.name, Cell(figure.first, figure.is_share, decimals),
                  Cell(figure.second, figure.is_share, decimals),
                  DifferenceCell(figure.difference, figure.is_share, decimals)});
  }
  return table.Render(colour);
}

std::string PercentChange(const BillImpact& impact) {
  if (impact.first.mean <= 0) return impact.second.mean > 0 ? "new" : "-";
  const double change = (impact.second.mean - impact.first.mean) / impact.first.mean * 100;
  return absl::StrCat(change > 0 ? "+" : "", Grouped(change, 1), " %");
}

/// Under every seed.
bool PaysTheSame(const BillImpact& impact) {
  const bool varies = impact.difference.count > 1 && impact.difference.half_width > 0;
  return impact.difference.mean == 0 && !varies;
}

std::string VerdictText(const BillImpact& impact) {
  if (PaysTheSame(impact)) return "pays the same";
  switch (impact.verdict) {
    case BillImpact::Verdict::kPaysLess:
      return "pays less";
    case BillImpact::Verdict::kPaysMore:
      return "pays more";
    case BillImpact::Verdict::kCannotTell:
      return "cannot tell";
  }
  return "";
}

std::string RenderCustomers(const Compared& compared, size_t most, bool colour) {
  std::vector<BillImpact> customers = compared.comparison.customers;
  std::stable_sort(customers.begin(), customers.end(), [](const BillImpact& a, const BillImpact& b) {
    const double change_of_a = std::fabs(a.difference.mean);
    const double change_of_b = std::fabs(b.difference.mean);
    return change_of_a != change_of_b ? change_of_a > change_of_b : a.first.mean > b.first.mean;
  });
  Table table({{"customer"},
               {"load factor", Align::kRight},
               {"of the peak", Align::kRight},
               {compared.versions[0], Align::kRight},
               {compared.versions[1], Align::kRight},
               {"change", Align::kRight},
               {""}});
  for (size_t i = 0; i < std::min(most, customers.size()); ++i) {
    const BillImpact& impact = customers[i];
    table.AddRow({impact.name, Grouped(impact.load_factor, 2), Percent({.mean = impact.peak_share}, 1),
                  Grouped(impact.first.mean, 2), Grouped(impact.second.mean, 2), PercentChange(impact),
                  VerdictText(impact)});
  }
  std::string text = table.Render(colour);
  if (customers.size() > most)
    absl::StrAppend(&text, "and ", customers.size() - most, " more (--tenants, or -o json)\n");
  return text;
}

std::string Render(const Compared& compared, size_t most, bool colour) {
  const TariffComparison& comparison = compared.comparison;
  const auto same =
      static_cast<size_t>(std::count_if(comparison.customers.begin(), comparison.customers.end(), PaysTheSame));
  const size_t unknown = comparison.customers.size() - comparison.pay_less - comparison.pay_more - same;
  return absl::StrCat(compared.scenario, ": ", compared.versions[0], " against ", compared.versions[1], ", ",
                      compared.seeds, compared.seeds == 1 ? " seed" : " seeds",
                      ", the same customers and draws under both\n\n", RenderFigures(compared, colour), "\n",
                      RenderCustomers(compared, most, colour), "\n", comparison.pay_less, " of ",
                      comparison.customers.size(), " customers pay less, ", comparison.pay_more, " pay more, ", same,
                      " the same", unknown > 0 ? absl::StrCat(", ", unknown, " cannot be told") : "",
                      compared.seeds > 1 ? "; ± is the 95 % interval of means, and of differences seed by seed\n"
                                         : "; one seed: no intervals (--seeds)\n");
}

ordered_json Json(const Estimate& estimate) {
  ordered_json json{{"mean", estimate.mean}};
  if (estimate.count > 1) json["half_width"] = estimate.half_width;
  return json;
}

std::string RenderJson(const Compared& compared) {
  ordered_json json{{"scenario", compared.scenario}, {"first", compared.versions[0]}, {"second", compared.versions[1]},
                    {"seeds", compared.seeds},       {"confidence", kConfidence},     {"currency", compared.currency},
                    {"per", "month of 30 days"}};
  json["figures"] = ordered_json::array();
  for (const PairedFigure& figure : compared.comparison.figures) {
    json["figures"].push_back({{"name", figure.name},
                               {"first", Json(figure.first)},
                               {"second", Json(figure.second)},
                               {"difference", Json(figure.difference)}});
  }
  json["customers"] = ordered_json::array();
  for (const BillImpact& impact : compared.comparison.customers) {
    json["customers"].push_back({{"name", impact.name},
                                 {"load_factor", impact.load_factor},
                                 {"work_nt", impact.work},
                                 {"peak_share", impact.peak_share},
                                 {"bill_share_first", impact.share_first},
                                 {"bill_share_second", impact.share_second},
                                 {"first", Json(impact.first)},
                                 {"second", Json(impact.second)},
                                 {"difference", Json(impact.difference)},
                                 {"verdict", VerdictText(impact)}});
  }
  json["pay_less"] = compared.comparison.pay_less;
  json["pay_more"] = compared.comparison.pay_more;
  return json.dump(2) + "\n";
}

/// Every seed under one tariff; an error also where anything was not conserved.
absl::StatusOr<std::vector<Evaluation>> Evaluate(const Options& options, const std::string& tariff,
                                                 cli::Terminal& terminal, Compared* compared) {
  const absl::StatusOr<Scenario> scenario = OpenScenario(options.scenario, tariff);
  if (!scenario.ok()) return scenario.status();
  if (compared->versions.empty()) ShowWarnings(terminal, *scenario);
  compared->scenario = scenario->name;
  compared->currency = scenario->settings.tariff.currency;
  compared->versions.push_back(scenario->settings.tariff.version);
  ProgressLine progress(terminal, scenario->settings.tariff.version);
  absl::StatusOr<std::vector<Run>> runs =
      RunSeeds(*scenario, options.scenario.Seeds(), OnThreads(options.scenario.Threads()), progress);
  if (!runs.ok()) return runs.status();
  std::vector<Evaluation> evaluations;
  for (const Run& run : *runs) {
    if (!run.figures.Holds()) {
      return absl::InternalError("something was not conserved; `penstock sim run` with this tariff says what");
    }
    evaluations.push_back(EvaluationOf(*scenario, run));
  }
  return evaluations;
}

int RunCommand(const Options& options, cli::Terminal& terminal) {
  if (options.tariffs.size() != 2) {
    terminal.err << "error: give --tariff twice: the first is what the second is compared with\n";
    return cli::kUsage;
  }
  Compared compared;
  std::vector<std::vector<Evaluation>> evaluations;
  for (const std::string& tariff : options.tariffs) {
    absl::StatusOr<std::vector<Evaluation>> one = Evaluate(options, tariff, terminal, &compared);
    if (!one.ok()) return Fail(terminal, one.status());
    evaluations.push_back(*std::move(one));
  }
  compared.seeds = options.scenario.Seeds().size();
  compared.comparison = CompareTariffs(evaluations[0], evaluations[1], kConfidence);
  terminal.out << (options.output == cli::Output::kJson
                       ? RenderJson(compared)
                       : Render(compared, static_cast<size_t>(options.tenants), terminal.colour));
  return cli::kOk;
}

}  // namespace

void AddCompareCommand(CLI::App& sim, cli::Invocation& invocation) {
  CLI::App& command =
      *sim.add_subcommand("compare", "Two tariffs on the same traffic: differences, winners and losers");
  auto options = std::make_shared<Options>();
  options->scenario.AddTo(command);
  command.add_option("--tariff", options->tariffs, "A tariff file; give two")->required()->type_name("FILE");
  command.add_option("--tenants", options->tenants, "Customers to show, by how much their bill changes")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  cli::AddOutputFlag(command, options->output);
  cli::OnRun(command, invocation, [options](cli::Terminal& terminal) { return RunCommand(*options, terminal); });
}

}  // namespace penstock::sim
