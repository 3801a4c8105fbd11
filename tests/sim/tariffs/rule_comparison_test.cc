#include "sim/tariffs/rule_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <numeric>

#include "sim/demand/load_profile.h"
#include "sim/traffic/servegen_population.h"

namespace penstock::sim {
namespace {

using testing::HasSubstr;

constexpr auto kOwnMaximum = static_cast<size_t>(ComparedRule::kOwnMaximum);
constexpr auto kCoincident = static_cast<size_t>(ComparedRule::kCoincident);
constexpr auto kPercentile = static_cast<size_t>(ComparedRule::kPercentile);
constexpr auto kRatchet = static_cast<size_t>(ComparedRule::kRatchet);

/// Requests of every client in windows of 600 s over the 14 days of the tables.
std::vector<ComparedLoad> RequestsOf(std::string_view model) {
  const auto population = ServeGenPopulation::Shipped(model);
  EXPECT_TRUE(population.ok()) << population.status();
  std::vector<ComparedLoad> loads;
  for (size_t i = 0; i < population->clients().size(); ++i) {
    loads.push_back({population->clients()[i].name,
                     population->ProfileOf(i, {Duration(), Days(14), 1}, Minutes(10), {}).requests});
  }
  return loads;
}

TEST(RuleComparison, ServeGenLargeTheSpikyAreAThirdOfTheVolumeAndThreeQuartersOfThePeak) {
  const RuleComparison large = CompareRules(RequestsOf("m-large"), Minutes(10));
  std::cout << GroupTable("m-large, requests", large);
  EXPECT_EQ(large.rows.size(), 162u);
  EXPECT_EQ(large.windows, 2'016u);
  EXPECT_EQ(large.peak_windows, 20u);
  EXPECT_EQ(large.spiky.customers, 128u);
  EXPECT_NEAR(large.spiky.volume_share, 0.33, 0.005);
  EXPECT_NEAR(large.spiky.peak_share, 0.75, 0.005);
}

TEST(RuleComparison, ServeGenLargeSeventyFiveOfThemWouldPayNothingUnderANinetyFifthPercentile) {
  const RuleComparison large = CompareRules(RequestsOf("m-large"), Minutes(10));
  EXPECT_EQ(large.spiky.pay_nothing[kPercentile] + large.smooth.pay_nothing[kPercentile], 75u);
  EXPECT_EQ(large.smooth.pay_nothing[kPercentile], 0u);
  EXPECT_EQ(large.spiky.pay_nothing[kOwnMaximum], 0u);
}

TEST(RuleComparison, ServeGenOnlyACoincidentDemandIsPaidByThoseWhoCauseThePeak) {
  for (const std::string_view model : {"m-large", "m-small"}) {
    const RuleComparison comparison = CompareRules(RequestsOf(model), Minutes(10));
    for (const RuleComparison::Row& row : comparison.rows) EXPECT_NEAR(row.pays[kCoincident], row.peak_share, 1e-6);
    EXPECT_LT(comparison.cross_subsidy[kCoincident], 1e-6);
    for (const size_t rule : {kOwnMaximum, kPercentile, kRatchet})
      EXPECT_GT(comparison.cross_subsidy[rule], 0.05) << rule;
  }
}

TEST(RuleComparison, ServeGenSmallHasSpikyCustomersButTheyDoNotMakeItsPeak) {
  const RuleComparison small = CompareRules(RequestsOf("m-small"), Minutes(10));
  std::cout << GroupTable("m-small, requests", small);
  EXPECT_EQ(small.rows.size(), 43u);
  EXPECT_EQ(small.spiky.customers, 24u);
  EXPECT_LT(small.spiky.volume_share, 0.02);
  EXPECT_LT(small.spiky.peak_share, 0.01);
  EXPECT_GT(small.spiky.pays[kOwnMaximum], 5 * small.spiky.peak_share);
}

/// One customer all the time, one in a single window, which is the pool's peak.
std::vector<ComparedLoad> TwoCustomers(size_t spike_at) {
  std::vector<ComparedLoad> loads = {{"steady", std::vector<double>(200, 10)}, {"spike", std::vector<double>(200)}};
  loads[1].load[spike_at] = 30;
  return loads;
}

TEST(RuleComparison, DemandsByHand) {
  const RuleComparison late = CompareRules(TwoCustomers(150), Minutes(10));
  EXPECT_EQ(late.peak_windows, 2u);
  EXPECT_EQ(late.rows[0].demand[kOwnMaximum], 10);
  EXPECT_EQ(late.rows[1].demand[kOwnMaximum], 30);
  EXPECT_EQ(late.rows[0].demand[kCoincident], 10);
  EXPECT_EQ(late.rows[1].demand[kCoincident], 15);  // there in one of the two
  EXPECT_EQ(late.rows[0].demand[kPercentile], 10);
  EXPECT_EQ(late.rows[1].demand[kPercentile], 0);
  EXPECT_EQ(late.rows[1].demand[kRatchet], 30);
  EXPECT_EQ(late.spiky.customers, 1u);
  EXPECT_EQ(late.spiky.pay_nothing[kPercentile], 1u);
  EXPECT_DOUBLE_EQ(late.rows[1].pays[kOwnMaximum], 0.75);
  EXPECT_DOUBLE_EQ(late.rows[1].peak_share, 0.6);
}

TEST(RuleComparison, ARatchetRemembersTheFirstHalfAtFourFifths) {
  EXPECT_DOUBLE_EQ(CompareRules(TwoCustomers(50), Minutes(10)).rows[1].demand[kRatchet], 24);
  EXPECT_EQ(CompareRules(TwoCustomers(50), Minutes(10)).rows[0].demand[kRatchet], 10);
}

TEST(RuleComparison, SharesAddUpToOne) {
  const RuleComparison large = CompareRules(RequestsOf("m-large"), Minutes(10));
  for (size_t rule = 0; rule < kComparedRules; ++rule) {
    EXPECT_NEAR(large.spiky.pays[rule] + large.smooth.pays[rule], 1, 1e-9);
  }
  EXPECT_NEAR(large.spiky.volume_share + large.smooth.volume_share, 1, 1e-9);
  EXPECT_NEAR(large.spiky.peak_share + large.smooth.peak_share, 1, 1e-9);
}

TEST(RuleComparison, TheTableSaysWhoPays) {
  const std::string table = GroupTable("two", CompareRules(TwoCustomers(150), Minutes(10)));
  EXPECT_THAT(table, HasSubstr("causes the peak             60.0 %      40.0 %"));
  EXPECT_THAT(table, HasSubstr("pays, own maximum           75.0 %      25.0 %"));
}

}  // namespace
}  // namespace penstock::sim
