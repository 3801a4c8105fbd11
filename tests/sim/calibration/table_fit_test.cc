#include "sim/calibration/table_fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "sim/calibration/energy.h"
#include "sim/calibration/log_fit.h"

namespace penstock::sim {
namespace {

using ::testing::HasSubstr;

ProfileTable TableOf(const std::string& name) {
  const std::string path = PENSTOCK_SOURCE_DIR "/tests/data/profiles/" + name;
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  const auto table = ParseProfileTable(text.str(), path);
  EXPECT_TRUE(table.ok()) << table.status();
  return *table;
}

TEST(TableFit, HeldOutTimesPerOutputTokenOfRealEnginesAreForeseen) {
  const ProfileTable table = TableOf("aiconfigurator_extract.csv");
  ASSERT_EQ(table.groups.size(), 3u);
  for (const ProfileGroup& group : table.groups) {
    SCOPED_TRACE(group.model + " on " + group.hardware);
    const auto fit = FitTable(group, 2'048);
    ASSERT_TRUE(fit.ok()) << fit.status();
    EXPECT_EQ(fit->fitted.rows + fit->held_out.rows, group.rows.size());
    EXPECT_LT(fit->fitted.per_output, 0.04);
    EXPECT_LT(fit->held_out.per_output, 0.04);
  }
}

TEST(TableFit, RowsThatCannotBeUsedAreNamed) {
  const ProfileTable table = TableOf("aiconfigurator_extract.csv");
  size_t rows = table.bad.size();
  for (const ProfileGroup& group : table.groups) rows += group.rows.size();
  EXPECT_EQ(rows, 107u);
  ASSERT_EQ(table.bad.size(), 5u);
  for (const BadRow& bad : table.bad) EXPECT_GT(bad.line, 1u);
}

TEST(TableFit, SplitwiseTimesAndPowerGiveJoulesPerToken) {
  const ProfileTable table = TableOf("splitwise_perf_model.csv");
  EXPECT_TRUE(table.bad.empty());
  EXPECT_EQ(table.groups.size(), 12u);
  for (const ProfileGroup& group : table.groups) {
    SCOPED_TRACE(group.model + " on " + group.hardware);
    const auto fit = FitTable(group, 2'048);
    ASSERT_TRUE(fit.ok()) << fit.status();
    EXPECT_LT(fit->held_out.per_output, 0.08);
    const bool has_power = group.hardware.ends_with("a100-80gb");
    EXPECT_EQ(EnergyByBatch(group.rows).empty(), !has_power);
  }
}

TEST(Energy, IsPowerTimesTimePerToken) {
  ProfileRow row{.input = 500, .output = 100, .concurrent = 4, .first_token_ms = 200, .per_output_ms = 50};
  row.prompt_watts = 1'000;
  row.mean_watts = 800;
  const auto energies = EnergyByBatch(std::vector<ProfileRow>{row, {.concurrent = 4}});
  ASSERT_EQ(energies.size(), 1u);
  EXPECT_DOUBLE_EQ(energies[0].joules_per_input_token, 0.1);  // 200 J for 2,000 tokens
  EXPECT_DOUBLE_EQ(energies[0].joules_per_output_token, 10);  // 40 J for 4
  EXPECT_EQ(EnergyNear(energies, 100).batch, 4);
}

TEST(ProfileTable, AnUnknownHeaderIsAnError) {
  EXPECT_THAT(std::string(ParseProfileTable("a,b\n1,2\n", "t.csv").status().message()),
              HasSubstr("t.csv:1: the header is neither"));
}

TEST(TableFit, TooFewCombinationsAreAnError) {
  ProfileGroup group{.model = "m", .hardware = "h", .rows = std::vector<ProfileRow>(9)};
  EXPECT_THAT(std::string(FitTable(group, 2'048).status().message()), HasSubstr("only 1 different combinations"));
}

}  // namespace
}  // namespace penstock::sim
