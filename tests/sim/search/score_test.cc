#include "sim/search/score.h"

#include <gtest/gtest.h>

namespace penstock::sim {
namespace {

Candidate Of(double violation, double first, double second) { return {{}, {violation, {first, second}}}; }

TEST(Scores, FeasibilityComesBeforeCost) {
  EXPECT_TRUE(IsBetter({0, {9}}, {0.1, {1}}));
  EXPECT_TRUE(IsBetter({0.1, {9}}, {0.2, {1}}));
  EXPECT_TRUE(IsBetter({0, {1}}, {0, {2}}));
  EXPECT_FALSE(IsBetter({0, {1}}, {0, {1}}));
}

TEST(Scores, AFrontHoldsWhatNothingDominates) {
  const std::vector<Candidate> all = {Of(0, 3, 1), Of(0, 1, 3), Of(0, 3, 3), Of(0, 2, 2), Of(1, 0, 0), Of(0, 2, 2)};
  EXPECT_EQ(ParetoFront(all), (std::vector<size_t>{1, 3, 0}));
  EXPECT_EQ(FrontRanks(all), (std::vector<size_t>{0, 0, 1, 0, 2, 0}));
}

TEST(Scores, WithoutAFeasiblePointThereIsNoFront) {
  const std::vector<Candidate> all = {Of(1, 3, 1), Of(2, 1, 3)};
  EXPECT_TRUE(ParetoFront(all).empty());
}

TEST(Scores, TheHypervolumeIsTheAreaThatAFrontDominates) {
  const std::vector<Candidate> all = {Of(0, 1, 3), Of(0, 2, 2), Of(0, 3, 1), Of(0, 3, 3), Of(0, 9, 0)};
  EXPECT_DOUBLE_EQ(Hypervolume(all, 4, 4), 3 + 2 + 1);
}

}  // namespace
}  // namespace penstock::sim
