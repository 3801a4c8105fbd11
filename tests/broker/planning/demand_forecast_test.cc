#include "broker/planning/demand_forecast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>

namespace penstock::planning {
namespace {

constexpr int64_t kStart = 490'000;  // hours since the epoch
constexpr int64_t kSecondsPerHour = 3'600;

class DemandForecastTest : public testing::Test {
 protected:
  /// Hours from `from` to before `to` (after kStart) bring this rate in nt/s.
  void Brings(int64_t from, int64_t to, const std::function<int64_t(int64_t hour)>& nt_per_second) {
    for (int64_t h = from; h < to; ++h) {
      forecast_.Observe(kStart + h, NormalizedTokens(nt_per_second(h) * kSecondsPerHour));
    }
  }
  double MeanOf(int64_t hour) const { return static_cast<double>(forecast_.Of(kStart + hour).mean.count()) / 1'000; }
  double SdOf(int64_t hour) const { return static_cast<double>(forecast_.Of(kStart + hour).deviation.count()) / 1'000; }

  DemandForecast forecast_;
};

int64_t Constant(int64_t) { return 500; }
/// Office hours are busy, days 5 and 6 of a week are quiet.
int64_t OfficeHours(int64_t h) {
  const int64_t day = h / 24 % 7;
  const int64_t hour = h % 24;
  return day >= 5 ? 100 : hour >= 9 && hour < 18 ? 1'000 : 200;
}

TEST_F(DemandForecastTest, NothingIsKnownBeforeTheFirstHour) {
  EXPECT_EQ(forecast_.Of(kStart), ledger::HourDemand{});
  EXPECT_EQ(forecast_.last_hour(), std::nullopt);
}

TEST_F(DemandForecastTest, TheFirstHourIsRepeatedAndMayBeAllWrong) {
  Brings(0, 1, Constant);
  EXPECT_NEAR(MeanOf(1), 500, 0.01);
  EXPECT_NEAR(SdOf(1), 500, 0.01);
  EXPECT_NEAR(MeanOf(168), 500, 0.01);
}

TEST_F(DemandForecastTest, ConstantDemandBecomesCertain) {
  Brings(0, 400, Constant);
  for (const int64_t ahead : {0, 5, 24, 100, 167}) {
    EXPECT_NEAR(MeanOf(400 + ahead), 500, 0.01);
    EXPECT_LT(SdOf(400 + ahead), 1);
  }
}

TEST_F(DemandForecastTest, HoursOfTheDayAreKnownAfterAFewDays) {
  const auto day_and_night = [](int64_t h) { return h % 24 < 12 ? 100 : 900; };
  Brings(0, 96, day_and_night);
  for (int64_t h = 96; h < 96 + 48; ++h) EXPECT_NEAR(MeanOf(h), static_cast<double>(day_and_night(h)), 80) << h - 96;
}

TEST_F(DemandForecastTest, WeekendsAreKnownAfterTwoWeeks) {
  Brings(0, 3 * 168, OfficeHours);
  for (int64_t h = 3 * 168; h < 4 * 168; ++h) {
    EXPECT_NEAR(MeanOf(h), static_cast<double>(OfficeHours(h)), 60) << "hour of the week " << h % 168;
  }
}

TEST_F(DemandForecastTest, HoursThatWereNotSeenAreUnknownAndNotIdle) {
  Brings(0, 300, Constant);
  Brings(340, 345, Constant);
  EXPECT_NEAR(MeanOf(345), 500, 0.01);
  EXPECT_NEAR(MeanOf(345 + 20), 500, 0.01) << "of an hour whose days before are partly unknown";
}

TEST_F(DemandForecastTest, AForecastLongAfterTheLastHourStillHolds) {
  Brings(0, 300, Constant);
  EXPECT_NEAR(MeanOf(300 + 5'000), 500, 0.01);
  Brings(300 + 5'000, 300 + 5'001, [](int64_t) { return 80; });
  EXPECT_NEAR(MeanOf(300 + 5'001), 80, 0.01) << "what was four weeks before is forgotten";
}

TEST_F(DemandForecastTest, SilenceIsBelievedWithinDays) {
  Brings(0, 336, Constant);
  const auto silent = [](int64_t) { return 0; };
  Brings(336, 336 + 12, silent);
  EXPECT_LT(MeanOf(336 + 12), 100) << "in the next hour";
  Brings(336 + 12, 336 + 96, silent);
  EXPECT_LT(MeanOf(336 + 96 + 23), 10) << "a day ahead";
  Brings(336 + 96, 336 + 1'000, silent);
  EXPECT_EQ(forecast_.Of(kStart + 336 + 1'000 + 100).mean, WorkPerSecond(0));
  Brings(336 + 1'000, 336 + 1'012, Constant);
  EXPECT_GT(MeanOf(336 + 1'012), 400) << "and when it comes back, that is believed as well";
}

TEST_F(DemandForecastTest, OneOutageIsHardlyExpectedAgainADayLater) {
  Brings(0, 336, Constant);
  Brings(336, 337, [](int64_t) { return 0; });
  Brings(337, 348, Constant);
  EXPECT_GT(MeanOf(360), 374) << "one of four sources believes it";
}

TEST_F(DemandForecastTest, FartherIsLessCertain) {
  uint64_t state = 12'345;
  double level = 1'000;
  Brings(0, 600, [&](int64_t) {  // a random walk
    state = state * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    level = std::max(100.0, level + static_cast<double>(state >> 40) / (1 << 24) * 100 - 50);
    return std::llround(level);
  });
  EXPECT_LT(SdOf(600), SdOf(600 + 11));
  EXPECT_LT(SdOf(600 + 11), SdOf(600 + 95));
  EXPECT_GT(SdOf(600), 15) << "steps of 29";
  EXPECT_LT(SdOf(600), 60);
}

TEST_F(DemandForecastTest, AheadIsAWeekOfHours) {
  Brings(0, 200, OfficeHours);
  const auto week = forecast_.Ahead(kStart + 203);
  ASSERT_EQ(week.size(), static_cast<size_t>(kForecastHours));
  EXPECT_EQ(week.front(), forecast_.Of(kStart + 203));
  EXPECT_EQ(week.back(), forecast_.Of(kStart + 203 + 167));
}

}  // namespace
}  // namespace penstock::planning
