#include "sim/statistics/warm_up.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "sim/distributions.h"
#include "sim/random.h"

namespace penstock::sim {
namespace {

/// Noise around 0 that starts at 20 and falls there with a time constant.
std::vector<double> FallingRun(uint64_t seed, int size, double time_constant) {
  Random random(seed);
  std::vector<double> run;
  for (int i = 0; i < size; ++i) run.push_back(20 * std::exp(-i / time_constant) + Normal(random));
  return run;
}

TEST(WarmUp, CutsOffWhatRemembersTheStart) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const WarmUp found = FindWarmUp(FallingRun(seed, 2'000, 30));
    EXPECT_TRUE(found.settled);
    EXPECT_GE(found.observations_dropped, 75u) << "at 75 it is still 1.6 off";
    EXPECT_LE(found.observations_dropped, 700u);
    EXPECT_EQ(found.observations_dropped, 5 * found.batches_dropped);
    EXPECT_EQ(found.statistic, found.statistics[found.batches_dropped]);
  }
}

TEST(WarmUp, OfARunWithoutOneIsShort) {
  int cut_much = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Random random(seed);
    std::vector<double> run;
    for (int i = 0; i < 2'000; ++i) run.push_back(Normal(random));
    cut_much += FindWarmUp(run).observations_dropped > 200 ? 1 : 0;
  }
  EXPECT_LE(cut_much, 25);
}

TEST(WarmUp, SaysWhenTheRunIsTooShortToTell) {
  std::vector<double> rising;
  for (int i = 0; i < 500; ++i) rising.push_back(i);
  const WarmUp found = FindWarmUp(rising);
  EXPECT_FALSE(found.settled);
  EXPECT_EQ(found.batches_dropped, 50u) << "the best of the first half";
  EXPECT_FALSE(FindWarmUp(std::vector<double>(19, 1)).settled);
  EXPECT_EQ(FindWarmUp(std::vector<double>(19, 1)).observations_dropped, 0u);
}

// By hand: of the batches 9, 1, 2, 1, 2 the rest after the first has squares 1 over 4^2.
TEST(WarmUp, StatisticIsTheSquaredStandardErrorOfTheRest) {
  std::vector<double> run;
  for (const double batch : {9.0, 1.0, 2.0, 1.0, 2.0}) run.insert(run.end(), 5, batch);
  const WarmUp found = FindWarmUp(run);
  EXPECT_EQ(found.batches_dropped, 1u);
  EXPECT_DOUBLE_EQ(found.statistic, 1.0 / 16);
  ASSERT_EQ(found.statistics.size(), 3u);
  EXPECT_DOUBLE_EQ(found.statistics[0], 46.0 / 25);
  EXPECT_NEAR(found.statistics[2], 2.0 / 27, 1e-12);
}

}  // namespace
}  // namespace penstock::sim
