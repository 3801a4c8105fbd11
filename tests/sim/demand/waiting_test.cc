#include "sim/demand/waiting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "sim/distributions.h"
#include "sim/random.h"

namespace penstock::sim {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::Pointwise;

constexpr double kNoCap = std::numeric_limits<double>::infinity();

std::vector<double> After(const std::vector<double>& load, const std::vector<double>& caps, Duration longest) {
  return Shifted(load, WaitBelow(load, caps, Minutes(30), longest).load_shifts);
}

TEST(Waiting, NothingWaitsWithoutACap) {
  const Waiting waiting =
      WaitBelow(std::vector<double>{5, 9}, std::vector<double>{kNoCap, kNoCap}, Minutes(30), Hours(6));
  EXPECT_TRUE(waiting.load_shifts.empty());
  EXPECT_EQ(waiting.share, 0);
  EXPECT_EQ(waiting.hours, 0);
}

TEST(Waiting, APeakIsLaidOverTheTroughBehindIt) {
  EXPECT_THAT(After({2, 10, 0, 1, 0}, {4, 4, 4, 4, 4}, Hours(6)),
              Pointwise(testing::DoubleNear(1e-12), std::vector<double>{2, 4, 4, 3, 0}));
}

TEST(Waiting, HowMuchWaitedAndHowLong) {
  const Waiting waiting =
      WaitBelow(std::vector<double>{8, 0, 0}, std::vector<double>{4, 2, kNoCap}, Minutes(30), Hours(6));
  EXPECT_DOUBLE_EQ(waiting.share, 0.5);
  EXPECT_DOUBLE_EQ(waiting.hours, (2 * 0.5 + 2 * 1) / 8);
}

TEST(Waiting, WhoCameFirstGoesFirst) {
  const Waiting waiting =
      WaitBelow(std::vector<double>{3, 3, 0}, std::vector<double>{0, 3, kNoCap}, Minutes(30), Hours(6));
  ASSERT_EQ(waiting.load_shifts.size(), 2u);
  EXPECT_EQ(waiting.load_shifts[0].from, 0u);
  EXPECT_EQ(waiting.load_shifts[0].to, 1u);
  EXPECT_EQ(waiting.load_shifts[1].from, 1u);
  EXPECT_EQ(waiting.load_shifts[1].to, 2u);
}

TEST(Waiting, WhatHasWaitedLongestEnoughGoesAboveTheCap) {
  EXPECT_THAT(After({6, 0, 0, 0}, {0, 0, 0, kNoCap}, Hours(1)), ElementsAre(0, 0, DoubleEq(6), 0));
  EXPECT_THAT(After({6, 1, 0}, {0, 0, 0}, Minutes(29)), ElementsAre(6, 1, 0));
}

TEST(Waiting, NothingIsLeftAtTheEnd) {
  EXPECT_THAT(After({6, 0, 2}, {0, 0, 0}, Hours(6)), ElementsAre(0, 0, DoubleEq(8)));
}

TEST(Waiting, RandomCapsHoldUnlessItsTimeIsOver) {
  const uint64_t seed = 4711;
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 100; ++round) {
    std::vector<double> load(60), caps(60);
    for (double& each : load) each = random.Below(3) == 0 ? 0 : Exponential(random);
    for (double& each : caps) each = 2.5 * Uniform(random);
    const Duration longest = Minutes(30) * random.Below(12);
    const Waiting waiting = WaitBelow(load, caps, Minutes(30), longest);
    const std::vector<double> after = Shifted(load, waiting.load_shifts);
    std::vector<double> forced(load.size());
    double share = 0;
    for (const LoadShift& shift : waiting.load_shifts) {
      EXPECT_LE(Minutes(30) * (int64_t{shift.to} - shift.from), longest);
      share += shift.share * load[shift.from];
      if (Minutes(30) * (int64_t{shift.to} - shift.from + 1) > longest) forced[shift.to] = kNoCap;
    }
    EXPECT_NEAR(ShapeOf(after).total, ShapeOf(load).total, 1e-9);
    EXPECT_NEAR(waiting.share * ShapeOf(load).total, share, 1e-9);
    if (longest == Duration()) continue;  // then all goes as it comes
    for (size_t w = 0; w + 1 < load.size(); ++w) EXPECT_LE(after[w], caps[w] + forced[w] + 1e-9);
  }
}

}  // namespace
}  // namespace penstock::sim
