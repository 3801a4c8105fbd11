#include "broker/planning/run_out.h"

#include <gtest/gtest.h>

#include <vector>

namespace penstock::planning {
namespace {

using ledger::Money;

constexpr Instant kNow(1'700'000'000'000'000'000);  // 2023-11-14T22:13:20Z
const Instant kThisHour = WindowStart(kNow, Hours(1));
constexpr Instant kNever = Instant::Max();

Money Units(int64_t n) { return Money::FromPico(1'000'000'000'000) * n; }
std::vector<Money> Hourly(size_t hours, int64_t each) { return std::vector<Money>(hours, Units(each)); }

TEST(RunsOut, ASteadySpenderRunsOutWhenTheSumIsThere) {
  const std::vector<Money> week = Hourly(kHoursOfHistory, 2);
  EXPECT_EQ(RunsOut(week, Units(2), kNow, kNever), kNow) << "in this hour";
  EXPECT_EQ(RunsOut(week, Units(3), kNow, kNever), kThisHour + Hours(1));
  EXPECT_EQ(RunsOut(week, Units(4), kNow, kNever), kThisHour + Hours(1));
  EXPECT_EQ(RunsOut(week, Units(2 * 168), kNow, kNever), kThisHour + Hours(167));
  EXPECT_EQ(RunsOut(week, Units(2 * 168 + 1), kNow, kNever), kThisHour + Hours(168));
  EXPECT_EQ(RunsOut(week, Units(2 * 168 * 10), kNow, kNever), kThisHour + Hours(1'679));
}

TEST(RunsOut, NightsAndWeekendsOfLastWeekComeAgain) {
  std::vector<Money> week(kHoursOfHistory);
  for (size_t i = 100; i < 110; ++i) week[i] = Units(5);  // ten hours a week
  EXPECT_EQ(RunsOut(week, Units(50), kNow, kNever), kThisHour + Hours(109));
  EXPECT_EQ(RunsOut(week, Units(51), kNow, kNever), kThisHour + Days(7) + Hours(100));
}

TEST(RunsOut, AYoungAccountSpendsItsMean) {
  std::vector<Money> two(2);
  two[1] = Units(4);  // 2 an hour
  EXPECT_EQ(RunsOut(two, Units(10), kNow, kNever), kThisHour + Hours(4));
  EXPECT_EQ(RunsOut(two, Units(11), kNow, kNever), kThisHour + Hours(5));
}

TEST(RunsOut, NothingIsSaidBeyondThePeriodOrWithoutSpend) {
  const std::vector<Money> week = Hourly(kHoursOfHistory, 1);
  EXPECT_EQ(RunsOut(week, Units(100), kNow, kThisHour + Hours(99)), std::nullopt);
  EXPECT_EQ(RunsOut(week, Units(100), kNow, kThisHour + Hours(100)), kThisHour + Hours(99));
  EXPECT_EQ(RunsOut({}, Units(1), kNow, kNever), std::nullopt);
  EXPECT_EQ(RunsOut(Hourly(kHoursOfHistory, 0), Units(1), kNow, kNever), std::nullopt);
  EXPECT_EQ(RunsOut(week, Units(1'000'000'000), kNow, kNever), std::nullopt) << "not within ten years";
  EXPECT_EQ(RunsOut(Hourly(3, 1), Units(1'000'000'000), kNow, kNever), std::nullopt);
}

TEST(RunsOut, WhatIsUsedUpHasRunOut) {
  EXPECT_EQ(RunsOut({}, Money(), kNow, kNever), kNow);
  EXPECT_EQ(RunsOut(Hourly(5, 1), Units(-3), kNow, kNever), kNow);
}

}  // namespace
}  // namespace penstock::planning
