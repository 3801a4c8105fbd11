// `penstock sim compare` as it is typed: two tariffs, the same customers and draws.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "broker/cli/exit_codes.h"
#include "sim/commands/scenario_runs.h"
#include "tests/sim/commands/sim_call.h"

namespace penstock::sim {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kTariffs = PENSTOCK_SOURCE_DIR "/sim/scenarios/tariffs/";
const std::string kListPrice = kTariffs + "list-price.yaml";
const std::string kPriceCut = kTariffs + "price-cut.yaml";

class CompareCommand : public testing::Test {
 protected:
  /// An hour of the elastic market of a price cut, with a sixth of its customers' traffic.
  Reply Compare(const std::vector<std::string>& tariffs, std::vector<std::string> more = {}) {
    std::string scenario(ScenarioNamed("price-cut-elastic")->yaml);
    scenario = With(With(scenario, "length_days: 1", "length_h: 1"), "scale: 0.012", "scale: 0.002");
    more.insert(more.begin(), {"compare", "--scenario", folder_.File("scenario.yaml", scenario)});
    for (const std::string& tariff : tariffs) more.insert(more.end(), {"--tariff", tariff});
    return Sim(std::move(more));
  }
  json CompareJson(const std::vector<std::string>& tariffs, const std::string& seeds) {
    const Reply said = Compare(tariffs, {"--seeds", seeds, "-o", "json"});
    EXPECT_EQ(said.exit_code, cli::kOk) << said.err;
    return json::parse(said.out);
  }

  ScratchFolder folder_;
};

const json& FigureOf(const json& told, const std::string& name) {
  for (const json& figure : told["figures"]) {
    if (figure["name"] == name) return figure;
  }
  ADD_FAILURE() << "no figure " << name;
  return told["figures"][0];
}

TEST_F(CompareCommand, ShowsDifferencesWinnersAndLosers) {
  const Reply said = Compare({kListPrice, kPriceCut}, {"--seeds", "3", "--tenants", "4"});
  EXPECT_EQ(said.exit_code, cli::kOk) << said.err;
  EXPECT_THAT(said.err, IsEmpty());
  ExpectGolden("compare_price_cut.txt", said.out);
  EXPECT_EQ(Compare({kListPrice, kPriceCut}, {"--seeds", "3", "--tenants", "4", "--threads", "1"}).out, said.out);
}

TEST_F(CompareCommand, KnowsDifferencesBetterThanEitherFigure) {
  const json told = CompareJson({kListPrice, kPriceCut}, "4");
  const json& revenue = FigureOf(told, "revenue");
  EXPECT_NEAR(revenue["difference"]["mean"].get<double>(),
              revenue["second"]["mean"].get<double>() - revenue["first"]["mean"].get<double>(), 1e-6);
  // At an elasticity of 2, a cut to 70 % brings 1 / 0.7 of the revenue. Requests are drawn in whole.
  EXPECT_NEAR(revenue["second"]["mean"].get<double>() / revenue["first"]["mean"].get<double>(), 1 / 0.7, 0.1);
  EXPECT_GT(revenue["difference"]["mean"], revenue["difference"]["half_width"]);
  EXPECT_LT(revenue["difference"]["half_width"].get<double>(), 0.6 * revenue["second"]["half_width"].get<double>());
}

TEST_F(CompareCommand, ATariffAgainstItselfDiffersInNothing) {
  const json told = CompareJson({kListPrice, kListPrice}, "2");
  EXPECT_EQ(told["figures"].size(), 9u);
  for (const json& figure : told["figures"]) {
    EXPECT_EQ(figure["first"], figure["second"]) << figure;
    EXPECT_EQ(figure["difference"], (json{{"mean", 0.0}, {"half_width", 0.0}})) << figure;
  }
  EXPECT_EQ(told["customers"].size(), 162u);
  for (const json& customer : told["customers"]) {
    EXPECT_EQ(customer["difference"]["mean"], 0.0) << customer;
    EXPECT_EQ(customer["verdict"], "pays the same") << customer;
  }
  EXPECT_EQ(told["pay_less"], 0);
  EXPECT_EQ(told["pay_more"], 0);
  EXPECT_GT(FigureOf(told, "revenue")["first"]["mean"], 0);
}

TEST_F(CompareCommand, JsonHasKeysThatProgramsCanRelyOn) {
  const auto keys = [](const json& object) {
    std::vector<std::string> found;
    for (const auto& [key, value] : object.items()) found.push_back(key);
    return found;
  };
  const json told = CompareJson({kListPrice, kPriceCut}, "2");
  EXPECT_THAT(keys(told), ElementsAre("confidence", "currency", "customers", "figures", "first", "pay_less", "pay_more",
                                      "per", "scenario", "second", "seeds"));
  EXPECT_THAT(keys(told["figures"][0]), ElementsAre("difference", "first", "name", "second"));
  EXPECT_THAT(keys(told["customers"][0]),
              ElementsAre("bill_share_first", "bill_share_second", "difference", "first", "load_factor", "name",
                          "peak_share", "second", "verdict", "work_nt"));
  std::vector<std::string> figures;
  for (const json& figure : told["figures"]) figures.push_back(figure["name"]);
  EXPECT_THAT(figures, ElementsAre("revenue", "revenue less capacity", "revenue per nt/s", "welfare", "cross-subsidy",
                                   "served in time", "refused", "utilisation", "busiest minute"));
  EXPECT_EQ(told["first"], "list-price");
  EXPECT_EQ(told["second"], "price-cut");
  EXPECT_FALSE(CompareJson({kListPrice, kPriceCut}, "1")["figures"][0]["difference"].contains("half_width"));
}

TEST_F(CompareCommand, SaysWhatIsWrongAndEndsWithTheStatusForIt) {
  EXPECT_EQ(Compare({}).exit_code, cli::kUsage);
  for (const size_t count : {size_t{1}, size_t{3}}) {
    const Reply said = Compare(std::vector<std::string>(count, kListPrice));
    EXPECT_EQ(said.exit_code, cli::kUsage);
    EXPECT_EQ(said.err, "error: give --tariff twice: the first is what the second is compared with\n");
  }
  const std::string elsewhere = folder_.File("elsewhere.yaml", With(TextOf(kListPrice), "chat:", "chad:"));
  const Reply unpriced = Compare({kListPrice, elsewhere});
  EXPECT_EQ(unpriced.exit_code, cli::kConfig);
  EXPECT_THAT(unpriced.err, HasSubstr(elsewhere + ": pools: has no prices for pool 'chat'"));
  EXPECT_THAT(unpriced.out, IsEmpty());
  EXPECT_EQ(Compare({kListPrice, folder_.At("nowhere.yaml")}).exit_code, cli::kConfig);
}

}  // namespace
}  // namespace penstock::sim
