// `penstock sim tune` as it is typed: what it writes, that it writes the same again and after an interruption, and what
// it refuses. The search is as small as it goes, so its tariff is none to use.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "broker/cli/exit_codes.h"
#include "broker/config/config.h"
#include "ledger/sha256.h"
#include "sim/commands/scenario_runs.h"
#include "tests/sim/commands/sim_call.h"

namespace penstock::sim {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::vector<std::string> kFiles = {"evaluations.log", "findings.json", "manifest.json", "report.html",
                                         "tariff.yaml"};

/// A morning of spiky-and-smooth with a few requests of some of its customers.
std::string TinyMarket() {
  std::string scenario(ScenarioNamed("spiky-and-smooth")->yaml);
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"scenario: spiky-and-smooth\n", "scenario: tiny-market\n"},
           {"length_days: 7", "length_min: 490"},
           {"servegen: m-large", "servegen: m-small"},
           {"  scale: 0.0025\n", "  scale: 0.00002\n  clients: even\n  hold_out: {from_day: 1, clients: odd}\n"}}) {
    scenario = With(scenario, from, to);
  }
  const size_t cost = scenario.find("replica_hour: ");
  return scenario.replace(cost, scenario.find('}', cost) - cost, "replica_hour: 10.00");
}

class TuneCommand : public testing::Test {
 protected:
  /// One whole search of the tiny market, which several tests look at.
  static void SetUpTestSuite() {
    whole_ = new ScratchFolder("tune_command");
    said_ = new Reply(Sim({"tune", "--scenario", whole_->File("scenario.yaml", TinyMarket()), "--out",
                           whole_->At("out"), "--budget", "20", "--finals", "2", "--seeds", "2"}));
  }
  static void TearDownTestSuite() {
    delete said_;
    delete whole_;
  }
  /// A copy of what it wrote.
  void CopyWhole(const std::string& out) const { fs::copy(whole_->At("out"), folder_.At(out)); }
  static std::string WholeBytes() { return BytesIn(whole_->At("out")); }

  Reply Tune(const std::string& out, std::vector<std::string> more = {}) { return TuneIn(TinyMarket(), out, more); }
  Reply TuneIn(const std::string& scenario, const std::string& out, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"tune",  "--scenario",    folder_.File("scenario.yaml", scenario),
                                          "--out", folder_.At(out), "--budget",
                                          "20",    "--finals",      "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    if (std::find(more.begin(), more.end(), "--seeds") == more.end()) {
      arguments.insert(arguments.end(), {"--seeds", "2"});
    }
    return Sim(std::move(arguments));
  }
  std::string FileOf(const std::string& out, const std::string& name) const { return folder_.At(out) + "/" + name; }
  std::string BytesOf(const std::string& out) const { return BytesIn(folder_.At(out)); }
  static std::string BytesIn(const std::string& folder) {
    std::string all;
    for (const std::string& file : kFiles) all += file + "\n" + TextOf(folder + "/" + file);
    return all;
  }

  static ScratchFolder* whole_;
  static Reply* said_;
  ScratchFolder folder_;
};

ScratchFolder* TuneCommand::whole_ = nullptr;
Reply* TuneCommand::said_ = nullptr;

TEST_F(TuneCommand, WritesATariffThatTheDaemonTakesAndSaysWhatItIsMadeOf) {
  ASSERT_EQ(said_->exit_code, cli::kOk) << said_->err;
  EXPECT_THAT(said_->err, IsEmpty()) << "no progress line without a terminal";
  EXPECT_THAT(said_->out, HasSubstr("wrote " + whole_->At("out") + "/tariff.yaml"));
  CopyWhole("tuned");
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder_.At("tuned"))) files.push_back(entry.path().filename());
  EXPECT_THAT(files, testing::UnorderedElementsAreArray(kFiles));

  const std::string yaml = TextOf(FileOf("tuned", "tariff.yaml"));
  const auto tariff = config::ParseTariff(yaml, "tariff.yaml");
  ASSERT_TRUE(tariff.ok()) << tariff.status() << "\n" << yaml;
  EXPECT_NE(tariff->tariff.PricesOf("chat"), nullptr);
  const Reply used =
      Sim({"run", "--scenario", whole_->At("scenario.yaml"), "--tariff", FileOf("tuned", "tariff.yaml")});
  EXPECT_EQ(used.exit_code, cli::kOk) << used.err;

  const json manifest = json::parse(TextOf(FileOf("tuned", "manifest.json")));
  EXPECT_EQ(manifest["inputs"]["scenario"], ledger::ToHex(ledger::Sha256(TinyMarket())));
  EXPECT_EQ(manifest["results"].size(), 4u);
  for (const std::string& file : kFiles) {
    if (file == "manifest.json") continue;
    EXPECT_EQ(manifest["results"][file], ledger::ToHex(ledger::Sha256(TextOf(FileOf("tuned", file))))) << file;
  }
  EXPECT_EQ(manifest["seeds"], (json{{"search", {1}}, {"training", {1, 2}}, {"hold_out", {102, 103}}}));
  EXPECT_THAT(manifest["versions"]["penstock"].get<std::string>(), testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_EQ(manifest["parameters"]["screen_budget"], "20");
  EXPECT_EQ(manifest["parameters"]["objective"], "revenue_per_capacity");
}

TEST_F(TuneCommand, ManifestNamesTheFilesThatTracesCameFrom) {
  const std::string rows = TextOf(PENSTOCK_SOURCE_DIR "/tests/data/traces/azure_2023.csv");
  folder_.File("rows.csv", rows);
  const std::string market = With(TinyMarket(), "population:\n",
                                  "tenants: [{name: acme, tier: elastic, keys: [{name: prod}]}]\n"
                                  "traffic: [{tenant: acme, trace: rows.csv, repeat: no}]\npopulation:\n");
  const Reply said = TuneIn(market, "tuned");
  ASSERT_EQ(said.exit_code, cli::kOk) << said.err;
  const json manifest = json::parse(TextOf(FileOf("tuned", "manifest.json")));
  EXPECT_EQ(manifest["inputs"]["rows.csv"], ledger::ToHex(ledger::Sha256(rows)));

  folder_.File("rows.csv", rows.substr(0, rows.rfind('\n', rows.size() - 2) + 1));
  const Reply other = TuneIn(market, "tuned", {"--resume"});
  EXPECT_EQ(other.exit_code, cli::kConfig);
  EXPECT_THAT(other.err, HasSubstr("is of a search in another scenario"));
}

TEST_F(TuneCommand, FindingsHaveKeysThatProgramsCanRelyOn) {
  const Reply said = Tune("tuned", {"-o", "json"});
  ASSERT_EQ(said.exit_code, cli::kOk) << said.err;
  EXPECT_EQ(said.out, TextOf(FileOf("tuned", "findings.json")));
  const auto keys = [](const json& object) {
    std::vector<std::string> found;
    for (const auto& [key, value] : object.items()) found.push_back(key);
    return found;
  };
  const json findings = json::parse(said.out);
  EXPECT_THAT(keys(findings), ElementsAre("baselines", "confidence", "evaluations", "objective", "rank_correlation",
                                          "scenario", "sweep", "tariff", "verdict", "winner"));
  EXPECT_THAT(keys(findings["winner"]), ElementsAre("clearly_misses_constraints", "cross_subsidy", "keeps_constraints",
                                                    "name", "objective", "objective_in_training", "service_level"));
  EXPECT_THAT(keys(findings["baselines"][0]),
              ElementsAre("clearly_misses_constraints", "cross_subsidy", "keeps_constraints", "name", "objective",
                          "objective_in_training", "outcome", "service_level", "verdict", "winner_cross_subsidy_more",
                          "winner_gains"));
  EXPECT_THAT(keys(findings["tariff"]), testing::IsSupersetOf({"token price", "demand rule", "demand price"}));
  EXPECT_THAT(findings["tariff"]["token price"].get<std::string>(), testing::EndsWith(" USD per million nt"));
  EXPECT_EQ(findings["baselines"].size(), 6u) << "five simple tariffs and random search";
}

TEST_F(TuneCommand, GivesTheSameBytesAgainAndOnAnyNumberOfThreads) {
  for (const std::string threads : {"1", "3"}) {
    const Reply again = Tune("again_" + threads, {"--threads", threads});
    ASSERT_EQ(again.exit_code, cli::kOk) << again.err;
    EXPECT_TRUE(BytesOf("again_" + threads) == WholeBytes());
    EXPECT_EQ(With(again.out, folder_.At("again_" + threads), "DIR"), With(said_->out, whole_->At("out"), "DIR"));
  }
}

TEST_F(TuneCommand, AfterAnInterruptionGoesOnToTheSameBytes) {
  const std::string log = TextOf(whole_->At("out/evaluations.log"));
  const size_t first_line = log.find('\n') + 1;
  for (const size_t length : {log.size() * 2 / 3, first_line - 10}) {
    SCOPED_TRACE(length);
    fs::remove_all(folder_.At("cut"));
    fs::create_directories(folder_.At("cut"));
    folder_.File("cut/evaluations.log", log.substr(0, length));
    const Reply said = Tune("cut", {"--resume"});
    ASSERT_EQ(said.exit_code, cli::kOk) << said.err;
    EXPECT_TRUE(BytesOf("cut") == WholeBytes());
  }
}

TEST_F(TuneCommand, ASweepIsKeptTooAndMayBeAddedLater) {
  CopyWhole("tuned");
  const Reply added = Tune("tuned", {"--elasticities", "0.5,1.6", "--resume"});
  ASSERT_EQ(added.exit_code, cli::kOk) << added.err;
  EXPECT_THAT(added.out, HasSubstr("Tuned again for each elasticity"));
  const std::string findings = TextOf(FileOf("tuned", "findings.json"));
  const json sweep = json::parse(findings)["sweep"];
  ASSERT_EQ(sweep.size(), 2u);
  EXPECT_EQ(sweep[1]["elasticity"], 1.6);
  EXPECT_EQ(sweep[1]["flat"]["name"], "flat price");
  const json manifest = json::parse(TextOf(FileOf("tuned", "manifest.json")));
  EXPECT_TRUE(manifest["results"].contains("evaluations-elasticity-0.5.log"));

  const std::string log = FileOf("tuned", "evaluations-elasticity-1.6.log");
  const std::string whole = TextOf(log);
  folder_.File("tuned/evaluations-elasticity-1.6.log", whole.substr(0, whole.size() / 2));
  ASSERT_EQ(Tune("tuned", {"--elasticities", "0.5,1.6", "--resume"}).exit_code, cli::kOk);
  EXPECT_EQ(TextOf(log), whole);
  EXPECT_EQ(TextOf(FileOf("tuned", "findings.json")), findings);
}

TEST_F(TuneCommand, GoesOnFromNoOtherSearchAndOverwritesNone) {
  CopyWhole("tuned");
  const std::string log = FileOf("tuned", "evaluations.log");

  const Reply again = Tune("tuned");
  EXPECT_EQ(again.exit_code, cli::kIo);
  EXPECT_EQ(again.err, "error: " + log +
                           ": is of an earlier search; go on with it (--resume), name another folder, or "
                           "remove it\n");
  const std::string dearer = With(TinyMarket(), "replica_hour: 10.00", "replica_hour: 11.00");
  for (const Reply& other : {TuneIn(dearer, "tuned", {"--resume"}), Tune("tuned", {"--resume", "--first-seed", "2"}),
                             Tune("tuned", {"--resume", "--service-level", "90"})}) {
    EXPECT_EQ(other.exit_code, cli::kConfig);
    EXPECT_THAT(other.err, StartsWith("error: " + log + ": is of a search in another scenario, with other options"));
  }
  EXPECT_TRUE(BytesOf("tuned") == WholeBytes());

  std::string damaged = TextOf(log);
  damaged.replace(damaged.size() / 2, 40, 40, '?');
  folder_.File("tuned/evaluations.log", damaged);
  const Reply broken = Tune("tuned", {"--resume"});
  EXPECT_EQ(broken.exit_code, cli::kConfig);
  EXPECT_THAT(broken.err, StartsWith("error: " + log + ": saved evaluations, line "));
}

TEST_F(TuneCommand, ReportIsOneFileThatFetchesNothing) {
  ASSERT_EQ(Tune("tuned", {"--elasticities", "0.5"}).exit_code, cli::kOk);
  const std::string html = TextOf(FileOf("tuned", "report.html"));
  EXPECT_THAT(html, StartsWith("<!DOCTYPE html>"));
  for (const std::string fetch : {"src=", "<script", "<link", "@import", "url(", "<iframe", "<object", "<embed"}) {
    EXPECT_THAT(html, Not(HasSubstr(fetch)));
  }
  EXPECT_THAT(html, HasSubstr("tiny-market"));
  EXPECT_EQ(json::parse(TextOf(FileOf("tuned", "findings.json")))["sweep"][0]["elasticity"], 0.5);
}

TEST_F(TuneCommand, SaysWhatAScenarioLacks) {
  const std::string market = TinyMarket();
  std::string told;
  const auto tell = [&](const std::string& scenario) {
    const Reply said = TuneIn(scenario, "tuned");
    EXPECT_EQ(said.exit_code, cli::kConfig) << said.err;
    EXPECT_THAT(said.out, IsEmpty());
    told += With(said.err, "error: ", "");
  };
  tell(std::string(kTwoTenants));
  std::string silent = market.substr(0, market.find("  demand:\n"));
  tell(silent);
  tell(With(market, ", replica_hour: 10.00", ""));
  tell(With(market, "length_min: 490", "length_min: 480"));
  tell(With(With(market, "    max_in_flight: 128\n",
                 "    max_in_flight: 128\n    market: {posted_price: {curve: [[0%, 80%], [100%, 300%]]}}\n"),
            "      spillover_factor: 1\n",
            "      spillover_factor: 1\n      posted_price: {classes: [default], step: \"0.001\"}\n"
            "      capacity: {price_per_nt_per_s_hour: \"0.001\"}\n"));
  ExpectGolden("tune_refusals.txt", told);
  EXPECT_FALSE(fs::exists(folder_.At("tuned"))) << "nothing is written for a search that cannot begin";
}

TEST_F(TuneCommand, RefusesWhatMakesNoSense) {
  const Reply one_seed = Tune("tuned", {"--seeds", "1"});
  EXPECT_EQ(one_seed.exit_code, cli::kUsage);
  EXPECT_EQ(one_seed.err, "error: --seeds must be 2 or more: without a second one nothing says what is chance\n");
  EXPECT_EQ(Tune("tuned", {"--objective", "fame"}).exit_code, cli::kUsage);
  EXPECT_EQ(Sim({"tune", "--scenario", "spiky-and-smooth"}).exit_code, cli::kUsage) << "no --out";
  const Reply no_folder = Tune("scenario.yaml/tuned");
  EXPECT_EQ(no_folder.exit_code, cli::kIo);
  EXPECT_EQ(no_folder.err, "error: " + folder_.At("scenario.yaml/tuned") + ": cannot be made: Not a directory\n");
}

}  // namespace
}  // namespace penstock::sim
