#include "broker/planning/recommendation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

namespace penstock::planning {
namespace {

using ledger::Money;

Money Pico(int64_t pico) { return Money::FromPico(pico); }

/// Cost of this rate in these hours of the week, window by window.
Money CostOf(const std::vector<WindowUse>& history, int64_t minutes, const ReservePrices& prices, int64_t rate,
             const HoursOfWeek& hours) {
  Money cost;
  for (const WindowUse& use : history) {
    int64_t beyond = use.work.count();
    if (hours[use.hour_of_week]) {
      cost += Pico(prices.reserved_pico) * (rate * minutes);
      beyond = std::max<int64_t>(0, beyond - rate * minutes * 60);
    }
    cost += Pico(prices.elastic_pico) * beyond;
  }
  return cost;
}

const HoursOfWeek kAll = HoursOfWeek().set();

TEST(Recommendation, OfficeHoursAreReservedInOfficeHours) {
  std::vector<WindowUse> history;
  for (int week = 0; week < 4; ++week) {
    for (size_t h = 0; h < 168; ++h) {
      const bool office = h / 24 < 5 && h % 24 >= 9 && h % 24 < 18;
      history.push_back({h, Work(office ? 1'000 * 3'600 : 0)});
    }
  }
  // Reserved throughput in full use costs 0.6 of elastic.
  const Recommendation found =
      Recommend(history, Hours(1), {.elastic_pico = 10, .reserved_pico = 360}, WorkPerSecond(1));
  EXPECT_EQ(found.break_even_millionths, 600'000);
  EXPECT_EQ(found.peak, WorkPerSecond(1'000));
  EXPECT_EQ(found.windows, 672U);
  EXPECT_EQ(found.total, Work(4 * 45 * 3'600'000));
  EXPECT_EQ(found.without, Pico(10) * found.total.count());
  EXPECT_EQ(found.constant.rate, WorkPerSecond(0)) << "27 % of the hours are used, and 60 % would be needed";
  EXPECT_EQ(found.constant.cost(), found.without);
  EXPECT_EQ(found.in_hours.rate, WorkPerSecond(1'000));
  EXPECT_EQ(found.in_hours.hours.count(), 45U);
  EXPECT_TRUE(found.in_hours.hours[9] && !found.in_hours.hours[8] && !found.in_hours.hours[18]);
  EXPECT_EQ(found.in_hours.used_millionths, 1'000'000);
  EXPECT_EQ(found.in_hours.beyond_millionths, 0);
  EXPECT_EQ(found.Saves(found.in_hours) * 10, found.without * 4);
}

TEST(Recommendation, ADearReservationIsNotWorthIt) {
  const std::vector<WindowUse> steady(168, {3, Work(60'000)});
  const Recommendation found =
      Recommend(steady, Minutes(1), {.elastic_pico = 1, .reserved_pico = 60}, WorkPerSecond(1));
  EXPECT_EQ(found.break_even_millionths, 1'000'000);
  EXPECT_EQ(found.constant.rate, WorkPerSecond(0)) << "on ties less is reserved";
  EXPECT_EQ(found.in_hours.rate, WorkPerSecond(0));
  EXPECT_TRUE(found.in_hours.hours.none());
}

TEST(Recommendation, TheConstantRateIsTheNewsvendorsQuantile) {
  std::vector<WindowUse> history;
  for (int64_t i = 1; i <= 1'000; ++i) history.push_back({static_cast<size_t>(i % 168), Work(i * 60)});
  const Recommendation found =
      Recommend(history, Minutes(1), {.elastic_pico = 10, .reserved_pico = 240}, WorkPerSecond(1));
  EXPECT_EQ(found.break_even_millionths, 400'000);
  EXPECT_NEAR(static_cast<double>(found.constant.rate.count()), 600, 1) << "what four windows in ten exceed";
  EXPECT_NEAR(static_cast<double>(found.constant.beyond_millionths), 400'000, 1'000);
}

TEST(Recommendation, NoHistoryAsksForNothing) {
  const Recommendation found = Recommend({}, Minutes(1), {.elastic_pico = 10, .reserved_pico = 240}, WorkPerSecond(1));
  EXPECT_EQ(found.constant.rate, WorkPerSecond(0));
  EXPECT_EQ(found.without, Money());
  EXPECT_EQ(found.at_peak, Money());
}

// Every rate, and for each the best hours one by one.
TEST(Recommendation, NothingElseWouldHaveCostLess) {
  const auto seed = std::random_device{}();
  std::mt19937_64 random(seed);
  const auto up_to = [&](int64_t most) { return static_cast<int64_t>(random() % static_cast<uint64_t>(most + 1)); };
  for (int round = 0; round < 500; ++round) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << " round " << round);
    const int64_t minutes = up_to(1) == 0 ? 1 : 60;
    const int64_t step = 1 + up_to(4);
    const ReservePrices prices{.elastic_pico = 1 + up_to(20), .reserved_pico = 1 + up_to(1'200)};
    const int64_t hours = 1 + up_to(5);
    const int64_t busiest = up_to(60);
    std::vector<WindowUse> history;
    for (int64_t i = up_to(40); i > 0; --i) {
      const bool idle = up_to(3) == 0;
      history.push_back({static_cast<size_t>(up_to(hours - 1) * 30), Work(idle ? 0 : up_to(busiest * minutes * 60))});
    }
    const Recommendation found = Recommend(history, Minutes(minutes), prices, WorkPerSecond(step));

    Money least = CostOf(history, minutes, prices, 0, kAll);
    Money least_in_hours = least;
    EXPECT_EQ(found.without, least);
    for (int64_t rate = 0; rate <= 70; rate += step) {
      least = std::min(least, CostOf(history, minutes, prices, rate, kAll));
      HoursOfWeek best;
      for (size_t h = 0; h < 168; h += 30) {
        HoursOfWeek with = best;
        with.set(h);
        if (CostOf(history, minutes, prices, rate, with) < CostOf(history, minutes, prices, rate, best)) best = with;
      }
      least_in_hours = std::min(least_in_hours, CostOf(history, minutes, prices, rate, best));
    }
    EXPECT_EQ(found.constant.cost(), least);
    EXPECT_EQ(found.in_hours.cost(), least_in_hours);
    EXPECT_EQ(found.constant.cost(),
              CostOf(history, minutes, prices, found.constant.rate.count(), found.constant.hours));
    EXPECT_EQ(found.in_hours.cost(),
              CostOf(history, minutes, prices, found.in_hours.rate.count(), found.in_hours.hours));
    EXPECT_EQ(found.at_peak, CostOf(history, minutes, prices, found.peak.count(), kAll));
    EXPECT_LE(found.constant.cost(), found.without);
    EXPECT_LE(found.constant.cost(), found.at_peak);
    EXPECT_LE(found.in_hours.cost(), found.constant.cost());
    EXPECT_EQ(found.constant.rate.count() % step, 0);
    EXPECT_TRUE(found.break_even_millionths < 1'000'000 || found.in_hours.rate == WorkPerSecond(0));
  }
}

TEST(Recommendation, AMonthOfMinutesAtFullScaleFits) {
  std::vector<WindowUse> history;
  for (int64_t i = 0; i < 28 * 1'440; ++i) {
    history.push_back({static_cast<size_t>(i / 60 % 168), Work((i * 7'919 % 1'000) * 6'000'000'000)});
  }
  const Recommendation found =
      Recommend(history, Minutes(1), {.elastic_pico = 10'000, .reserved_pico = 360'000}, NormalizedTokensPerSecond(1));
  EXPECT_GT(found.Saves(found.constant), Money());
  EXPECT_LT(found.constant.cost(), found.at_peak);
}

}  // namespace
}  // namespace penstock::planning
