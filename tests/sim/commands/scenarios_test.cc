// The scenarios that ship: each loads, conserves everything, and shows what its first line says. And how a scenario
// file that is wrong is told so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "sim/commands/compare_command.h"
#include "sim/commands/run_command.h"
#include "sim/commands/scenario_runs.h"
#include "sim/commands/scenarios_command.h"
#include "sim/run/fleet_cost.h"
#include "sim/run/run.h"
#include "sim/scenarios/shipped_scenarios.h"

namespace penstock::sim {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::filesystem::path kProject = PENSTOCK_SOURCE_DIR;

/// What to put in place of what; each must be there.
using Changes = std::vector<std::pair<std::string, std::string>>;

std::string Changed(std::string text, const Changes& changes) {
  for (const auto& [from, to] : changes) {
    EXPECT_THAT(text, HasSubstr(from));
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
  }
  return text;
}

std::string TextOf(const std::string& name) {
  const absl::StatusOr<ShippedScenario> shipped = ScenarioNamed(name);
  EXPECT_TRUE(shipped.ok()) << shipped.status();
  return shipped.ok() ? std::string(shipped->yaml) : "";
}

Scenario Parsed(const std::string& text, const ScenarioChanges& changes = {}) {
  absl::StatusOr<Scenario> scenario = ParseScenario(text, "mine.yaml", changes);
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  return scenario.ok() ? *std::move(scenario) : Scenario();
}

RunFigures FiguresOf(const Scenario& scenario, uint64_t seed = 1) {
  const absl::StatusOr<Run> run = RunScenario(scenario, {.seed = seed, .progress = nullptr});
  EXPECT_TRUE(run.ok()) << run.status();
  if (!run.ok()) return {};
  for (const Check& check : run->figures.checks) {
    EXPECT_TRUE(check.holds) << scenario.name << ", seed " << seed << ": " << check.what << ": expected "
                             << check.expected << ", found " << check.found;
  }
  return run->figures;
}

const TenantFigures& Of(const RunFigures& figures, const std::string& tenant) {
  const auto found =
      std::find_if(figures.tenants.begin(), figures.tenants.end(), [&](const auto& t) { return t.name == tenant; });
  EXPECT_NE(found, figures.tenants.end()) << tenant;
  return *found;
}

double WaitP99(const TenantFigures& tenant) { return static_cast<double>(tenant.wait_p99) / 1e9; }
double InTime(const TenantFigures& tenant) {
  return static_cast<double>(tenant.in_time) / static_cast<double>(tenant.counts.came);
}
double Refused(const TenantFigures& tenant) {
  return static_cast<double>(tenant.counts.refused_yours + tenant.counts.refused_pool) /
         static_cast<double>(tenant.counts.came);
}
double Units(const ledger::Money& money) { return money.pico().convert_to<double>() / 1e12; }

// ---- All of them.

TEST(ShippedScenarios, EachLoadsUnderItsNameAndSaysInASentenceWhatItShows) {
  for (const ShippedScenario& shipped : ShippedScenarios()) {
    SCOPED_TRACE(shipped.name);
    const Scenario scenario = Parsed(std::string(shipped.yaml));
    EXPECT_EQ(scenario.name, shipped.name);
    EXPECT_THAT(scenario.warnings, IsEmpty());
    EXPECT_THAT(scenario.about, Not(IsEmpty()));
    EXPECT_THAT(std::string(shipped.yaml), StartsWith("# "));
    EXPECT_EQ(shipped.about.back(), '.');
    EXPECT_LE(shipped.about.size(), 99u) << "a line of `penstock sim scenarios`, with the name, in 120 columns";
  }
}

TEST(ShippedScenarios, AreTheFilesOfTheFolder) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kProject / "sim/scenarios")) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    EXPECT_TRUE(ScenarioNamed(entry.path().stem()).ok()) << entry.path();
  }
  EXPECT_EQ(files, ShippedScenarios().size());
}

TEST(ShippedScenarios, EachConservesRequestsTokensWorkAndMoney) {
  const std::vector<std::pair<std::string, Changes>> kShortened = {
      {"agents-that-loop", {{"length_min: 60", "length_min: 10"}}},
      {"forty-million", {{"_s: 1800", "_s: 180"}, {"_s: 1000", "_s: 100"}}},
      {"free-flood", {{"length_min: 30", "length_min: 3"}, {"{from_min: 10, to_min: 20", "{from_min: 1, to_min: 2"}}},
      {"full-day", {{"scale: 1", "scale: 0.0002"}}},
      {"half-the-fleet-lost",
       {{"length_min: 30", "length_min: 3"}, {"at_min: 10", "at_min: 1"}, {"at_min: 20", "at_min: 2"}}},
      {"next-chunk", {{"length_h: 24", "length_h: 1"}}},
      {"next-chunk-bought", {{"length_h: 24", "length_h: 1"}}},
      {"price-cut-elastic", {{"scale: 0.012", "scale: 0.0005"}}},
      {"price-cut-inelastic", {{"scale: 0.012", "scale: 0.0005"}}},
      {"spiky-and-smooth", {{"length_days: 7", "length_h: 6"}}}};
  EXPECT_EQ(kShortened.size(), ShippedScenarios().size()) << "add the new one here";
  for (const auto& [name, changes] : kShortened) {
    SCOPED_TRACE(name);
    EXPECT_GT(FiguresOf(Parsed(Changed(TextOf(name), changes))).counts.finished, 0);
  }
}

// ---- What they show.

TEST(FreeFlood, NobodyWhoPaysWaitsForIt) {
  const RunFigures figures =
      FiguresOf(Parsed(Changed(TextOf("free-flood"), {{"length_min: 30", "length_min: 12"},
                                                      {"{from_min: 10, to_min: 20", "{from_min: 4, to_min: 8"}})));
  EXPECT_LT(WaitP99(Of(figures, "acme")), 0.2);
  EXPECT_GT(figures.in_time, 0.99);
  for (const std::string payer : {"acme", "borealis", "cobalt", "ember"}) EXPECT_LT(Refused(Of(figures, payer)), 0.001);
  EXPECT_GT(Refused(Of(figures, "gadfly")), 0.3);
  EXPECT_GT(figures.pools[0].peak_utilisation, 0.9);
  EXPECT_TRUE(Of(figures, "gadfly").bill.IsZero());
  EXPECT_EQ(figures.counts.came, 55816) << "bursts are drawn alike with every compiler";
}

TEST(AgentsThatLoop, GuardrailsOfRunsStopThem) {
  const RunFigures figures =
      FiguresOf(Parsed(Changed(TextOf("agents-that-loop"), {{"length_min: 60", "length_min: 30"}})));
  const TenantFigures& prudent = Of(figures, "prudent");
  const TenantFigures& heedless = Of(figures, "heedless");
  EXPECT_GT(prudent.counts.refused_yours, prudent.counts.finished);
  EXPECT_EQ(heedless.counts.refused_yours, 0);
  EXPECT_GT(Units(heedless.bill), 2 * Units(prudent.bill));
  EXPECT_GT(InTime(Of(figures, "cobalt")), 0.99);
}

TEST(FortyMillion, APoolOfThatSizeRunsAtNineTenthsWithoutALine) {
  const Scenario scenario = Parsed(TextOf("forty-million"));
  EXPECT_EQ(scenario.settings.pools[0].terms.capacity.count(), 40'000'000'000);  // milli-nt
  const RunFigures figures = FiguresOf(scenario);
  EXPECT_GT(figures.pools[0].utilisation, 0.85);
  EXPECT_GT(figures.in_time, 0.999);
  EXPECT_EQ(figures.counts.finished, figures.counts.came);
}

TEST(HalfTheFleetLost, ReservationsAreKeptAndElasticTrafficIsNot) {
  const RunFigures figures = FiguresOf(Parsed(
      Changed(TextOf("half-the-fleet-lost"),
              {{"length_min: 30", "length_min: 12"}, {"at_min: 10", "at_min: 4"}, {"at_min: 20", "at_min: 8"}})));
  for (const std::string reserved : {"acme", "delphi"}) {
    EXPECT_GT(InTime(Of(figures, reserved)), 0.99) << reserved;
    EXPECT_LT(WaitP99(Of(figures, reserved)), 0.5) << reserved;
  }
  EXPECT_LT(Refused(Of(figures, "borealis")), 0.01);
  EXPECT_GT(Refused(Of(figures, "cobalt")), 0.05);
  EXPECT_GT(Refused(Of(figures, "ember")), Refused(Of(figures, "cobalt")));
}

/// Revenue after the cut by revenue before, the same customers and draws under both.
double RevenueKept(const std::string& scenario, uint64_t seed) {
  const std::string text = Changed(TextOf(scenario), {{"scale: 0.012", "scale: 0.001"}});
  const auto revenue = [&](const std::string& tariff) {
    const ScenarioChanges changes{.tariff_file = (kProject / "sim/scenarios/tariffs" / tariff).string()};
    return Units(FiguresOf(Parsed(text, changes), seed).revenue);
  };
  return revenue("price-cut.yaml") / revenue("list-price.yaml");
}

TEST(PriceCut, RaisesRevenueWhereDemandIsElasticAndLowersItWhereItIsNot) {
  for (const uint64_t seed : {uint64_t{1}, uint64_t{2}}) {
    SCOPED_TRACE(seed);
    EXPECT_NEAR(RevenueKept("price-cut-elastic", seed), 1 / 0.7, 0.15);
    EXPECT_NEAR(RevenueKept("price-cut-inelastic", seed), std::sqrt(0.7), 0.05);
  }
}

TEST(PriceCut, BothMarketsAreTheSameButForTheirElasticity) {
  const auto from_pools = [](const std::string& text) { return text.substr(text.find("\npools:")); };
  EXPECT_EQ(Changed(from_pools(TextOf("price-cut-elastic")), {{"elasticity: 2.0", "elasticity: 0.5"}}),
            from_pools(TextOf("price-cut-inelastic")));
}

TEST(NextChunk, PaysForItselfOnThisDay) {
  const auto left = [](const std::string& name) {
    const Scenario scenario = Parsed(TextOf(name));
    return Units(FiguresOf(scenario).revenue) - FleetCostFor(scenario, scenario.length);
  };
  EXPECT_GT(left("next-chunk-bought"), left("next-chunk") + 5);
}

TEST(NextChunk, TheTwoDaysDifferInTheChunkAlone) {
  const auto from_pools = [](const std::string& text) { return text.substr(text.find("\npools:")); };
  EXPECT_EQ(Changed(from_pools(TextOf("next-chunk")), {{"24700  # of four", "30875  # of five"},
                                                       {"burst_nt: 24700", "burst_nt: 30875"},
                                                       {"max_in_flight: 64", "max_in_flight: 80"},
                                                       {"replicas: 4", "replicas: 5"}}),
            from_pools(TextOf("next-chunk-bought")));
}

TEST(FleetCost, CountsReplicasAsLongAsTheyAreThere) {
  const Scenario scenario = Parsed(TextOf("half-the-fleet-lost"));  // 8, 4 for a third of the time, at 2.50 an hour
  EXPECT_NEAR(MeanReplicas(scenario, 0), 20.0 / 3, 1e-9);
  EXPECT_NEAR(FleetCostFor(scenario, Hours(3)), 50, 1e-9);
  EXPECT_EQ(MeanReplicas(Parsed(TextOf("free-flood")), 0), 4);
}

// ---- Files that are wrong.

/// Line 2 is `length`, line 9 the fleet, line 12 the first client.
constexpr std::string_view kPlain = R"(scenario: mine
length_min: 1
pools:
  - {name: chat, model: m, capacity_nt_per_s: 50000, max_in_flight: 64, burndown: {input: 1, output: 4}}
tenants:
  - {name: cobalt, tier: elastic, keys: [{name: prod}]}
tariff: {version: t, currency: USD, effective: 2026-01-01, rounding: {to: "0.01", mode: half_even}, pools: {chat: {prices: {default: {input: 1, output: 4}}}}}
fleets:
  - {pool: chat, simulate: fixed, per_output_token_ms: 10}

traffic:
  - {tenant: cobalt, poisson: {requests_per_s: 2}}
)";

std::string WrongWith(const Changes& changes) {
  const absl::StatusOr<Scenario> scenario = ParseScenario(Changed(std::string(kPlain), changes), "mine.yaml", {});
  if (scenario.ok()) return "nothing is";
  return std::string(scenario.status().message());
}

TEST(ScenarioFile, APlainOneRuns) { EXPECT_GT(FiguresOf(Parsed(std::string(kPlain))).counts.finished, 0); }

TEST(ScenarioFile, AMisspeltKeyIsShownWithWhatWasMeant) {
  EXPECT_THAT(WrongWith({{"length_min", "lenght_min"}}),
              AllOf(HasSubstr("mine.yaml:2:1: lenght_min: unknown key"), HasSubstr("\"length_min\"")));
  EXPECT_THAT(WrongWith({{"requests_per_s", "request_per_s"}}),
              AllOf(HasSubstr("mine.yaml:12:32: traffic[0].poisson.request_per_s"), HasSubstr("\"requests_per_s\"")));
  EXPECT_THAT(WrongWith({{"poisson", "max_wiat_s: 3, poisson"}}), HasSubstr("\"max_wait_s\""));
}

TEST(ScenarioFile, NamesThatAreNotThereAreShown) {
  EXPECT_THAT(WrongWith({{"{tenant: cobalt", "{tenant: cobolt"}}),
              HasSubstr("mine.yaml:12:14: traffic[0].tenant: 'cobolt' is no tenant"));
  EXPECT_THAT(WrongWith({{"poisson", "key: test, poisson"}}), HasSubstr("'cobalt' has no key 'test'"));
  EXPECT_THAT(WrongWith({{"{pool: chat", "{pool: chad"}}),
              AllOf(HasSubstr("nothing of the pool 'chat'"), HasSubstr("'chad'")));
  EXPECT_THAT(WrongWith({{"poisson", "pools: [chad], poisson"}}), HasSubstr("traffic[0].pools: 'chad' is no pool"));
  EXPECT_THAT(
      WrongWith({{"poisson: {requests_per_s: 2}", "trace: azure-conversations"}}),
      AllOf(HasSubstr("mine.yaml:12:29: traffic[0].trace"), HasSubstr("built in are azure-conversation, azure-code")));
  EXPECT_THAT(WrongWith({{"simulate: fixed, per_output_token_ms: 10", "model: GPT, hardware: abacus, replicas: 1"}}),
              HasSubstr("no calibrated law for it; known are: Qwen3-32B on 4xH100 vLLM"));
}

TEST(ScenarioFile, SpansAreOfOneUnitAndMakeSense) {
  EXPECT_THAT(WrongWith({{"length_min: 1", "length_min: 1\nlength_s: 60"}}),
              HasSubstr("mine.yaml:3:11: length_s: is given in another unit"));
  EXPECT_THAT(WrongWith({{"length_min: 1", "length_s: 30"}}),
              HasSubstr("mine.yaml:2:11: length_s: must be whole minutes, one or more"));
  EXPECT_THAT(WrongWith({{"length_min: 1", "length_min: soon"}}),
              HasSubstr("mine.yaml:2:13: length_min: \"soon\" is not a whole number"));
  EXPECT_THAT(WrongWith({{"length_min: 1\n", ""}}), HasSubstr("needs a time length"));
  EXPECT_THAT(WrongWith({{"length_min: 1", "length_min: 1\nwarm_up_ms: 60000"}}),
              HasSubstr("warm_up_ms: is as long as the traffic"));
  EXPECT_THAT(WrongWith({{"fleets:", "capacity: [{at_min: 1, capacity_nt_per_s: 1000}]\nfleets:"}}),
              HasSubstr("capacity[0].at_min: is after the end"));
}

TEST(ScenarioFile, TrafficThatWouldSendNothingIsAMistake) {
  EXPECT_THAT(WrongWith({{", poisson: {requests_per_s: 2}", ""}}),
              HasSubstr("mine.yaml:12:5: traffic[0]: sends nothing"));
  EXPECT_THAT(WrongWith({{"requests_per_s: 2", "requests_per_s: 0"}}), HasSubstr("\"0\" is out of range"));
  EXPECT_THAT(WrongWith({{"traffic:\n  - {tenant: cobalt, poisson: {requests_per_s: 2}}\n", ""}}),
              HasSubstr("nobody sends anything"));
  EXPECT_THAT(
      WrongWith({{"poisson: {requests_per_s: 2}", "poisson: {requests_per_s: 2}, diurnal: {requests_per_s: 1}"}}),
      HasSubstr("traffic[0].diurnal: is a second source"));
  EXPECT_THAT(WrongWith({{"poisson: {requests_per_s: 2}", "trace: azure-code, copies: 0"}}),
              HasSubstr("traffic[0].copies: \"0\" is out of range"));
}

TEST(ScenarioFile, WhatNoModelTakesIsRefusedAndNotRun) {
  const std::string kTraffic = "poisson: {requests_per_s: 2}";
  EXPECT_THAT(WrongWith({{kTraffic, "agents: {runs_per_s: 0}"}}), HasSubstr("agents.runs_per_s"));
  EXPECT_THAT(WrongWith({{kTraffic, "agents: {runs_per_s: 1, step_s: 0}"}}),
              HasSubstr("agents.step_s: must be more than 0"));
  EXPECT_THAT(WrongWith({{kTraffic, "agents: {runs_per_s: 1, longest_context_tokens: 9}"}}),
              HasSubstr("less than first_prompt_tokens"));
  EXPECT_THAT(WrongWith({{kTraffic, "gamma: {requests_per_s: 2, shape: 0.000001}"}}), HasSubstr("gamma.shape"));
  EXPECT_THAT(WrongWith({{kTraffic, "trace: azure-code, requests_per_s: 900000"}}), HasSubstr("take a generator"));
  EXPECT_THAT(WrongWith({{"fleets:\n", "fleets:\n  - {pool: chat, simulate: fixed, per_output_token_ms: 9}\n"}}),
              HasSubstr("says twice what the pool 'chat' runs on"));
  const std::string kPopulation = "population: {servegen: m-large, scale: 0.001";
  EXPECT_THAT(
      WrongWith({{"length_min: 1",
                  kPopulation + ", demand: {volume: logit, elasticity: 0, reference_price: 1}}\nlength_min: 10"}}),
      HasSubstr("demand.elasticity: of a logit"));
  EXPECT_THAT(WrongWith({{"length_min: 1", "population: {servegen: deepseek-r1, from_day: 1}\nlength_min: 10"}}),
              HasSubstr("has 1 days in all"));
}

// ---- The commands.

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

Outcome Sim(std::vector<std::string> arguments) {
  std::ostringstream out;
  std::ostringstream err;
  cli::Terminal terminal{.out = out, .err = err};
  cli::Invocation invocation{.terminal = terminal};
  CLI::App app("penstock");
  AddRunCommand(app, invocation);
  AddCompareCommand(app, invocation);
  AddScenariosCommand(app, invocation);
  Outcome outcome;
  outcome.exit_code = cli::Run(app, std::move(arguments), invocation);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

/// A file of this test alone.
class ScratchFile {
 public:
  ScratchFile(const std::string& name, const std::string& text)
      : path_(std::filesystem::path(testing::TempDir()) / ("penstock_scenarios_test_" + name)) {
    std::ofstream(path_) << text;
  }
  ~ScratchFile() { std::filesystem::remove(path_); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  std::string path() const { return path_.string(); }

 private:
  const std::filesystem::path path_;
};

TEST(RunCommand, WarnsOnceOfTheRowsOfATraceThatItLeavesOut) {
  const ScratchFile trace("trace.csv",
                          "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.0000000,374,44\n"
                          "2023-11-16 18:15:50.0000000,no,109\n2023-11-16 18:15:56.0000000,879,55\n");
  const std::string client = "  - {tenant: cobalt, trace: " + trace.path() + ", copies: 2}\n";
  const ScratchFile scenario(
      "scenario.yaml",
      Changed(std::string(kPlain), {{"  - {tenant: cobalt, poisson: {requests_per_s: 2}}\n", client + client}}));
  const Outcome ran = Sim({"run", "--scenario", scenario.path()});
  EXPECT_EQ(ran.exit_code, cli::kOk) << ran.err;
  EXPECT_THAT(ran.err,
              AllOf(HasSubstr("warning: "), HasSubstr(trace.path() + ":3"), HasSubstr("1 bad rows left out, 2 taken")));
  EXPECT_EQ(ran.err.find("bad rows"), ran.err.rfind("bad rows"));

  const std::string tariff = (kProject / "sim/scenarios/tariffs/list-price.yaml").string();
  const Outcome compared = Sim({"compare", "--scenario", scenario.path(), "--tariff", tariff, "--tariff", tariff});
  EXPECT_EQ(compared.exit_code, cli::kOk) << compared.err;
  EXPECT_EQ(compared.err, ran.err);
}

TEST(RunCommand, ShowsWhatTheFleetCostsWhereThatIsTold) {
  const ScratchFile scenario("scenario.yaml",
                             Changed(std::string(kPlain), {{"simulate: fixed", "replica_hour: 60, simulate: fixed"}}));
  EXPECT_THAT(Sim({"run", "--scenario", scenario.path()}).out,
              HasSubstr("the fleet costs 1.0000; revenue less that is "));
  EXPECT_THAT(Sim({"run", "--scenario", scenario.path(), "-o", "json"}).out, HasSubstr("\"fleet_cost\": 1.0"));
}

TEST(ScenariosCommand, ListsThemAndPrintsOneToStartFrom) {
  const Outcome listed = Sim({"scenarios"});
  EXPECT_EQ(listed.exit_code, cli::kOk);
  for (const ShippedScenario& shipped : ShippedScenarios()) {
    EXPECT_THAT(listed.out, AllOf(HasSubstr(std::string(shipped.name)), HasSubstr(std::string(shipped.about))));
  }
  EXPECT_EQ(Sim({"scenarios", "free-flood"}).out, TextOf("free-flood"));
  const Outcome unknown = Sim({"scenarios", "free-flod"});
  EXPECT_NE(unknown.exit_code, cli::kOk);
  EXPECT_THAT(unknown.err, AllOf(HasSubstr("no scenario 'free-flod'"), HasSubstr("free-flood, ")));
}

}  // namespace
}  // namespace penstock::sim
