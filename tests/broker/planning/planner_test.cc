#include "broker/planning/planner.h"

#include <gtest/gtest.h>

namespace penstock::planning {
namespace {

constexpr Instant kStart(1'700'000'000'000'000'000);
constexpr PoolId kChat{1};

core::Effects Seen(int times) {
  core::Effects effects;
  for (int i = 0; i < times; ++i) {
    effects.observations.push_back({TenantId{1}, kChat, Tokens(100)});
    effects.waits.push_back({.pool = kChat, .line_forecast = Seconds(1), .waited = Seconds(2)});
  }
  return effects;
}

TEST(Planner, OnePlanHoldsWhatAllEstimatorsLearnt) {
  Planner planner;
  planner.Observe(Seen(50));
  const std::optional<core::SetPlan> plan = planner.TakePlan(kStart);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->predicted_outputs.size(), 1u);
  EXPECT_EQ(plan->wait_tables.size(), 1u);
}

TEST(Planner, PlansNoMoreOftenThanEveryTwoSecondsAndOnlyNews) {
  Planner planner;
  EXPECT_FALSE(planner.TakePlan(kStart).has_value()) << "there is nothing to say";
  planner.Observe(Seen(50));
  EXPECT_FALSE(planner.TakePlan(kStart + Nanoseconds(1'999'999'999)).has_value());
  EXPECT_TRUE(planner.TakePlan(kStart + Seconds(2)).has_value());
  EXPECT_FALSE(planner.TakePlan(kStart + Seconds(4)).has_value());
}

}  // namespace
}  // namespace penstock::planning
