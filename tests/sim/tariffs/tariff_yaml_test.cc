// What is written as a tariff file, the daemon's reader reads as the same tariff.
#include "sim/tariffs/tariff_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "broker/config/config.h"
#include "tests/sim/tariffs/spaces.h"

namespace penstock::sim {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kProject = PENSTOCK_SOURCE_DIR;

void ExpectReadsBack(const ledger::Tariff& tariff, const BurndownRates& burndown) {
  const auto text = WriteTariffYaml(tariff, "A tariff.\n\nOf a test.", burndown);
  ASSERT_TRUE(text.ok()) << text.status();
  const auto read = config::ParseTariff(*text, "written.yaml");
  ASSERT_TRUE(read.ok()) << read.status() << "\n" << *text;
  EXPECT_TRUE(read->tariff.HasTermsOf(tariff)) << *text;
}

TEST(TariffYaml, EveryTariffOfTheSpaceReadsBack) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  for (int world = 0; world < 100 && !testing::Test::HasFailure(); ++world) {
    const TariffSpace space(RandomSpace(random));
    for (int i = 0; i < 4; ++i) {
      ExpectReadsBack(space.TariffAt(RandomShares(space.size(), random)), space.terms().frame.burndown);
    }
  }
}

std::vector<std::string> ShippedTariffs() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kProject / "deploy/tariffs")) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(TariffYaml, EveryShippedTariffReadsBack) {
  const std::vector<std::string> names = ShippedTariffs();
  EXPECT_GE(names.size(), 11u);
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const auto shipped = config::LoadTariff((kProject / "deploy/tariffs" / name).string());
    ASSERT_TRUE(shipped.ok()) << shipped.status();
    ExpectReadsBack(shipped->tariff, ChatBurndown());
  }
}

TEST(TariffYaml, ADaemonsConfigurationTakesATunedTariffAsItStands) {
  TariffFrame frame = WholeSpace().frame;
  frame.burndown[TokenKind::kReasoning] = 0;  // which the pool of this configuration does not have
  TariffParameters parameters;
  parameters.token_price = 432.1;
  parameters.flex_factor = 0.5;
  parameters.peak_factor = 1.25;
  parameters.demand = DemandChoice::kRatchet;
  parameters.demand_price = 77'777;
  parameters.capacity_price = 555;
  const auto text = WriteTariffYaml(MakeTariff(parameters, frame), "Tuned.", frame.burndown);
  ASSERT_TRUE(text.ok()) << text.status();
  std::ostringstream minimal;
  minimal << std::ifstream(kProject / "tests/golden/config/minimal.yaml").rdbuf();
  const std::string configuration = minimal.str().substr(0, minimal.str().find("tariff:")) + "tariff: tariff.yaml\n";

  std::string folder = (std::filesystem::temp_directory_path() / "tariff_yaml_test.XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/tariff.yaml") << *text;
  const auto loaded = config::ParseConfig(configuration, folder + "/penstock.yaml");
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(loaded.ok()) << loaded.status() << configuration;
  EXPECT_TRUE(loaded->engine.tariff.HasTermsOf(MakeTariff(parameters, frame)));
}

ledger::Tariff Plain() {
  TariffParameters parameters;
  parameters.token_price = 600;
  parameters.demand = DemandChoice::kRatchet;
  parameters.demand_price = 5'000;
  return MakeTariff(parameters, WholeSpace().frame);
}

TEST(TariffYaml, LooksAsPeopleWriteIt) {
  TariffParameters parameters;
  parameters.token_price = 600;
  parameters.peak_factor = 1.5;
  const auto text = WriteTariffYaml(MakeTariff(parameters, WholeSpace().frame), "Tuned for revenue.");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(text->substr(0, text->find("    prices:")),
            "# Tuned for revenue.\n"
            "\n"
            "version: tuned-1  # unique for ever: a new tariff needs a new one\n"
            "currency: USD\n"
            "effective: 2026-01-01T00:00:00Z  # UTC\n"
            "rounding: {to: \"0.01\", mode: half_even}\n"
            "time_zone: UTC\n"
            "\n"
            "# Every hour of the week is in exactly one band.\n"
            "time_of_use:\n"
            "  peak: [{days: \"mon,tue,wed,thu,fri\", hours: 8-20}]\n"
            "  off_peak: [{days: \"mon,tue,wed,thu,fri\", hours: 0-8}, {days: \"mon,tue,wed,thu,fri\", hours: 20-24}, "
            "{days: \"sat,sun\", hours: 0-24}]\n"
            "\n"
            "pools:\n"
            "  chat:\n"
            "    # Currency units per million tokens, by the class that a request was served in.\n");
  EXPECT_THAT(
      *text,
      HasSubstr("      default: {input: \"0.6\", cached_input: \"0.06\", output: \"2.4\", reasoning: \"2.4\"}\n"));
  EXPECT_THAT(*text, HasSubstr("        time_of_use: {peak: 3/2, off_peak: 1}\n"));
}

TEST(TariffYaml, RatchetsThatDifferBySeasonReadBack) {
  ledger::Tariff tariff = Plain();
  tariff.calendar.seasons = {"summer", "winter"};
  tariff.calendar.season_of_month = {1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1};
  ledger::Ratchet& ratchet = tariff.pools[0].demand[0].ratchet;
  ratchet.percent = {60, 60, 0, 60, 60, 80, 80, 80, 80, 60, 60, 60};
  ratchet.own_percent = {60, 60, 60, 60, 60, 100, 100, 100, 100, 60, 60, 60};
  ExpectReadsBack(tariff, ChatBurndown());
}

TEST(TariffYaml, SaysWhatAFileCannotSay) {
  struct Case {
    std::function<void(ledger::Tariff&)> change;
    std::string complaint;
  };
  const std::vector<Case> cases = {
      {[](auto& t) { t.effective = Instant(1); }, "not a whole second"},
      {[](auto& t) { t.version = "Über"; }, "is not a name"},
      {[](auto& t) { t.pools[0].pool = "a b"; }, "is not a name"},
      {[](auto& t) { t.pools[0].by_class[2][TokenKind::kInput] = 1'000'000'000'001; }, "larger than files may have it"},
      {[](auto& t) { t.pools[0].demand[0].ratchet.percent[3] = 40; }, "no season tells apart"},
      {[](auto& t) { t.pools[0].demand[0].ratchet.look_back = 0; }, "does not look back"},
      {[](auto& t) {
         t.pools[0].token_rules = {{1, 1}};
       },
       "changes nothing"},
      {[](auto& t) {
         t.pools[0].token_rules = {{4, 1, false, {{0, {2, 2}}}}};
       },
       "not in lowest terms"},
      {[](auto& t) { t.pools[0].commitment.price = 10; }, "no tier draws on the commitment"},
      {[](auto& t) { t.pools[0].service_level.queue_delay = Nanoseconds(5); }, "not whole in milliseconds"},
      {[](auto& t) {
         t.pools[0].service_level.credits = {{990, 10}};
       },
       "nothing promised"},
      {[](auto& t) { t.pools[0].demand[0].ratchet.minimum = 5; }, "not whole in nt"},
      {[](auto& t) { t.pools[0].coupling.step = 5; }, "covers no class"},
      {[](auto& t) { t.pools[0].demand[0].apart = ledger::Apart::kDay; }, "not coincident"},
      {[](auto& t) { t.pools[0].demand[0].windows = 0; }, "out of bounds"},
  };
  for (const Case& wrong : cases) {
    ledger::Tariff tariff = Plain();
    wrong.change(tariff);
    EXPECT_THAT(std::string(WriteTariffYaml(tariff, "").status().message()), HasSubstr(wrong.complaint));
  }
}

}  // namespace
}  // namespace penstock::sim
