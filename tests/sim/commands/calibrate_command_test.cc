// `penstock sim calibrate` as it is typed: what it prints, what it writes, and how it fails.
#include "sim/commands/calibrate_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/terminal.h"
#include "broker/config/config.h"
#include "tests/sim/traces/compression.h"

namespace penstock::sim {
namespace {

using ::testing::HasSubstr;

const std::string kProfiles = PENSTOCK_SOURCE_DIR "/tests/data/profiles/";
const std::string kGolden = PENSTOCK_SOURCE_DIR "/tests/sim/commands/golden/";

std::string TextOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Outcome {
  int exit_code = 0;
  std::string out;
  std::string err;
};

Outcome Calibrate(std::vector<std::string> arguments) {
  std::ostringstream out;
  std::ostringstream err;
  cli::Terminal terminal{.out = out, .err = err};
  cli::Invocation invocation{terminal};
  CLI::App app("", "penstock");
  CLI::App& sim = *app.add_subcommand("sim");
  AddCalibrateCommand(sim, invocation);
  arguments.insert(arguments.begin(), {"sim", "calibrate"});
  const int exit_code = cli::Run(app, arguments, invocation);
  return {exit_code, out.str(), err.str()};
}

/// With PENSTOCK_UPDATE_GOLDEN set, writes what it got instead.
void ExpectGolden(const std::string& name, const std::string& got) {
  if (std::getenv("PENSTOCK_UPDATE_GOLDEN") != nullptr) std::ofstream(kGolden + name, std::ios::binary) << got;
  EXPECT_EQ(got, TextOf(kGolden + name)) << "run with PENSTOCK_UPDATE_GOLDEN=1 and look at the difference";
}

/// The least that is a configuration, around the pool definition.
absl::StatusOr<config::Config> ConfigWith(const std::string& pool_yaml) {
  const std::string text = "data_dir: /var/lib/penstock\npools:\n" + pool_yaml + R"(
tenants:
  - {name: acme, tier: elastic, keys: [{name: prod}]}
tariff:
  version: v1
  currency: EUR
  effective: 2026-01-01
  rounding: {to: "0.01"}
  pools:
    llama-3.1-8b-instruct:
      prices:
        default: {input: "0.60", cached_input: "0.06", output: "2.40", reasoning: "2.40"}
)";
  return config::ParseConfig(text, "penstock.yaml");
}

TEST(CalibrateCommand, PrintsTheLawOfARequestLogWithItsErrors) {
  const Outcome outcome = Calibrate({"--profile", kProfiles + "RTXPRO6000_Llama-3.1-8B.requests.jsonl", "--model",
                                     "Llama-3.1-8B", "--hardware", "1xRTX PRO 6000", "--target-tpot", "40ms"});
  EXPECT_EQ(outcome.exit_code, cli::kOk) << outcome.err;
  ExpectGolden("calibrate_log.txt", outcome.out);
}

TEST(CalibrateCommand, PrintsTheLawOfATableAndReportsTheRowsItCannotUse) {
  const Outcome outcome = Calibrate({"--profile", kProfiles + "aiconfigurator_extract.csv", "--model", "qwen",
                                     "--hardware", "4xh100", "--replicas", "2"});
  EXPECT_EQ(outcome.exit_code, cli::kOk) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("mode: only `agg` can be used"));
  EXPECT_THAT(outcome.err, HasSubstr("rows were left out"));
  ExpectGolden("calibrate_table.txt", outcome.out);
}

TEST(CalibrateCommand, PrintsJoulesPerTokenWhereTheTableHasPower) {
  const Outcome outcome = Calibrate({"--profile", kProfiles + "splitwise_perf_model.csv", "--model", "llama2-70b",
                                     "--hardware", "8xa100-80gb", "--target-tpot", "100ms"});
  EXPECT_EQ(outcome.exit_code, cli::kOk) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("J per output token"));
  ExpectGolden("calibrate_power.txt", outcome.out);
}

TEST(CalibrateCommand, WritesAPoolThatTheDaemonTakes) {
  const std::string path = testing::TempDir() + "/calibrated_pool.yaml";
  const Outcome outcome = Calibrate({"--profile", kProfiles + "aiconfigurator_extract.csv", "--model", "8b", "--mix",
                                     "1000:200", "--kv-tokens", "400000", "--replicas", "8", "--out", path});
  EXPECT_EQ(outcome.exit_code, cli::kOk) << outcome.err;
  const std::string yaml = TextOf(path);
  std::filesystem::remove(path);
  ExpectGolden("pool.yaml", yaml);
  const auto config = ConfigWith(yaml);
  ASSERT_TRUE(config.ok()) << config.status() << "\n" << yaml;
  const admission::PoolTerms& terms = config->engine.pools.at(0).terms;
  EXPECT_EQ(terms.capacity, NormalizedTokensPerSecond(358'800));
  EXPECT_EQ(terms.max_in_flight, 783);
}

TEST(CalibrateCommand, ACompressedProfileIsTheProfile) {
  const std::vector<std::string> choice = {"--model", "8b", "-o", "json"};
  const auto calibrate = [&](const std::string& profile) {
    std::vector<std::string> arguments = {"--profile", profile};
    arguments.insert(arguments.end(), choice.begin(), choice.end());
    return Calibrate(arguments);
  };
  const std::string table = TextOf(kProfiles + "aiconfigurator_extract.csv");
  const Outcome plain = calibrate(kProfiles + "aiconfigurator_extract.csv");
  const std::string path = testing::TempDir() + "/aiconfigurator_extract.csv";
  for (const std::string& bytes : {Gzipped(table), Zstandardised(table)}) {
    std::ofstream(path, std::ios::binary) << bytes;
    const Outcome packed = calibrate(path);
    EXPECT_EQ(packed.exit_code, cli::kOk) << packed.err;
    EXPECT_EQ(packed.out, plain.out);
    std::ofstream(path, std::ios::binary) << bytes.substr(0, bytes.size() / 2);
    EXPECT_EQ(calibrate(path).exit_code, cli::kBadData);
  }
  std::filesystem::remove(path);
}

TEST(CalibrateCommand, SeveralGroupsAreListed) {
  const Outcome outcome = Calibrate({"--profile", kProfiles + "aiconfigurator_extract.csv"});
  EXPECT_EQ(outcome.exit_code, cli::kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("3 groups match; choose one with --model and --hardware"));
  EXPECT_THAT(outcome.err, HasSubstr("--model 'Qwen/Qwen3-32B' --hardware '2xh100_sxm vllm'  (30 rows)"));
}

TEST(CalibrateCommand, MistakesAreNamed) {
  EXPECT_EQ(Calibrate({"--profile", "/nonexistent"}).exit_code, cli::kIo);
  const Outcome no_profile = Calibrate({"--profile", kProfiles + "README.md"});
  EXPECT_EQ(no_profile.exit_code, cli::kBadData);
  EXPECT_THAT(no_profile.err, HasSubstr("the header is neither of aiconfigurator's table"));
  const Outcome out_of_reach = Calibrate({"--profile", kProfiles + "splitwise_perf_model.csv", "--model", "bloom",
                                          "--hardware", "8xa100-80gb", "--target-tpot", "5ms"});
  EXPECT_EQ(out_of_reach.exit_code, cli::kBadData);
  EXPECT_THAT(out_of_reach.err, HasSubstr("out of reach"));
  EXPECT_EQ(Calibrate({"--profile", "x", "--mix", "nonsense"}).exit_code, cli::kUsage);
  EXPECT_EQ(Calibrate({"--profile", "x", "--target-tpot", "20"}).exit_code, cli::kUsage);
}

}  // namespace
}  // namespace penstock::sim
