// `penstock sim replay` as people see it: texts and exit statuses.
#include "sim/commands/replay_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/terminal.h"
#include "tests/sim/replay/recorded_boot.h"

namespace penstock::sim {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Reply {
  int exit_code = 0;
  std::string out;
  std::string err;
};

class ReplayCommand : public testing::Test {
 protected:
  Reply Run(std::vector<std::string> arguments) {
    std::ostringstream out;
    std::ostringstream err;
    cli::Terminal terminal{.out = out, .err = err};
    cli::Invocation invocation{.terminal = terminal};
    const cli::Parts parts{
        .journal = [this](const std::string&, bool read_only) -> absl::StatusOr<std::unique_ptr<ledger::Journal>> {
          EXPECT_TRUE(read_only);
          return boot_.world().journal().Handle();
        },
        .scheduling = core::FairScheduling()};
    CLI::App app("penstock");
    AddReplayCommand(app, invocation, parts);
    arguments.insert(arguments.begin(), {"replay", "--data", boot_.directory()});
    const int exit_code = cli::Run(app, arguments, invocation);
    return {exit_code, out.str(), err.str()};
  }

  /// A tariff file for the boot's pool, generated tokens at this price per million.
  std::string TariffFile(const std::string& pool, const std::string& output_price) {
    const std::string path = boot_.directory() + "/tariff.yaml";
    std::ofstream file(path);
    file << "version: candidate-1\ncurrency: USD\neffective: 2020-01-01\n"
         << "rounding: {to: \"0.01\", mode: half_even}\npools:\n  " << pool << ":\n    prices:\n";
    for (const char* served : {"flex", "default", "reserved"}) {
      file << "      " << served << ": {input: \"0.60\", cached_input: \"0.06\", output: \"" << output_price
           << "\", reasoning: \"" << output_price << "\"}\n";
    }
    file << "      free: {input: \"0\", cached_input: \"0\", output: \"0\", reasoning: \"0\"}\n"
         << "    spillover_factor: 1\n";
    return path;
  }

  RecordedBoot boot_;
};

TEST_F(ReplayCommand, UnchangedSaysThatEveryDecisionIsEqual) {
  boot_.Serve(30, Milliseconds(400), 1);
  boot_.Write();
  const Reply said = Run({});
  EXPECT_EQ(said.exit_code, cli::kOk) << said.err;
  EXPECT_THAT(said.out, HasSubstr("decisions  60 of 60 decisions equal, journal equal"));
  EXPECT_THAT(said.out, testing::Not(HasSubstr("requests")));
  const nlohmann::json json = nlohmann::json::parse(Run({"-o", "json"}).out);
  EXPECT_EQ(json["same"], true);
  EXPECT_EQ(json["journal_equal"], true);
  EXPECT_EQ(json["admits"], 30);
}

TEST_F(ReplayCommand, ExitsWithOneAndTheFirstDifference) {
  boot_.Alter([](core::Command& command) {
    if (auto* admit = std::get_if<core::Admit>(&command)) admit->key = KeyId{99};
  });
  boot_.Serve(3, Milliseconds(400), 1);
  boot_.Write();
  const Reply said = Run({"--simulate"});
  EXPECT_EQ(said.exit_code, cli::kRefused);
  EXPECT_THAT(said.out, HasSubstr("first difference  command 1 (Admit"));
  EXPECT_THAT(said.out, testing::Not(HasSubstr("conserved"))) << "what it learnt does not count";
}

TEST_F(ReplayCommand, SimulatedShowsLogAndVirtualTimeBesideEachOther) {
  boot_.Serve(40, Milliseconds(500), 2);
  boot_.Write();
  const Reply said = Run({"--simulate"});
  EXPECT_EQ(said.exit_code, cli::kOk) << said.err << said.out;
  EXPECT_EQ(said.out, R"(epoch      1
commands   2265, 40 of them Admit
decisions  80 of 80 decisions equal, journal equal
from       2023-11-14T22:00:00Z
to         2023-11-14T22:13:41Z
requests   40 in 40 answered Admits
assumed    0 without an end in the log: median tokens and times of their tenant (0), pool (0), all (0)
left out   nothing
durations  requests take the time that was measured then, whatever runs beside them: with another capacity nothing better is known
tariff     test-1
conserved  yes: requests, tokens, work and money

requests                     log  same
came                          40    40
granted                       40    40
refused for good, own limit    0     0
refused for good, pool         0     0

class            came  refused  granted  wait p50 s    p90    p99
free       log     17        0       17       0.000  0.000  0.000
           same    17        0       17       0.000  0.000  0.000
default    log     13        0       13       0.000  0.000  0.000
           same    13        0       13       0.000  0.000  0.000
spillover  log     10        0        0       0.000  0.000  0.000
           same    10        0        0       0.000  0.000  0.000
reserved   log      0        0       10       0.000  0.000  0.000
           same     0        0       10       0.000  0.000  0.000

pool        capacity nt/s  utilisation %  busiest minute %
chat  same           1000           45.6              16.3
)");
}

TEST_F(ReplayCommand, UnderATariffShowsWhoPaysMore) {
  boot_.Serve(40, Milliseconds(500), 3);
  boot_.Write();
  const Reply said = Run({"--tariff", TariffFile("chat", "240"), "-o", "json"});
  ASSERT_EQ(said.exit_code, cli::kOk) << said.err;
  const nlohmann::json json = nlohmann::json::parse(said.out)["virtual_time"];
  EXPECT_EQ(json["tariff"]["then"], "test-1");
  EXPECT_EQ(json["tariff"]["now"], "candidate-1");
  EXPECT_EQ(json["pay"]["the_same"], 1) << "the free tenant";
  EXPECT_EQ(json["bills"].size(), 3u);
  EXPECT_EQ(json["log"]["granted"], json["changed"]["granted"]);
  EXPECT_EQ(json["changed"]["conserved"], true);
  const Reply table = Run({"--tariff", TariffFile("chat", "240"), "--tenants", "1"});
  EXPECT_THAT(table.out, HasSubstr("tariff     test-1 -> candidate-1"));
  EXPECT_THAT(table.out, HasSubstr("2 others"));
  EXPECT_THAT(table.out, HasSubstr("1 the same, "));
}

TEST_F(ReplayCommand, UnderOtherWeightsAndCapacityGivesTheSameBytesTwice) {
  boot_.Serve(80, Milliseconds(180), 4);
  boot_.Write();
  const std::vector<std::string> arguments = {
      "--weights", "free=5,default=2", "--capacity-factor", "1.5", "--max-in-flight", "8", "--pool", "chat"};
  const Reply said = Run(arguments);
  EXPECT_EQ(said.exit_code, cli::kOk) << said.err << said.out;
  EXPECT_THAT(said.out, HasSubstr("changed"));
  EXPECT_EQ(Run(arguments).out, said.out);
}

TEST_F(ReplayCommand, SaysWhatIsWrongWithWhatItWasGiven) {
  const Reply no_log = Run({});
  EXPECT_NE(no_log.exit_code, cli::kOk);
  EXPECT_THAT(no_log.err, StartsWith("penstock sim replay: there is no arrival log in "));
  boot_.Serve(4, Milliseconds(500), 5);
  boot_.Write();
  const Reply no_epoch = Run({"--epoch", "7"});
  EXPECT_EQ(no_epoch.exit_code, cli::kConfig);
  EXPECT_THAT(no_epoch.err, HasSubstr("7"));
  const Reply no_class = Run({"--weights", "gold=3"});
  EXPECT_EQ(no_class.exit_code, cli::kConfig);
  EXPECT_THAT(no_class.err, HasSubstr("--weights: 'gold' is no class with a share"));
  EXPECT_THAT(Run({"--weights", "free=0"}).err, HasSubstr("'0' is no whole number from 1"));
  EXPECT_THAT(Run({"--pool", "nowhere", "--max-in-flight", "2"}).err, HasSubstr("name one of chat"));
  const Reply unpriced = Run({"--tariff", TariffFile("elsewhere", "2.40")});
  EXPECT_EQ(unpriced.exit_code, cli::kConfig);
  EXPECT_THAT(unpriced.err, HasSubstr("has no prices for pool 'chat'"));
  EXPECT_EQ(Run({"--capacity-factor", "2", "--capacity-nt-per-s", "5"}).exit_code, cli::kUsage);
}

TEST_F(ReplayCommand, NamesTheDamagedPlaceOfALog) {
  boot_.Serve(20, Milliseconds(500), 6);
  boot_.Write();
  const std::string path = arrivals::ListLog(boot_.directory())->front().path;
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(path) / 2));
  file.put('\x55');
  file.put('\x2a');
  file.close();
  const Reply said = Run({"--simulate"});
  EXPECT_EQ(said.exit_code, cli::kRefused);
  EXPECT_THAT(said.err, HasSubstr(".log"));
}

}  // namespace
}  // namespace penstock::sim
