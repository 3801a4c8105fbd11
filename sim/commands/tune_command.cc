#include "sim/commands/tune_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <span>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "admission/vocabulary/check.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/table.h"
#include "broker/cli/terminal.h"
#include "sim/commands/figures_text.h"
#include "sim/commands/file_bytes.h"
#include "sim/commands/parallel.h"
#include "sim/commands/scenario_runs.h"
#include "sim/commands/tune_report.h"
#include "sim/commands/tune_setup.h"
#include "sim/run/summary.h"
#include "sim/search/manifest.h"
#include "sim/tariffs/tariff_yaml.h"

namespace penstock::sim {
namespace {

namespace fs = std::filesystem;
using cli::Table;
using nlohmann::ordered_json;
using Align = Table::Align;

constexpr char kLogFile[] = "evaluations.log";
constexpr uint64_t kFirstHoldOutSeed = 101;

struct Options {
  ScenarioOptions scenario;
  std::string out;
  std::string objective = "revenue_per_capacity";
  bool front = false;
  int64_t budget = 2'000;
  int64_t finals = 48;
  double least_service_level = 95;
  double most_cross_subsidy = 100;
  std::vector<double> elasticities;
  bool resume = false;
  cli::Output output = cli::Output::kTable;
};

std::vector<uint64_t> Seeds(uint64_t first, int64_t count) {
  std::vector<uint64_t> seeds;
  for (int64_t i = 0; i < count; ++i) seeds.push_back(first + static_cast<uint64_t>(i));
  return seeds;
}

TuneTerms TermsOf(const Options& options) {
  TuneTerms terms;
  for (size_t i = 0; i < kObjectiveNames.size(); ++i) {
    if (kObjectiveNames[i] == options.objective) terms.objective = static_cast<Objective>(i);
  }
  terms.front = options.front;
  terms.constraints.least_service_level = options.least_service_level / 100;
  if (options.most_cross_subsidy < 100) terms.constraints.most_cross_subsidy = options.most_cross_subsidy / 100;
  terms.screen_budget = static_cast<size_t>(options.budget);
  terms.full_budget = static_cast<size_t>(options.finals);
  terms.seed = static_cast<uint64_t>(options.scenario.first_seed);
  terms.screen_seeds = {terms.seed};
  terms.full_seeds = Seeds(terms.seed, options.scenario.seeds);
  terms.hold_out_seeds = Seeds(kFirstHoldOutSeed + terms.seed, options.scenario.seeds);
  return terms;
}

// ---- Files.

std::string ReadWhole(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Every evaluation as it is made, so that an interrupted search goes on where it stopped.
class KeptEvaluations {
 public:
  absl::Status Open(const fs::path& folder, bool resume) {
    const fs::path path = folder / kLogFile;
    if (resume) kept_ = std::string(WholeLines(ReadWhole(path)));
    if (absl::Status written = WriteFile(path.string(), kept_); !written.ok()) return written;
    out_.open(path, std::ios::binary | std::ios::app);
    return absl::OkStatus();
  }
  const std::string& kept() const { return kept_; }
  void Append(std::string_view lines) { out_ << lines << std::flush; }

 private:
  std::string kept_;
  std::ofstream out_;
};

// ---- The search.

absl::StatusOr<TuneScenarios> OpenBoth(const Options& options) {
  absl::StatusOr<Scenario> training = OpenScenario(options.scenario, "", /*hold_out=*/false);
  if (!training.ok()) return training.status();
  if (absl::Status tunable = CheckTunable(*training); !tunable.ok()) return tunable;
  absl::StatusOr<Scenario> hold_out = OpenScenario(options.scenario, "", /*hold_out=*/true);
  if (!hold_out.ok()) return hold_out.status();
  return TuneScenarios{*std::move(training), *std::move(hold_out)};
}

TuneModels ModelsOf(const TuneScenarios& scenarios, std::span<const Customer> customers, const FluidScreen& screen,
                    const Parallel& parallel) {
  return {.space = SpaceOf(scenarios.training).Family("tuned"),
          .baselines = SimpleTariffsOf(scenarios.training, customers),
          .screen = screen.AsEvaluator(),
          .full = FullModelOf(scenarios.training),
          .hold_out = FullModelOf(scenarios.hold_out),
          .parallel = parallel};
}

absl::StatusOr<HeldOut> HoldOutOf(std::string name, const ledger::Tariff& tariff, const Scenario& scenario,
                                  const std::vector<uint64_t>& seeds, const Parallel& parallel,
                                  ProgressLine& progress) {
  const Scenario under = UnderTariff(scenario, tariff);
  absl::StatusOr<std::vector<Run>> runs = RunSeeds(under, seeds, parallel, progress);
  if (!runs.ok()) return runs.status();
  HeldOut held_out{std::move(name), {}, {}};
  for (const Run& run : *runs) held_out.evaluations.push_back(EvaluationOf(under, run));
  held_out.first = std::move(runs->front());
  return held_out;
}

std::function<void(const TuneProgress&)> Shown(ProgressLine& line) {
  return [&line](const TuneProgress& told) {
    const double phases = static_cast<double>(std::max<size_t>(told.phases, 1));
    const double phase = told.of > 0 ? static_cast<double>(told.done) / static_cast<double>(told.of) : 0;
    const std::string best = told.best ? absl::StrCat(", best ", Short(*told.best)) : "";
    line.Show(std::min(1.0, (static_cast<double>(told.phases_done) + phase) / phases),
              absl::StrCat(told.phase, " ", told.done, " of ", told.of, best));
  };
}

/// The same search, smaller, where customers answer prices otherwise.
absl::StatusOr<SweepStep> SweepAt(double elasticity, const TuneScenarios& scenarios,
                                  const std::vector<Customer>& customers, Duration service_time, const TuneTerms& terms, const Parallel& parallel, ProgressLine& progress) {
  TuneScenarios other = scenarios;
  for (Scenario* scenario : {&other.training, &other.hold_out}) {
    DemandTerms& demand = scenario->population.demand;
    if (demand.volume == VolumeModel::kFixed) demand.volume = VolumeModel::kConstantElasticity;
    demand.elasticity = elasticity;
  }
  const FluidScreen screen = ScreenOf(other.training, customers, service_time);
  TuneModels models = ModelsOf(other, customers, screen, parallel);
  models.baselines.resize(1);  // the flat price
  TuneTerms small = terms;
  small.front = false;
  small.screen_budget = std::max<size_t>(terms.screen_budget / 4, 60);
  small.finalists = 3;
  small.full_budget = 3 * small.full_seeds.size();
  small.rank_points = 0;
  absl::StatusOr<TuneResult> result = Tune(small, models, {.progress = Shown(progress), .checkpoint = {}, .resumed = {}});
  if (!result.ok()) return result.status();
  const Standing& flat = result->baselines.front();
  SweepStep step{.elasticity = elasticity};
  step.gain = flat.winner_gains_held_out;
  step.tuned = result->winner.held_out_value;
  step.flat = flat.held_out_value;
  step.keeps_constraints = result->winner.held_out_shortfall <= 0;
  const double difference = result->winner.held_out.cross_subsidy - flat.held_out.cross_subsidy;
  step.cross_subsidy = {.mean = difference,
                        .half_width = std::hypot(result->winner.held_out_cross_subsidy.half_width,
                                                 flat.held_out_cross_subsidy.half_width),
                        .count = flat.held_out_cross_subsidy.count};
  return step;
}

// ---- What is shown.

std::string RenderStandings(const TuneFindings& findings, bool colour) {
  const std::string unit = UnitOf(findings.terms.objective, findings.scenarios.training.settings.tariff.currency);
  Table table({{absl::StrCat("on hold-out, ", unit)},
               {std::string(Name(findings.terms.objective)), Align::kRight},
               {"tuned makes more", Align::kRight},
               {"cross-subsidy", Align::kRight},
               {"in time", Align::kRight},
               {"keeps constraints"}});
  const auto add = [&](const std::string& name, const Standing& standing, bool is_winner) {
    table.AddRow({name, WithInterval(standing.held_out_value, 3),
                  is_winner ? "" : WithInterval(standing.winner_gains_held_out, 3),
                  Percent(standing.held_out_cross_subsidy, 1), Percent(standing.held_out_service_level, 2),
                  standing.held_out_shortfall <= 0 ? "yes" : "no"},
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

std::string RenderSweep(const TuneFindings& findings, bool colour) {
  if (findings.sweep.empty()) return "";
  Table table({{"elasticity", Align::kRight},
               {"flat", Align::kRight},
               {"tuned", Align::kRight},
               {"difference", Align::kRight},
               {"cross-subsidy", Align::kRight},
               {""}});
  for (const SweepStep& step : findings.sweep) {
    const bool wins = step.gain.mean - step.gain.half_width > 0;
    const bool loses = step.gain.mean + step.gain.half_width < 0;
    const std::string verdict = !step.keeps_constraints ? "misses constraints" : wins ? "wins" : loses ? "LOSES" : "cannot tell";
    table.AddRow({Grouped(step.elasticity, 2), WithInterval(step.flat, 3), WithInterval(step.tuned, 3),
                  WithInterval(step.gain, 3), Percent(step.cross_subsidy, 1), verdict});
  }
  return absl::StrCat("\nTuned again for each elasticity, against the best flat price for it, on hold-out:\n",
                      table.Render(colour));
}

std::string Render(const TuneFindings& findings, const std::string& out, bool colour) {
  const TuneResult& result = findings.result;
  const TariffComparison& comparison = findings.comparison;
  std::string text = absl::StrCat(findings.scenarios.training.name, ": ", result.evaluations, " evaluations\n\n",
                                  RenderStandings(findings, colour), "\n", RenderTariff(findings, colour), "\n",
                                  result.verdict, "\n");
  absl::StrAppend(&text, "Against the best flat price ", comparison.pay_less, " of ", comparison.customers.size(),
                  " customers pay less, ", comparison.pay_more, " more.\n");
  absl::StrAppend(&text, "The screen ranks tariffs like the full model: rank correlation ",
                  Grouped(result.rank_correlation, 3), " over ", findings.terms.rank_points, " tariffs.\n",
                  RenderSweep(findings, colour));
  absl::StrAppend(&text, "\nwrote ", out, "/tariff.yaml, report.html, manifest.json\n",
                  findings.scenarios.training.attribution, "\n");
  return text;
}

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
                    {"keeps_constraints", standing.held_out_shortfall <= 0}};
  if (!is_winner) {
    json["winner_gains"] = Json(standing.winner_gains_held_out);
    json["verdict"] = standing.verdict;
  }
  return json;
}

std::string RenderJson(const TuneFindings& findings) {
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
  for (const Standing& baseline : result.baselines) json["baselines"].push_back(Json(baseline.tariff.family, baseline, false));
  json["sweep"] = ordered_json::array();
  for (const SweepStep& step : findings.sweep) {
    json["sweep"].push_back({{"elasticity", step.elasticity},
                             {"flat", Json(step.flat)},
                             {"tuned", Json(step.tuned)},
                             {"difference", Json(step.gain)},
                             {"cross_subsidy", Json(step.cross_subsidy)},
                             {"keeps_constraints", step.keeps_constraints}});
  }
  return json.dump(2) + "\n";
}

// ---- All of it.

class TuneCommand {
 public:
  TuneCommand(const Options& options, cli::Terminal& terminal)
      : options_(options), terminal_(terminal), parallel_(OnThreads(options.scenario.Threads())) {}

  absl::Status Run() {
    absl::StatusOr<TuneScenarios> scenarios = OpenBoth(options_);
    if (!scenarios.ok()) return scenarios.status();
    scenarios_ = *std::move(scenarios);
    ShowWarnings(terminal_, scenarios_.training);
    std::error_code failed;
    fs::create_directories(options_.out, failed);
    if (absl::Status opened = kept_.Open(options_.out, options_.resume); !opened.ok()) return opened;
    ProgressLine progress(terminal_, "tuning");
    if (absl::Status searched = Search(progress); !searched.ok()) return searched;
    return Tell(progress);
  }

 private:
  absl::Status Search(ProgressLine& progress) {
    absl::StatusOr<sim::Run> pilot = RunScenario(scenarios_.training, {.seed = terms_.seed});
    if (!pilot.ok()) return pilot.status();
    service_time_ = MeanServiceTime(*pilot);
    const std::vector<Customer> customers = CustomersOf(scenarios_.training, Streams(terms_.seed));
    const FluidScreen screen = ScreenOf(scenarios_.training, customers, service_time_);
    const TuneWatch watch{.progress = Shown(progress),
                          .checkpoint = [this](std::string_view lines) { kept_.Append(lines); },
                          .resumed = kept_.kept()};
    absl::StatusOr<TuneResult> result = Tune(terms_, ModelsOf(scenarios_, customers, screen, parallel_), watch);
    if (!result.ok()) return result.status();
    result_ = *std::move(result);
    for (const double elasticity : options_.elasticities) {
      absl::StatusOr<SweepStep> step = SweepAt(elasticity, scenarios_, customers, service_time_, terms_, parallel_, progress);
      if (!step.ok()) return step.status();
      sweep_.push_back(*step);
    }
    return absl::OkStatus();
  }

  absl::Status Tell(ProgressLine& progress) {
    const auto held_out = [&](const std::string& name, const TunedTariff& tariff) {
      return HoldOutOf(name, tariff.tariff, scenarios_.hold_out, terms_.hold_out_seeds, parallel_, progress);
    };
    absl::StatusOr<HeldOut> tuned = held_out("tuned", result_.winner.tariff);
    if (!tuned.ok()) return tuned.status();
    absl::StatusOr<HeldOut> flat = held_out("flat price", result_.baselines.front().tariff);
    if (!flat.ok()) return flat.status();
    const absl::StatusOr<std::string> yaml =
        WriteTariffYaml(result_.winner.tariff.tariff,
                        absl::StrCat("Found by `penstock sim tune` on ", scenarios_.training.name, ".\n", result_.verdict),
                        scenarios_.training.settings.pools.front().burndown);
    if (!yaml.ok()) return yaml.status();
    TuneFindings findings{.terms = terms_,
                          .scenarios = scenarios_,
                          .customers = CustomersOf(scenarios_.hold_out, Streams(terms_.hold_out_seeds.front())),
                          .result = result_,
                          .tuned = *std::move(tuned),
                          .flat = *std::move(flat),
                          .comparison = {},
                          .sweep = sweep_,
                          .tariff_yaml = *yaml,
                          .provenance = Provenance()};
    findings.comparison = CompareTariffs(findings.flat.evaluations, findings.tuned.evaluations, terms_.confidence);
    if (absl::Status written = Write(findings); !written.ok()) return written;
    terminal_.out << (options_.output == cli::Output::kJson ? RenderJson(findings)
                                                            : Render(findings, options_.out, terminal_.colour));
    return absl::OkStatus();
  }

  std::map<std::string, std::string> Parameters() const {
    return {{"objective", std::string(Name(terms_.objective))},
            {"front", options_.front ? "yes" : "no"},
            {"screen_budget", absl::StrCat(terms_.screen_budget)},
            {"full_budget", absl::StrCat(terms_.full_budget)},
            {"least_service_level", absl::StrCat(options_.least_service_level)},
            {"most_cross_subsidy", absl::StrCat(options_.most_cross_subsidy)},
            {"elasticities", absl::StrJoin(options_.elasticities, ",")}};
  }

  std::vector<report::ProvenanceLine> Provenance() const {
    std::vector<report::ProvenanceLine> lines = {{"scenario", scenarios_.training.name},
                                                 {"attribution", scenarios_.training.attribution},
                                                 {"rank correlation of screen and full model",
                                                  Grouped(result_.rank_correlation, 3)}};
    for (const auto& [name, value] : Parameters()) lines.push_back({name, value});
    return lines;
  }

  absl::Status Write(const TuneFindings& findings) const {
    const std::string html = report::TuneReportHtml(TuneReportOf(findings));
    Manifest manifest;
    manifest.command = "penstock sim tune";
    manifest.parameters = Parameters();
    manifest.seeds = {{"search", {terms_.seed}}, {"training", terms_.full_seeds}, {"hold_out", terms_.hold_out_seeds}};
    manifest.AddInput("scenario", scenarios_.training.text);
    manifest.AddResult("tariff.yaml", findings.tariff_yaml);
    manifest.AddResult("report.html", html);
    manifest.AddResult("findings.json", RenderJson(findings));
    const fs::path folder = options_.out;
    for (const auto& [name, bytes] : std::vector<std::pair<std::string, std::string>>{
             {"tariff.yaml", findings.tariff_yaml},
             {"report.html", html},
             {"findings.json", RenderJson(findings)},
             {"manifest.json", ManifestJson(manifest)}}) {
      if (absl::Status written = WriteFile((folder / name).string(), bytes); !written.ok()) return written;
    }
    return absl::OkStatus();
  }

  const Options& options_;
  cli::Terminal& terminal_;
  const Parallel parallel_;
  const TuneTerms terms_ = TermsOf(options_);
  TuneScenarios scenarios_;
  KeptEvaluations kept_;
  Duration service_time_;
  TuneResult result_;
  std::vector<SweepStep> sweep_;
};

}  // namespace

void AddTuneCommand(CLI::App& sim, cli::Invocation& invocation) {
  CLI::App& command = *sim.add_subcommand("tune", "Search a tariff, and hold it against simpler ones on other days");
  auto options = std::make_shared<Options>();
  options->scenario.seeds = 6;
  options->scenario.AddTo(command);
  command.add_option("--out", options->out, "A folder for tariff.yaml, report.html, manifest.json, findings.json")
      ->required()
      ->type_name("DIR");
  command.add_option("--objective", options->objective, "What is to be made large")
      ->check(CLI::IsMember(std::vector<std::string>(kObjectiveNames.begin(), kObjectiveNames.end())))
      ->capture_default_str();
  command.add_flag("--front", options->front, "Search compromises of objective, cross-subsidy and welfare (NSGA-II)");
  command.add_option("--budget", options->budget, "Tariffs that the search may try on the fluid screen")
      ->check(CLI::Range(20, 10'000'000))
      ->capture_default_str();
  command.add_option("--finals", options->finals, "Whole simulations for the race of the best")
      ->check(CLI::Range(2, 1'000'000))
      ->capture_default_str();
  command.add_option("--service-level", options->least_service_level, "Percent of paying requests served in time, at least")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command.add_option("--cross-subsidy", options->most_cross_subsidy, "Percent of cross-subsidy, at most")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command.add_option("--elasticities", options->elasticities, "Tune again for each of these, against the best flat price")
      ->delimiter(',')
      ->type_name("E,E,...");
  command.add_flag("--resume", options->resume, "Go on from DIR/evaluations.log of an interrupted search");
  cli::AddOutputFlag(command, options->output);
  cli::OnRun(command, invocation, [options](cli::Terminal& terminal) {
    const absl::Status done = TuneCommand(*options, terminal).Run();
    return done.ok() ? cli::kOk : Fail(terminal, done);
  });
}

}  // namespace penstock::sim
