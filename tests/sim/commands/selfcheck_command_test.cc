// The layout is a golden file in tests/golden/sim/; PENSTOCK_UPDATE_GOLDEN=1 writes it anew: read the difference before
// committing it.
#include "sim/commands/selfcheck_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"

namespace penstock::sim {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

Outcome Selfcheck(std::vector<std::string> arguments, bool err_is_terminal = false) {
  std::ostringstream out;
  std::ostringstream err;
  cli::Terminal terminal{.out = out, .err = err, .err_is_terminal = err_is_terminal};
  cli::Invocation invocation{.terminal = terminal};
  CLI::App app("penstock");
  AddSelfcheckCommand(app, invocation);
  arguments.insert(arguments.begin(), "selfcheck");
  Outcome outcome;
  outcome.exit_code = cli::Run(app, arguments, invocation);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

SelfcheckResult SomeResult() {
  using How = CheckedCell::How;
  SelfcheckResult result{.cells = {}, .confidence = 0.99979};
  result.cells.push_back({"mm1/0.95/mean_wait", How::kSimulated, 19, false, 19.0103, 18.91, 19.1106, true, true, 64});
  result.cells.push_back(
      {"mm1/0.95/share_beyond_p99_of_92.1034", How::kSimulated, 0.01, false, 0.0101, 0.0095, 0.0107, true, true, 64});
  result.cells.push_back({"production/erlang_b/10/10/blocking", How::kProduction, 0.214582343, false, 0.211101, 0.2108,
                          0.211402, false, true, 64});
  result.cells.push_back({"trunk_reservation/10/gain_of_4_over_3", How::kSimulated, 0, true, 0.3, 0.2, 0.4, true});
  result.cells.push_back(
      {"littlewood/protection", How::kComputed, 53.800207, false, 53.8002069, 53.8002064, 53.8002074, true});
  return result;
}

TEST(SelfcheckCommand, TableHasACellARow) {
  const std::string path = PENSTOCK_SOURCE_DIR "/tests/golden/sim/selfcheck.txt";
  const std::string said = SelfcheckTable(SomeResult(), /*nudge=*/1, /*colour=*/false);
  if (std::getenv("PENSTOCK_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << said;
  std::ostringstream expected;
  expected << std::ifstream(path).rdbuf();
  EXPECT_EQ(said, expected.str());
}

TEST(SelfcheckCommand, JsonHasTheSameFigures) {
  const auto json = nlohmann::json::parse(SelfcheckJson(SomeResult(), 3, 1.02));
  EXPECT_EQ(json["seed"], 3);
  EXPECT_EQ(json["nudge"], 1.02);
  EXPECT_EQ(json["all_in"], false);
  EXPECT_EQ(json["cells"].size(), 5u);
  EXPECT_EQ(json["cells"][2]["by"], "production");
  EXPECT_EQ(json["cells"][2]["in"], false);
  EXPECT_EQ(json["cells"][3]["at_least"], true);
}

TEST(SelfcheckCommand, EndsWithZeroWhenAllIsInAndWithOneWhenACellIsOut) {
  const Outcome in = Selfcheck({"--cells", "erlang_b/1/1"});
  EXPECT_EQ(in.exit_code, cli::kOk) << in.out;
  EXPECT_THAT(in.out, HasSubstr("All in."));
  EXPECT_THAT(in.err, IsEmpty());
  const Outcome nudged = Selfcheck({"--cells", "erlang_b/1/1", "--nudge", "1.02"});
  EXPECT_EQ(nudged.exit_code, cli::kRefused) << nudged.out;
  EXPECT_THAT(nudged.out, HasSubstr("OUT"));
  EXPECT_THAT(nudged.out, HasSubstr("multiplied by 1.02: of 1 cells that feel it, 1 are out"));
}

TEST(SelfcheckCommand, SaysTheSameOnAnyNumberOfThreads) {
  EXPECT_EQ(Selfcheck({"--cells", "md1/0.5", "--threads", "1", "-o", "json"}).out,
            Selfcheck({"--cells", "md1/0.5", "--threads", "3", "-o", "json"}).out);
}

TEST(SelfcheckCommand, WipesTheProgressLineOfAPerson) {
  const Outcome outcome = Selfcheck({"--cells", "erlang_b/1/1"}, /*err_is_terminal=*/true);
  EXPECT_THAT(outcome.err, testing::EndsWith("\r\x1b[K"));
}

TEST(SelfcheckCommand, RefusesWhatMakesNoSense) {
  const Outcome nothing = Selfcheck({"--cells", "no such cell"});
  EXPECT_EQ(nothing.exit_code, cli::kBadData);
  EXPECT_THAT(nothing.err, HasSubstr("no cell has \"no such cell\" in its name"));
  EXPECT_EQ(Selfcheck({"--nudge", "0.5"}).exit_code, cli::kUsage) << "queues would grow without end";
}

}  // namespace
}  // namespace penstock::sim
