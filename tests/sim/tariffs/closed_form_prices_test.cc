// The closed forms of theory, by the figures that are known of them.
#include "sim/tariffs/closed_form_prices.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace penstock::sim {
namespace {

struct PeakLoadCase {
  const char* name;
  double capacity_cost;
  double peak_price;
  double off_peak_price;
  double capacity;
};

class PeakLoad : public testing::TestWithParam<PeakLoadCase> {};

TEST_P(PeakLoad, PricesAreThoseOfTheory) {
  const std::vector<PeriodDemand> periods = {LinearDemand(100, 1), LinearDemand(60, 1)};
  const PeakLoadPrices found = SolvePeakLoad(periods, 10, GetParam().capacity_cost);
  EXPECT_NEAR(found.prices[0], GetParam().peak_price, 1e-9);
  EXPECT_NEAR(found.prices[1], GetParam().off_peak_price, 1e-9);
  EXPECT_NEAR(found.capacity, GetParam().capacity, 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Cases, PeakLoad,
                         testing::Values(PeakLoadCase{"firm_peak", 30, 40, 10, 60},
                                         PeakLoadCase{"shifting_peak", 60, 60, 20, 40}),
                         [](const auto& param) { return param.param.name; });

TEST(PeakLoadPricing, PeriodsPayTheCapacityInProportionToTheirLength) {
  // A firm peak of a quarter of the cycle pays for all of it: 10 + 10 / 0.25.
  const std::vector<PeriodDemand> periods = {LinearDemand(100, 1, 0.25), LinearDemand(40, 1, 0.75)};
  const PeakLoadPrices found = SolvePeakLoad(periods, 10, 10);
  EXPECT_NEAR(found.prices[0], 50, 1e-9);
  EXPECT_NEAR(found.prices[1], 10, 1e-9);
  EXPECT_NEAR(found.quantities[1], 30, 1e-9);
}

TEST(PeakLoadPricing, WithElasticDemandThePeriodsThatFillTheCapacityPayForIt) {
  const std::vector<PeriodDemand> periods = {ElasticDemand(200, 5, 1.3), ElasticDemand(150, 5, 0.8),
                                             ElasticDemand(20, 5, 1)};
  const PeakLoadPrices found = SolvePeakLoad(periods, 2, 7);
  double paid = 0;
  for (size_t i = 0; i < periods.size(); ++i) {
    EXPECT_LE(found.quantities[i], found.capacity * (1 + 1e-12));
    EXPECT_EQ(found.prices[i] > 2, found.quantities[i] > found.capacity * (1 - 1e-9)) << i;
    paid += found.prices[i] - 2;
  }
  EXPECT_NEAR(paid, 7, 1e-9);
  EXPECT_EQ(found.prices[2], 2);
}

TEST(PeakLoadPricing, CapacityThatNobodyWouldPayForIsNotBuilt) {
  EXPECT_NEAR(SolvePeakLoad(std::vector<PeriodDemand>{LinearDemand(20, 1)}, 10, 50).capacity, 0, 1e-9);
}

TEST(Monopoly, LinearDemandGivesTheKnownPrices) {
  const MonopolyPrices found = SolveMonopoly(10, 1, 2);
  EXPECT_DOUBLE_EQ(found.price, 6);
  EXPECT_DOUBLE_EQ(found.profit, 16);
  EXPECT_DOUBLE_EQ(found.welfare, 24);
  EXPECT_DOUBLE_EQ(found.two_part_price, 2);
  EXPECT_DOUBLE_EQ(found.two_part_fee, 32);
}

TEST(Ramsey, PricesAreThoseThatMakeTheProfit) {
  const auto prices = SolveRamsey(std::vector<RamseyMarket>{{1, 1.5}, {1, 3.0}}, 1, 0.2);
  ASSERT_TRUE(prices.has_value());
  EXPECT_NEAR((*prices)[0], 1.173637, 5e-7);
  EXPECT_NEAR((*prices)[1], 1.079883, 5e-7);
}

TEST(Ramsey, WithoutAProfitPricesAreTheCost) {
  EXPECT_EQ(SolveRamsey(std::vector<RamseyMarket>{{1, 1.5}, {1, 3.0}}, 1, 0), (std::vector<double>{1, 1}));
}

TEST(Ramsey, MoreThanAMonopolyMakesCannotBeAskedFor) {
  EXPECT_FALSE(SolveRamsey(std::vector<RamseyMarket>{{1, 3.0}}, 1, 0.2).has_value());  // the most is 4/27
  EXPECT_TRUE(SolveRamsey(std::vector<RamseyMarket>{{1, 3.0}}, 1, 0.148).has_value());
}

// n classes by value, each served when those above it are, against the formula.
double GainOfClasses(int classes) {
  constexpr int kSupplies = 20'000;
  double value = 0;
  for (int s = 0; s < kSupplies; ++s) {
    const double supply = (s + 0.5) / kSupplies;
    for (int k = 0; k < classes; ++k) {
      const double served = std::clamp(supply - static_cast<double>(k) / classes, 0.0, 1.0 / classes);
      value += served * (1 - (k + 0.5) / classes) / kSupplies;
    }
  }
  return (value - 1.0 / 4) / (1.0 / 3 - 1.0 / 4);
}

TEST(PriorityClasses, AFewHaveAlmostAllOfTheGain) {
  EXPECT_NEAR(PriorityClassShare(2), 0.75, 5e-5);
  EXPECT_NEAR(PriorityClassShare(3), 0.8889, 5e-5);
  EXPECT_NEAR(PriorityClassShare(4), 0.9375, 5e-5);
  for (int classes = 1; classes <= 8; ++classes) {
    EXPECT_NEAR(PriorityClassShare(classes), GainOfClasses(classes), 1e-6) << classes;
  }
}

TEST(CostPlus, ThePricePaysForRunningAndForCapacity) { EXPECT_DOUBLE_EQ(CostPlusPrice(2, 1'000, 500, 0.25), 5); }

}  // namespace
}  // namespace penstock::sim
