#include "broker/planning/market_planner.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "broker/planning/trunk_reservation.h"

namespace penstock::planning {
namespace {

constexpr PoolId kPool{1};
constexpr int64_t kFirstHour = 490'000;
constexpr Instant kStart = Instant(0) + Hours(kFirstHour);

class MarketPlannerTest : public testing::Test {
 protected:
  /// From `from` to before `to` (hours after kStart), a request every ten minutes that did so much work and ends then.
  void Serve(int64_t from, int64_t to, ServiceClass served_as, int64_t nt, Duration held = Seconds(30)) {
    for (Instant at = kStart + Hours(from); at < kStart + Hours(to); at = at + Minutes(10)) {
      planner_.Observe({kPool, served_as, NormalizedTokens(nt), held, at});
    }
  }
  std::vector<core::SetPlan::Demand> PlanAt(int64_t hour) { return planner_.TakePlan(kStart + Hours(hour)); }

  MarketPlanner planner_;
};

TEST_F(MarketPlannerTest, AWeekFromThisHourOnEveryHour) {
  Serve(0, 30, ServiceClass::kDefault, 6'000);
  const auto plan = planner_.TakePlan(kStart + Hours(30) + Minutes(7));
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_EQ(plan[0].pool, kPool);
  EXPECT_EQ(plan[0].from, kStart + Hours(30));
  ASSERT_EQ(plan[0].hours.size(), static_cast<size_t>(kForecastHours));
  EXPECT_EQ(plan[0].hours.front().mean, NormalizedTokensPerSecond(10)) << "36,000 nt an hour";
  EXPECT_EQ(plan[0].hours.back().mean, NormalizedTokensPerSecond(10));
  EXPECT_TRUE(planner_.TakePlan(kStart + Hours(30) + Minutes(59)).empty()) << "nothing is new before the next hour";
  EXPECT_EQ(PlanAt(31).size(), 1U);
}

TEST_F(MarketPlannerTest, OnlyWorkOnElasticTermsIsElasticDemand) {
  for (const ServiceClass c :
       {ServiceClass::kFlex, ServiceClass::kDefault, ServiceClass::kPriority, ServiceClass::kSpillover}) {
    planner_.Observe({kPool, c, NormalizedTokens(3'600), Seconds(1), kStart});
  }
  for (const ServiceClass c : {ServiceClass::kFree, ServiceClass::kReserved}) {
    planner_.Observe({kPool, c, NormalizedTokens(1'000'000), Seconds(1), kStart});
  }
  const auto plan = PlanAt(1);
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_EQ(plan[0].hours.front().mean, NormalizedTokensPerSecond(4));
}

TEST_F(MarketPlannerTest, AnHourThatWasUnderWayWhenObservingBeganIsNotCounted) {
  EXPECT_TRUE(planner_.TakePlan(kStart + Minutes(50)).empty());
  planner_.Observe({kPool, ServiceClass::kDefault, NormalizedTokens(1), Seconds(1), kStart + Minutes(55)});
  EXPECT_TRUE(PlanAt(1).empty());
  Serve(1, 2, ServiceClass::kDefault, 6'000);
  const auto plan = PlanAt(2);
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_EQ(plan[0].hours.front().mean, NormalizedTokensPerSecond(10));
}

TEST_F(MarketPlannerTest, IdleHoursAreNoDemand) {
  Serve(0, 5, ServiceClass::kDefault, 6'000);
  const auto plan = PlanAt(200);
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_EQ(plan[0].hours.front().mean, WorkPerSecond(0));
}

TEST_F(MarketPlannerTest, WhatTheBooksRememberIsKnownAtOnce) {
  for (int64_t h = -48; h < 0; ++h)
    planner_.Recall(kPool, kFirstHour + h, NormalizedTokens(h % 24 < -12 ? 36'000 : 3'600));
  const auto plan = PlanAt(0);
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_GT(plan[0].hours[1].mean, plan[0].hours[13].mean * 2) << "days and nights";
  Serve(0, 1, ServiceClass::kDefault, 6'000);
  EXPECT_EQ(PlanAt(1).size(), 1U);
}

TEST_F(MarketPlannerTest, APoolThatIsRememberedAndIdleIsIdle) {
  for (int64_t h = -48; h < 0; ++h) planner_.Recall(kPool, kFirstHour + h, NormalizedTokens(3'600));
  EXPECT_EQ(PlanAt(0)[0].hours.front().mean, NormalizedTokensPerSecond(1));
  EXPECT_LT(PlanAt(100)[0].hours.front().mean, WorkPerSecond(10));
}

TEST_F(MarketPlannerTest, WhatComesLateCountsInTheOpenHour) {
  Serve(0, 2, ServiceClass::kDefault, 6'000);
  planner_.Observe({kPool, ServiceClass::kDefault, NormalizedTokens(36'000), Seconds(1), kStart + Minutes(5)});
  const auto plan = PlanAt(2);
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_GT(plan[0].hours.front().mean, NormalizedTokensPerSecond(10));
}

TEST_F(MarketPlannerTest, HoldbackIsTrunkReservationOfTheLoadsSeen) {
  planner_.SetPool(kPool, {.slots = 10, .reward_ratio = 10});
  Serve(0, 5, ServiceClass::kReserved, 1, Minutes(50));  // six an hour: 5 Erlangs
  MarketPlanner both;
  both.SetPool(kPool, {.slots = 10, .reward_ratio = 10});
  for (Instant at = kStart; at < kStart + Hours(5); at = at + Minutes(10)) {
    both.Observe({kPool, ServiceClass::kReserved, NormalizedTokens(1), Minutes(50), at});
    both.Observe({kPool, ServiceClass::kDefault, NormalizedTokens(1), Minutes(90), at});
    both.Observe({kPool, ServiceClass::kFree, NormalizedTokens(1), Minutes(10), at});  // 10 Erlangs, these two
  }
  EXPECT_EQ(PlanAt(5)[0].holdback_slots, 0) << "nobody to hold back from";
  EXPECT_EQ(both.TakePlan(kStart + Hours(5))[0].holdback_slots, 4);
  EXPECT_EQ(BestTrunkReservation(10, {5, 10, 10, 1}).held_back, 4);
}

TEST_F(MarketPlannerTest, PoolsAreInOrder) {
  for (const uint32_t pool : {3U, 1U, 2U}) {
    planner_.Observe({PoolId{pool}, ServiceClass::kDefault, NormalizedTokens(1), Seconds(1), kStart});
  }
  const auto plan = PlanAt(1);
  ASSERT_EQ(plan.size(), 3U);
  EXPECT_EQ(plan[0].pool.value, 1U);
  EXPECT_EQ(plan[2].pool.value, 3U);
}

}  // namespace
}  // namespace penstock::planning
