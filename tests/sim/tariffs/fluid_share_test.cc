#include "sim/tariffs/fluid_share.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "sim/distributions.h"
#include "sim/random.h"

namespace penstock::sim {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

std::vector<double> Fill(double room, std::vector<double> wants, std::vector<double> weights) {
  return WaterFill(room, wants, weights);
}

TEST(WaterFill, WhoWantsLessLeavesTheRestToTheOthersByWeight) {
  EXPECT_THAT(Fill(10, {2, 20, 20}, {1, 1, 3}), ElementsAre(2, 2, 6));
  EXPECT_THAT(Fill(10, {1, 2, 3}, {1, 1, 1}), ElementsAre(1, 2, 3));
  EXPECT_THAT(Fill(0, {1, 2}, {1, 1}), ElementsAre(0, 0));
  EXPECT_THAT(Fill(9, {0, 20}, {100, 1}), ElementsAre(0, 9));
  EXPECT_TRUE(Fill(9, {}, {}).empty());
}

/// Gives out the room grain by grain, each to whoever has least for its weight and still wants some.
std::vector<double> ByGrains(double room, const std::vector<double>& wants, const std::vector<double>& weights) {
  constexpr double kGrain = 1e-3;
  std::vector<double> gets(wants.size());
  for (; room > 0; room -= kGrain) {
    size_t poorest = wants.size();
    for (size_t i = 0; i < wants.size(); ++i) {
      if (gets[i] >= wants[i]) continue;
      if (poorest == wants.size() || gets[i] / weights[i] < gets[poorest] / weights[poorest]) poorest = i;
    }
    if (poorest == wants.size()) break;
    gets[poorest] += kGrain;
  }
  return gets;
}

TEST(WaterFill, IsWhatGivingOutGrainsComesTo) {
  const uint64_t seed = 12;
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 100; ++round) {
    std::vector<double> wants, weights;
    for (int i = 0; i < 5; ++i) {
      wants.push_back(random.Below(4) == 0 ? 0 : 3 * Exponential(random));
      weights.push_back(static_cast<double>(1 + random.Below(16)));
    }
    const double room = 10 * Uniform(random);
    EXPECT_THAT(Fill(room, wants, weights), Pointwise(DoubleNear(0.01), ByGrains(room, wants, weights)));
  }
}

TEST(FluidShare, FlexWaitsForRoomTheOthersAreRefused) {
  const std::vector<FluidStream> streams = {{{6, 0, 0, 0}, 1, 2}, {{6, 0, 0, 0}, 3, 0}};
  const std::vector<FluidService> services = ShareOut(streams, std::vector<double>{4, 4, 4, 4});
  EXPECT_THAT(services[0].served, ElementsAre(1, 4, 1, 0));
  EXPECT_DOUBLE_EQ(services[0].at_once[0], 1.0 / 6);
  EXPECT_EQ(services[0].refused[0], 0);
  EXPECT_THAT(services[1].served, ElementsAre(3, 0, 0, 0));
  EXPECT_EQ(services[1].refused[0], 0.5);
}

TEST(FluidShare, PatienceEnds) {
  const std::vector<FluidService> services =
      ShareOut(std::vector<FluidStream>{{{6, 0, 0}, 1, 1}}, std::vector<double>{1, 1, 1});
  EXPECT_THAT(services[0].served, ElementsAre(1, 1, 0));
  EXPECT_DOUBLE_EQ(services[0].refused[0], 4.0 / 6);
}

TEST(FluidShare, WhatCameWasServedDeferredOrRefused) {
  const uint64_t seed = 8;
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 60; ++round) {
    const size_t windows = 30;
    std::vector<FluidStream> streams(3);
    for (FluidStream& stream : streams) {
      for (size_t w = 0; w < windows; ++w) stream.load.push_back(random.Below(4) == 0 ? 0 : Exponential(random));
      stream.weight = static_cast<double>(1 + random.Below(16));
      stream.patience = static_cast<size_t>(random.Below(5));
    }
    std::vector<double> room(windows);
    for (double& each : room) each = 4 * Uniform(random);
    const std::vector<FluidService> services = ShareOut(streams, room);
    std::vector<double> used(windows);
    std::vector<double> waiting(windows);
    for (size_t i = 0; i < streams.size(); ++i) {
      std::vector<double> fate(windows);
      std::vector<double> served(windows);
      for (size_t w = 0; w < windows; ++w) {
        fate[w] = services[i].at_once[w] + services[i].refused[w];
        served[w] = services[i].at_once[w] * streams[i].load[w];
        used[w] += services[i].served[w];
      }
      for (const LoadShift& later : services[i].later) {
        EXPECT_LE(later.to - later.from, streams[i].patience);
        fate[later.from] += later.share;
        served[later.to] += later.share * streams[i].load[later.from];
        for (uint32_t w = later.from; w < later.to; ++w) waiting[w] += later.share;
      }
      EXPECT_THAT(fate, testing::Each(DoubleNear(1, 1e-9)));
      EXPECT_THAT(served, Pointwise(DoubleNear(1e-9), services[i].served));
      for (size_t w = 0; w < windows; ++w) waiting[w] += services[i].refused[w];
    }
    for (size_t w = 0; w < windows; ++w) {
      EXPECT_LE(used[w], room[w] + 1e-9);
      EXPECT_TRUE(waiting[w] < 1e-9 || std::abs(used[w] - room[w]) < 1e-9)
          << "room is left while work waits or is refused";
    }
  }
}

}  // namespace
}  // namespace penstock::sim
