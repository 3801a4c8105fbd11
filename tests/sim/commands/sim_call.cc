#include "tests/sim/commands/sim_call.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "broker/cli/command_line.h"
#include "broker/cli/terminal.h"
#include "sim/commands/compare_command.h"
#include "sim/commands/run_command.h"
#include "sim/commands/tune_command.h"

namespace penstock::sim {

const std::string_view kTwoTenants = R"(scenario: two-tenants
length_min: 3
warm_up_s: 18
pools:
  - name: chat
    model: m
    capacity_nt_per_s: 2000
    max_in_flight: 8
    burndown: {input: 1, cached_input: 0.1, output: 4, reasoning: 4}
    classes: {default: {max_waiting: 50}, free: {max_waiting: 5}}
tenants:
  - {name: acme, tier: elastic, keys: [{name: prod}]}
  - {name: hobby, tier: free, keys: [{name: prod}]}
tariff:
  version: v1
  currency: USD
  effective: 2026-01-01
  rounding: {to: "0.000001", mode: half_even}
  pools:
    chat:
      prices:
        default: {input: 0.60, cached_input: 0.06, output: 2.40, reasoning: 2.40}
        free: {input: 0, cached_input: 0, output: 0, reasoning: 0}
fleets:
  - {pool: chat, simulate: fixed, per_output_token_ms: 10, replica_hour: 2.00}
traffic:
  - {tenant: acme, poisson: {requests_per_s: 2, prompt_tokens: 200, output_tokens: 100}}
  - {tenant: hobby, poisson: {requests_per_s: 2, prompt_tokens: 200, output_tokens: 100}, max_wait_s: 2}
)";

Reply Sim(std::vector<std::string> arguments) {
  std::ostringstream out;
  std::ostringstream err;
  cli::Terminal terminal{.out = out, .err = err};
  cli::Invocation invocation{.terminal = terminal};
  CLI::App app("", "penstock");
  CLI::App& sim = *app.add_subcommand("sim");
  AddRunCommand(sim, invocation);
  AddCompareCommand(sim, invocation);
  AddTuneCommand(sim, invocation);
  arguments.insert(arguments.begin(), "sim");
  Reply said;
  said.exit_code = cli::Run(app, std::move(arguments), invocation);
  said.out = out.str();
  said.err = err.str();
  return said;
}

ScratchFolder::ScratchFolder()
    : ScratchFolder(std::string(testing::UnitTest::GetInstance()->current_test_info()->test_suite_name()) + "_" +
                    testing::UnitTest::GetInstance()->current_test_info()->name()) {}

ScratchFolder::ScratchFolder(const std::string& name)
    : path_(std::filesystem::path(testing::TempDir()) / ("penstock_" + name)) {
  std::filesystem::remove_all(path_);
  std::filesystem::create_directories(path_);
}

ScratchFolder::~ScratchFolder() { std::filesystem::remove_all(path_); }

std::string ScratchFolder::File(const std::string& name, std::string_view text) const {
  std::ofstream(path_ / name, std::ios::binary) << text;
  return At(name);
}

std::string TextOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string With(std::string text, const std::string& from, const std::string& to) {
  EXPECT_NE(text.find(from), std::string::npos) << from;
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

void ExpectGolden(const std::string& name, const std::string& got) {
  const std::string path = PENSTOCK_SOURCE_DIR "/tests/sim/commands/golden/" + name;
  if (std::getenv("PENSTOCK_UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << got;
  EXPECT_EQ(got, TextOf(path)) << "run with PENSTOCK_UPDATE_GOLDEN=1 and look at the difference";
}

}  // namespace penstock::sim
