#include "broker/planning/shadow_price.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace penstock::planning {
namespace {

using ledger::Money;
using What = ChunkVerdict::What;

constexpr int64_t kSecondsPerHour = 3'600;

HourOutlook Hour(int64_t mean, int64_t deviation, int64_t sellable, int64_t margin_pico) {
  return {{WorkPerSecond(mean), WorkPerSecond(deviation)}, WorkPerSecond(sellable), margin_pico};
}

/// What a rate in milli-nt/s pays in an hour.
Money HourOf(int64_t rate, int64_t margin_pico) { return Money::FromPico(margin_pico) * (rate * kSecondsPerHour); }

TEST(ShadowPrice, CertainDemandIsWorthWhatTheChunkServesOfIt) {
  const std::vector<HourOutlook> hours = {Hour(1'000, 0, 900, 10), Hour(1'000, 0, 970, 10), Hour(1'000, 0, 1'200, 10)};
  const ChunkVerdict verdict = JudgeChunk(hours, {WorkPerSecond(60), Money::FromPico(1), Days(1)}, 0, 1);
  ASSERT_EQ(verdict.weeks.size(), 1U);
  EXPECT_EQ(verdict.weeks[0].value_per_hour, HourOf(30, 10)) << "60, 30 and 0 in three hours";
  EXPECT_EQ(verdict.weeks[0].short_without, WorkPerSecond(43)) << "100, 30 and 0";
  EXPECT_EQ(verdict.weeks[0].short_with, WorkPerSecond(13)) << "40, 0 and 0";
}

TEST(ShadowPrice, UncertainDemandPaysABitOfTheChunkWhereTheMeanFits) {
  const std::vector<HourOutlook> hours = {Hour(1'000'000, 100'000, 1'000'000, 10)};
  const ChunkVerdict verdict = JudgeChunk(hours, {WorkPerSecond(100'000), Money(), Duration::Zero()}, 0, 1);
  // sd x (loss(0) - loss(1)) = 100,000 x (0.398942 - 0.083315)
  EXPECT_NEAR(static_cast<double>((verdict.weeks[0].short_without - verdict.weeks[0].short_with).count()), 31'563, 2);
}

TEST(ShadowPrice, GrowthAndLeadTimeSayWhenToOrder) {
  const std::vector<HourOutlook> hours = {Hour(1'000, 0, 1'000, 10)};
  // It pays when at least 50 of its 100 are sold: 1,050 in week 5 at 1 % a week.
  const auto judge = [&](Duration lead_time, int64_t growth, size_t weeks) {
    return JudgeChunk(hours, {WorkPerSecond(100), HourOf(50, 10), lead_time}, growth, weeks);
  };
  EXPECT_EQ(judge(Days(14), 10'000, 52).pays_from, 5U);
  EXPECT_EQ(judge(Days(14), 10'000, 52).what, What::kOrderLater);
  EXPECT_EQ(judge(Days(14), 10'000, 52).order_in, 3U);
  EXPECT_EQ(judge(Days(15), 10'000, 52).order_in, 2U) << "weeks are whole";
  EXPECT_EQ(judge(Days(35), 10'000, 52).what, What::kOrderNow);
  EXPECT_EQ(judge(Days(70), 10'000, 52).what, What::kOrderNow);
  EXPECT_EQ(judge(Days(14), 10'000, 5).what, What::kNotForeseeable) << "weeks 0 to 4";
  EXPECT_EQ(judge(Days(14), 0, 52).what, What::kNotForeseeable);
  EXPECT_EQ(judge(Days(14), 0, 52).pays_from, std::nullopt);
}

TEST(ShadowPrice, WhatPaysTodayButNotWhenItComesIsNotOrdered) {
  const std::vector<HourOutlook> hours = {Hour(1'060, 0, 1'000, 10)};
  const ChunkVerdict verdict = JudgeChunk(hours, {WorkPerSecond(100), HourOf(50, 10), Days(21)}, -10'000, 52);
  EXPECT_EQ(verdict.pays_from, 0U);
  EXPECT_EQ(verdict.what, What::kNotForeseeable);
}

TEST(ShadowPrice, WhatFillsAHoleUnderReservationsIsNotSold) {
  const std::vector<HourOutlook> hours = {Hour(1'000, 0, -200, 10)};
  const ChunkVerdict verdict = JudgeChunk(hours, {WorkPerSecond(300), HourOf(100, 10), Duration::Zero()}, 0, 1);
  EXPECT_EQ(verdict.weeks[0].short_without, WorkPerSecond(1'000));
  EXPECT_EQ(verdict.weeks[0].value_per_hour, HourOf(100, 10));
  EXPECT_EQ(verdict.what, What::kOrderNow);
}

// Peak-load pricing (Boiteux 1949, Steiner 1957): demand 100 - p at the peak and 60 - p off it, running cost 10,
// capacity cost beta. At the optimum the last unit is worth beta: with beta 30 the peak pays all of it (prices 40 and
// 10, capacity 60), with beta 60 the peak would shift, and both pay (60 and 20, capacity 40).
TEST(ShadowPrice, AtTheOptimumOfPeakLoadPricingCapacityIsWorthItsCost) {
  constexpr int64_t kUnit = 1'000'000;  // milli-nt/s
  struct Case {
    int64_t beta, peak_price, off_peak_price, capacity;
  };
  for (const auto& [beta, peak_price, off_peak_price, capacity] : {Case{30, 40, 10, 60}, Case{60, 60, 20, 40}}) {
    SCOPED_TRACE(testing::Message() << "beta " << beta);
    const auto value_per_unit = [&](int64_t from, int64_t to) {
      const std::vector<HourOutlook> hours = {
          Hour((100 - peak_price) * kUnit, 0, from * kUnit, peak_price - 10),
          Hour((60 - off_peak_price) * kUnit, 0, from * kUnit, off_peak_price - 10),
      };
      const CapacityChunk chunk{WorkPerSecond((to - from) * kUnit), Money(), Duration::Zero()};
      return JudgeChunk(hours, chunk, 0, 1).weeks[0].value_per_hour * 2;  // of both periods
    };
    EXPECT_EQ(value_per_unit(capacity - 1, capacity), HourOf(kUnit, beta));
    EXPECT_EQ(value_per_unit(capacity, capacity + 1), Money()) << "at these prices nobody asks for more";
  }
}

}  // namespace
}  // namespace penstock::planning
