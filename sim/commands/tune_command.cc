#include "sim/commands/tune_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <ostream>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/terminal.h"
#include "sim/commands/figures_text.h"
#include "sim/commands/file_bytes.h"
#include "sim/commands/kept_evaluations.h"
#include "sim/commands/parallel.h"
#include "sim/commands/scenario_runs.h"
#include "sim/commands/tune_report.h"
#include "sim/commands/tune_setup.h"
#include "sim/commands/tune_view.h"
#include "sim/run/summary.h"
#include "sim/search/manifest.h"
#include "sim/tariffs/tariff_yaml.h"

namespace penstock::sim {
namespace {

namespace fs = std::filesystem;

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

// ---- The search.

/// Scenarios begin on a Monday at midnight, UTC.
absl::Status CheckHours(const Scenario& scenario) {
  const auto before_peak = static_cast<int64_t>(FrameOf(scenario).peak_from_hour);
  if (scenario.length > Hours(before_peak)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(scenario.name, ": length: must be more than ", before_peak,
                   " hours, better whole days: peak hours are priced, and they begin then on the Monday that a "
                   "scenario begins with"));
}

absl::StatusOr<TuneScenarios> OpenBoth(const Options& options) {
  absl::StatusOr<Scenario> training = OpenScenario(options.scenario, "", /*hold_out=*/false);
  if (!training.ok()) return training.status();
  if (absl::Status tunable = CheckTunable(*training); !tunable.ok()) return tunable;
  if (absl::Status hours = CheckHours(*training); !hours.ok()) return hours;
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

/// The same search, smaller, where customers answer prices otherwise; the flat price is the only baseline.
absl::StatusOr<SweepStep> SweepAt(double elasticity, const TuneScenarios& scenarios,
                                  const std::vector<Customer>& customers, Duration service_time, const TuneTerms& terms,
                                  const Parallel& parallel, const TuneWatch& watch) {
  TuneScenarios other = scenarios;
  for (Scenario* scenario : {&other.training, &other.hold_out}) {
    DemandTerms& demand = scenario->population.demand;
    if (demand.volume == VolumeModel::kFixed) demand.volume = VolumeModel::kConstantElasticity;
    demand.elasticity = elasticity;
  }
  const FluidScreen screen = ScreenOf(other.training, customers, service_time);
  TuneModels models = ModelsOf(other, customers, screen, parallel);
  models.baselines.resize(1);
  absl::StatusOr<TuneResult> result = Tune(terms, models, watch);
  if (!result.ok()) return result.status();
  return SweepStep{elasticity, std::move(result->winner), std::move(result->baselines.front())};
}

TuneTerms SweepTerms(TuneTerms terms) {
  terms.front = false;
  terms.screen_budget = std::max<size_t>(terms.screen_budget / 4, 60);
  terms.finalists = 3;
  terms.full_budget = 3 * terms.full_seeds.size();
  terms.random_search = false;
  return terms;
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
    if (absl::Status hashed = HashTraces(); !hashed.ok()) return hashed;
    if (absl::Status opened = OpenKept(); !opened.ok()) return opened;
    ProgressLine progress(terminal_, "tuning");
    if (absl::Status searched = Search(progress); !searched.ok()) return searched;
    return Tell(progress);
  }

 private:
  absl::Status HashTraces() {
    for (const std::string& path : scenarios_.training.trace_files) {
      absl::StatusOr<std::string> hash = HashOfFile(path);
      if (!hash.ok()) return hash.status();
      std::string name = fs::path(path).filename().string();
      while (traces_.contains(name)) name += " too";  // of another folder
      traces_.emplace(std::move(name), *std::move(hash));
    }
    return absl::OkStatus();
  }

  /// One file for the search, one for each elasticity of the sweep.
  absl::Status OpenKept() {
    const auto open = [&](const std::string& name, const std::string& terms) {
      kept_.emplace_back();
      return kept_.back().Open(fs::path(options_.out) / name, terms, options_.resume);
    };
    absl::Status opened = open("evaluations.log", LogTerms());
    for (size_t i = 0; i < options_.elasticities.size() && opened.ok(); ++i) {
      const std::string elasticity = absl::StrCat(options_.elasticities[i]);
      opened = open(absl::StrCat("evaluations-elasticity-", elasticity, ".log"),
                    absl::StrCat(LogTerms(), "\nelasticity ", elasticity));
    }
    return opened;
  }

  static TuneWatch Watch(KeptEvaluations& kept, ProgressLine& progress) {
    return {.progress = Shown(progress),
            .checkpoint = [&kept](std::string_view lines) { kept.Append(lines); },
            .resumed = kept.kept()};
  }

  static absl::Status Told(const absl::Status& status, const KeptEvaluations& kept) {
    if (status.ok()) return kept.status();
    return absl::Status(status.code(), absl::StrCat(kept.path().string(), ": ", status.message()));
  }

  absl::Status Search(ProgressLine& progress) {
    absl::StatusOr<sim::Run> pilot = RunScenario(scenarios_.training, {.seed = terms_.seed});
    if (!pilot.ok()) return pilot.status();
    service_time_ = MeanServiceTime(*pilot);
    const std::vector<Customer> customers = CustomersOf(scenarios_.training, Streams(terms_.seed));
    const FluidScreen screen = ScreenOf(scenarios_.training, customers, service_time_);
    absl::StatusOr<TuneResult> result =
        Tune(terms_, ModelsOf(scenarios_, customers, screen, parallel_), Watch(kept_.front(), progress));
    if (absl::Status told = Told(result.status(), kept_.front()); !told.ok()) return told;
    result_ = *std::move(result);
    const TuneTerms terms = SweepTerms(terms_);
    for (size_t i = 0; i < options_.elasticities.size(); ++i) {
      KeptEvaluations& kept = kept_[i + 1];
      absl::StatusOr<SweepStep> step = SweepAt(options_.elasticities[i], scenarios_, customers, service_time_, terms,
                                               parallel_, Watch(kept, progress));
      if (absl::Status told = Told(step.status(), kept); !told.ok()) return told;
      sweep_.push_back(*std::move(step));
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
    const absl::StatusOr<std::string> yaml = WriteTariffYaml(
        result_.winner.tariff.tariff,
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
    terminal_.out << (options_.output == cli::Output::kJson ? TuneJson(findings)
                                                            : RenderTune(findings, options_.out, terminal_.colour));
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

  std::map<std::string, std::vector<uint64_t>> AllSeeds() const {
    return {{"search", {terms_.seed}}, {"training", terms_.full_seeds}, {"hold_out", terms_.hold_out_seeds}};
  }

  /// What the evaluations of the search depend on. The sweep of elasticities comes after it.
  std::string LogTerms() const {
    std::string terms = absl::StrCat(PENSTOCK_VERSION, "\n", scenarios_.training.text);
    for (const auto& [name, hash] : traces_) absl::StrAppend(&terms, "\n", name, " ", hash);
    for (const auto& [name, value] : Parameters()) {
      if (name != "elasticities") absl::StrAppend(&terms, "\n", name, " ", value);
    }
    for (const auto& [name, seeds] : AllSeeds()) absl::StrAppend(&terms, "\n", name, " ", absl::StrJoin(seeds, " "));
    return terms;
  }

  std::vector<report::ProvenanceLine> Provenance() const {
    std::vector<report::ProvenanceLine> lines = {
        {"scenario", scenarios_.training.name},
        {"attribution", scenarios_.training.attribution},
        {"rank correlation of screen and full model", Grouped(result_.rank_correlation, 3)}};
    for (const auto& [name, value] : Parameters()) {
      if (!value.empty()) lines.push_back({name, value});
    }
    for (const auto& [name, seeds] : AllSeeds()) {
      lines.push_back({absl::StrCat("seeds, ", name), absl::StrJoin(seeds, ", ")});
    }
    lines.push_back({"penstock", PENSTOCK_VERSION});
    return lines;
  }

  absl::Status Write(const TuneFindings& findings) const {
    const std::vector<std::pair<std::string, std::string>> files = {
        {"tariff.yaml", findings.tariff_yaml},
        {"report.html", report::TuneReportHtml(TuneReportOf(findings))},
        {"findings.json", TuneJson(findings)}};
    Manifest manifest;
    manifest.command = "penstock sim tune";
    manifest.parameters = Parameters();
    manifest.versions = {{"penstock", PENSTOCK_VERSION}};
    manifest.seeds = AllSeeds();
    manifest.inputs = traces_;
    manifest.AddInput("scenario", scenarios_.training.text);
    const fs::path folder = options_.out;
    for (const auto& [name, bytes] : files) {
      manifest.AddResult(name, bytes);
      if (absl::Status written = WriteFile((folder / name).string(), bytes); !written.ok()) return written;
    }
    for (const KeptEvaluations& kept : kept_) manifest.AddResult(kept.path().filename().string(), kept.Text());
    return WriteFile((folder / "manifest.json").string(), ManifestJson(manifest));
  }

  const Options& options_;
  cli::Terminal& terminal_;
  const Parallel parallel_;
  const TuneTerms terms_ = TermsOf(options_);
  TuneScenarios scenarios_;
  std::map<std::string, std::string> traces_;  // by name: SHA-256
  std::vector<KeptEvaluations> kept_;
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
  command
      .add_option("--service-level", options->least_service_level,
                  "Percent of paying requests served in time, at least")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command.add_option("--cross-subsidy", options->most_cross_subsidy, "Percent of cross-subsidy, at most")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command
      .add_option("--elasticities", options->elasticities, "Tune again for each of these, against the best flat price")
      ->delimiter(',')
      ->type_name("E,E,...");
  command.add_flag("--resume", options->resume, "Go on from DIR/evaluations.log of an interrupted search");
  cli::AddOutputFlag(command, options->output);
  cli::OnRun(command, invocation, [options](cli::Terminal& terminal) {
    if (options->scenario.seeds < 2) {
      terminal.err << "error: --seeds must be 2 or more: without a second one nothing says what is chance\n";
      return cli::kUsage;
    }
    const absl::Status done = TuneCommand(*options, terminal).Run();
    return done.ok() ? cli::kOk : Fail(terminal, done);
  });
}

}  // namespace penstock::sim
