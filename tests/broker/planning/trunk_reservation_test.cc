#include "broker/planning/trunk_reservation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <vector>

namespace penstock::planning {
namespace {

/// The chain's weights one by one, as logarithms.
double ByTheChain(int slots, const TwoClasses& classes, int held_back) {
  std::vector<double> weight = {0};
  for (int n = 0; n < slots; ++n) {
    const double load = classes.dear_load + (n < slots - held_back ? classes.cheap_load : 0);
    weight.push_back(weight.back() + std::log(load / (n + 1)));
  }
  double most = 0;
  for (const double w : weight) most = std::max(most, w);
  double sum = 0;
  double earned = 0;
  for (int n = 0; n <= slots; ++n) {
    const double p = std::exp(weight[static_cast<size_t>(n)] - most);
    sum += p;
    if (n < slots) earned += p * classes.dear_load * classes.dear_reward;
    if (n < slots - held_back) earned += p * classes.cheap_load * classes.cheap_reward;
  }
  return earned / sum;
}

struct Case {
  int slots;
  TwoClasses classes;
  int best;
  double revenue, revenue_at_0;
};

TEST(TrunkReservation, CheckValues) {
  for (const Case& c :
       {Case{10, {5, 10, 10, 1}, 4, 49.861634, 35.379567}, Case{100, {60, 60, 3, 1}, 5, 211.555867, 192.895203}}) {
    const TrunkReservation found = BestTrunkReservation(c.slots, c.classes);
    EXPECT_EQ(found.held_back, c.best);
    EXPECT_NEAR(found.revenue, c.revenue, 1e-6);
    EXPECT_NEAR(found.revenue_without, c.revenue_at_0, 1e-6);
  }
}

TEST(TrunkReservation, OneClassAloneIsErlangB) {
  struct Loss {
    double load;
    int slots;
    double blocked;
  };
  for (const auto& [load, slots, blocked] : {Loss{1, 1, 0.5}, Loss{10, 10, 0.214582343}, Loss{10, 15, 0.036496945},
                                             Loss{90, 100, 0.026957380}, Loss{1000, 1000, 0.024811918}}) {
    EXPECT_NEAR(TrunkRevenues(slots, {load, 0, 1, 1}).front() / load, 1 - blocked, 1e-9);
    EXPECT_NEAR(TrunkRevenues(slots, {0, load, 1, 1}).front() / load, 1 - blocked, 1e-9);
  }
}

TEST(TrunkReservation, IsWhatTheChainSaysForEveryNumberHeldBack) {
  for (const int slots : {1, 2, 7, 64, 500}) {
    for (const double dear : {0.01, 3.0, 70.0, 900.0}) {
      for (const double cheap : {0.02, 5.0, 400.0}) {
        const TwoClasses classes{dear, cheap, 4, 1};
        const std::vector<double> revenues = TrunkRevenues(slots, classes);
        ASSERT_EQ(revenues.size(), static_cast<size_t>(slots) + 1);
        for (int t = 0; t <= slots; ++t) {
          EXPECT_NEAR(revenues[static_cast<size_t>(t)] / ByTheChain(slots, classes, t), 1, 1e-9)
              << slots << " slots, " << dear << " + " << cheap << " Erlangs, " << t << " held back";
        }
      }
    }
  }
}

TEST(TrunkReservation, NeitherThousandsOfSlotsNorExtremeLoadsOverflow) {
  EXPECT_NEAR(TrunkRevenues(8'192, {1, 1, 3, 1}).front(), 4, 1e-9) << "idle";
  EXPECT_NEAR(TrunkRevenues(8'192, {1e9, 1e9, 1, 1}).front(), 8'192, 1e-3) << "swamped";
  EXPECT_EQ(BestTrunkReservation(8'192, {1, 1, 3, 1}).held_back, 0);
}

TEST(TrunkReservation, EqualRewardsHoldNothingBack) {
  EXPECT_EQ(BestTrunkReservation(100, {80, 80, 1, 1}).held_back, 0);
}

}  // namespace
}  // namespace penstock::planning
