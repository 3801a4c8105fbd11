#include "broker/planning/protection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "broker/planning/normal_distribution.h"

namespace penstock::planning {
namespace {

TEST(NormalDistribution, QuantilesAndTailsAreInverse) {
  for (double p = 1e-12; p < 1; p = p < 0.01 ? p * 3 : p + 0.0097) {
    EXPECT_NEAR(NormalTail(NormalTailQuantile(p)) / p, 1, 1e-11) << p;
  }
  EXPECT_NEAR(NormalTailQuantile(0.025), 1.959963984540054, 1e-12);
  EXPECT_NEAR(NormalTailQuantile(0.9), -1.2815515655446004, 1e-12);
  EXPECT_NEAR(NormalLoss(0), 0.3989422804014327, 1e-15);
}

// Littlewood 1972: protection for the dear class of two.
TEST(Protection, Littlewood) {
  EXPECT_NEAR(LittlewoodProtection({50, 15}, 0.4), 53.800207, 1e-6);
  EXPECT_EQ(LittlewoodProtection({50, 0}, 0.4), 50) << "certain demand is protected as it is";
  EXPECT_EQ(LittlewoodProtection({1, 100}, 0.9), 0) << "never less than nothing";
}

// Six classes of Fiig, Isler, Hopperstad and Belobaba, "Optimization of mixed fare structures", JRPM 9 (2010).
TEST(Protection, EmsrB) {
  const std::vector<FareClass> classes = {{1200, {31.2, 11.2}}, {1000, {10.9, 6.6}}, {800, {14.8, 7.7}},
                                          {600, {19.9, 8.9}},   {400, {26.9, 10.4}}, {200, {36.3, 12.0}}};
  const std::vector<double> expected = {20.3649, 35.4047, 54.3390, 80.0735, 117.4358};
  const std::vector<double> levels = EmsrBProtection(classes);
  ASSERT_EQ(levels.size(), expected.size());
  for (size_t j = 0; j < levels.size(); ++j) EXPECT_NEAR(levels[j], expected[j], 6e-5) << j;
}

TEST(Protection, OfTwoClassesEmsrBIsLittlewood) {
  EXPECT_NEAR(EmsrBProtection(std::vector<FareClass>{{100, {50, 15}}, {40, {80, 20}}}).front(), 53.800207, 1e-6);
  EXPECT_TRUE(EmsrBProtection(std::vector<FareClass>{{100, {50, 15}}}).empty());
}

// Demand N(100, 30); price ratio reserve / on demand.
TEST(Protection, NewsvendorReservation) {
  struct Case {
    double ratio, reserve, cost;
  };
  for (const auto& [ratio, reserve, cost] :
       {Case{0.6, 92.3996, 71.5903}, Case{0.5, 100, 61.9683}, Case{0.3, 115.7320, 40.4308}}) {
    const Reserve found = ReserveForNormal({100, 30}, ratio);
    EXPECT_NEAR(found.quantity, reserve, 6e-5) << ratio;
    EXPECT_NEAR(found.cost, cost, 6e-5) << ratio;
  }
}

// Lognormal demand with mean 1: who is spiky saves less.
TEST(Protection, NewsvendorSpiky) {
  EXPECT_NEAR(ReserveForLognormal(1, 0.25, 0.6).cost, 0.6926, 6e-5);
  EXPECT_NEAR(ReserveForLognormal(1, 0.5, 0.6).cost, 0.7744, 6e-5);
  EXPECT_NEAR(ReserveForLognormal(1, 1.0, 0.6).cost, 0.8950, 6e-5);
}

// The closed form against the integral over the distribution, around the quantity that it names.
TEST(Protection, NoOtherQuantityIsCheaperForSpikyDemand) {
  constexpr double kSigma = 0.7;
  constexpr double kRatio = 0.45;
  const auto cost_of = [&](double quantity) {
    double excess = 0;
    constexpr double kStep = 1e-3;
    for (double z = -8; z < 8; z += kStep) {
      const double demand = std::exp(kSigma * z - kSigma * kSigma / 2);
      excess += std::max(0.0, demand - quantity) * NormalDensity(z) * kStep;
    }
    return kRatio * quantity + excess;
  };
  const Reserve best = ReserveForLognormal(1, kSigma, kRatio);
  EXPECT_NEAR(cost_of(best.quantity), best.cost, 1e-5);
  EXPECT_GT(cost_of(best.quantity * 0.9), best.cost);
  EXPECT_GT(cost_of(best.quantity * 1.1), best.cost);
}

}  // namespace
}  // namespace penstock::planning
