#include "sim/demand/load_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "sim/distributions.h"
#include "sim/random.h"

namespace penstock::sim {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;

constexpr size_t kInput = static_cast<size_t>(TokenKind::kInput);
constexpr size_t kOutput = static_cast<size_t>(TokenKind::kOutput);

LoadProfile ProfileOf(std::vector<double> input, std::vector<double> output) {
  LoadProfile profile;
  profile.window = Minutes(10);
  profile.requests.assign(input.size(), 1);
  profile.tokens_of_kind[kInput] = std::move(input);
  profile.tokens_of_kind[kOutput] = std::move(output);
  return profile;
}

BurndownRates Rates() {
  BurndownRates rates;
  rates[TokenKind::kInput] = 1'000;
  rates[TokenKind::kOutput] = 4'000;
  return rates;
}

double Sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

TEST(LoadProfile, WorkIsTokensTimesBurndown) {
  EXPECT_THAT(WorkOfWindows(ProfileOf({1, 0, 10}, {2, 0, 1}), Rates()), ElementsAre(9'000, 0, 14'000));
  EXPECT_THAT(WorkOfWindows(ProfileOf({1, 2}, {}), Rates()), ElementsAre(1'000, 2'000));
}

TEST(LoadProfile, LoadFactorCountsIdleWindows) {
  const LoadShape shape = ShapeOf(std::vector<double>{0, 8, 0, 0});
  EXPECT_EQ(shape.total, 8);
  EXPECT_EQ(shape.mean, 2);
  EXPECT_EQ(shape.peak, 8);
  EXPECT_EQ(shape.load_factor(), 0.25);
  EXPECT_EQ(ShapeOf({}).load_factor(), 0);
}

TEST(LoadProfile, TheBusiestWindowsAreAtLeastOneAndTheEarliestOnTies) {
  const std::vector<double> load = {1, 5, 3, 5, 2};
  EXPECT_THAT(BusiestWindows(load, 0.01), ElementsAre(1));
  EXPECT_THAT(BusiestWindows(load, 0.4), ElementsAre(1, 3));
  EXPECT_THAT(BusiestWindows(load, 0.79), ElementsAre(1, 2, 3));
  EXPECT_THAT(BusiestWindows(load, 1), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_TRUE(BusiestWindows({}, 0.5).empty());
}

TEST(LoadProfile, TheSumOfCustomersIsWindowByWindow) {
  const std::vector<Customer> customers = {{"a", ProfileOf({1, 2, 3}, {})}, {"b", ProfileOf({10, 20}, {5, 5})}};
  const LoadProfile sum = SumOf(customers);
  EXPECT_THAT(sum.tokens_of_kind[kInput], ElementsAre(11, 22, 3));
  EXPECT_THAT(sum.tokens_of_kind[kOutput], ElementsAre(5, 5));
  EXPECT_THAT(sum.requests, ElementsAre(2, 2, 1));
  EXPECT_EQ(SpanOf(sum), Minutes(30));
}

TEST(LoadProfile, WhatIsDeferredArrivesLater) {
  const LoadProfile shifted =
      Shifted(ProfileOf({8, 1, 1}, {4, 0, 0}), std::vector<LoadShift>{{0, 1, 0.25}, {0, 2, 0.5}});
  EXPECT_THAT(shifted.tokens_of_kind[kInput], ElementsAre(2, 3, 5));
  EXPECT_THAT(shifted.tokens_of_kind[kOutput], ElementsAre(1, 1, 2));
  EXPECT_THAT(shifted.requests, ElementsAre(DoubleEq(0.25), DoubleEq(1.25), DoubleEq(1.5)));
}

TEST(LoadProfile, RandomDeferralsLoseNothing) {
  const uint64_t seed = 20261122;
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 50; ++round) {
    std::vector<double> load(40);
    for (double& each : load) each = 1e6 * Exponential(random);
    std::vector<LoadShift> load_shifts;
    for (uint32_t from = 0; from + 1 < load.size(); ++from) {
      const double first = Uniform(random);
      const uint32_t to = from + 1 + static_cast<uint32_t>(random.Below(static_cast<int64_t>(load.size() - from - 1)));
      load_shifts.push_back({from, to, first});
      load_shifts.push_back({from, from + 1, 1 - first});
    }
    const std::vector<double> shifted = Shifted(load, load_shifts);
    EXPECT_NEAR(Sum(shifted), Sum(load), 1e-9 * Sum(load));
    for (const double each : shifted) EXPECT_GE(each, 0);
  }
}

}  // namespace
}  // namespace penstock::sim
