#include "broker/planning/wait_calibrator.h"

#include <gtest/gtest.h>

namespace penstock::planning {
namespace {

using core::WaitRange;

constexpr PoolId kChat{1};
constexpr ServiceClass kDefault = ServiceClass::kDefault;

class WaitCalibratorTest : public ::testing::Test {
 protected:
  void See(Duration forecast, Duration waited, int times = 1, bool departed = false, ServiceClass as = kDefault) {
    for (int i = 0; i < times; ++i) {
      calibrator_.Observe(
          {.pool = kChat, .stood_as = as, .line_forecast = forecast, .waited = waited, .departed = departed});
    }
  }
  /// The range that the one changed table gives for a forecast.
  WaitRange RangeFor(Duration forecast) {
    const auto tables = calibrator_.TakeTables();
    EXPECT_EQ(tables.size(), 1u);
    return tables.empty() ? WaitRange{} : tables[0].buckets[core::WaitBucketOf(forecast)];
  }
  WaitCalibrator calibrator_;
};

/// Within one bin (9 %) of a wait.
testing::AssertionResult About(Duration found, Duration wanted) {
  const double ratio = static_cast<double>(found.count()) / static_cast<double>(wanted.count());
  if (ratio > 0.9 && ratio < 1.1) return testing::AssertionSuccess();
  return testing::AssertionFailure() << found.count() << " ns is not about " << wanted.count();
}

TEST_F(WaitCalibratorTest, BucketsAreDoublingsOfAMillisecond) {
  EXPECT_EQ(core::WaitBucketOf(Duration::Zero()), 0u);
  EXPECT_EQ(core::WaitBucketOf(Nanoseconds(1'999'999)), 0u);
  EXPECT_EQ(core::WaitBucketOf(Milliseconds(2)), 1u);
  EXPECT_EQ(core::WaitBucketOf(Milliseconds(1'024)), 10u);
  EXPECT_EQ(core::WaitBucketOf(Milliseconds(2'047)), 10u);
  EXPECT_EQ(core::WaitBucketOf(Hours(1'000)), core::kWaitBuckets - 1);
}

TEST_F(WaitCalibratorTest, SaysNothingBeforeItHasSeenAnythingAndNothingTwice) {
  EXPECT_TRUE(calibrator_.TakeTables().empty());
  See(Seconds(1), Seconds(2), 50);
  EXPECT_EQ(calibrator_.TakeTables().size(), 1u);
  EXPECT_TRUE(calibrator_.TakeTables().empty());
  See(Seconds(1), Seconds(2));
  EXPECT_TRUE(calibrator_.TakeTables().empty()) << "the same wait again changes nothing";
}

TEST_F(WaitCalibratorTest, WithTooFewWaitsTheDefaultRuleHolds) {
  See(Seconds(1), Seconds(30), WaitCalibrator::kEnough - 1);
  const WaitRange range = RangeFor(Seconds(1));
  EXPECT_EQ(range.low, Duration::Zero());
  EXPECT_EQ(range.expected, Milliseconds(768));  // the middle of 512 ms .. 1,024 ms
  EXPECT_EQ(range.high, Milliseconds(4 * 768 + 1'000));
}

TEST_F(WaitCalibratorTest, LearnsTheMiddleNineTenths) {
  for (int i = 1; i <= 200; ++i) See(Seconds(1), Milliseconds(10 * i));
  const WaitRange range = RangeFor(Seconds(1));
  EXPECT_TRUE(About(range.low, Milliseconds(92)));
  EXPECT_TRUE(About(range.expected, Milliseconds(1'030)));
  EXPECT_TRUE(About(range.high, Milliseconds(1'960)));
}

TEST_F(WaitCalibratorTest, TheDepartedCountAsLongerWaits) {
  See(Seconds(1), Seconds(1), 100);
  See(Seconds(1), Seconds(5), 100, /*departed=*/true);
  for (int i = 0; i < 50; ++i) See(Seconds(1), Seconds(10 + i % 2 * 10));
  // Of 250, 100 ran after 1 s. The other 150 split like the 50 that stayed: 75 at 10 s, 75 at 20 s.
  const WaitRange range = RangeFor(Seconds(1));
  EXPECT_TRUE(About(range.low, Milliseconds(960)));
  EXPECT_TRUE(About(range.expected, Seconds(10)));
  EXPECT_TRUE(About(range.high, Seconds(20)));
}

TEST_F(WaitCalibratorTest, TheCurveGoesOnPastTheLastDeparted) {
  See(Seconds(1), Seconds(1), 100);
  See(Seconds(1), Seconds(5), 100, /*departed=*/true);
  // Half is left after 5 s; as an exponential 1 in 20 is left after 4.3 times as long, and a little less a little
  // later.
  const WaitRange range = RangeFor(Seconds(1));
  EXPECT_TRUE(About(range.expected, Seconds(1)));
  EXPECT_GE(range.high, Milliseconds(21'600));
  EXPECT_LE(range.high, Milliseconds(24'500));
}

TEST_F(WaitCalibratorTest, WhereAllDepartNothingPromisesLessThanTheyWaited) {
  See(Seconds(1), Seconds(5), 100, /*departed=*/true);
  const WaitRange range = RangeFor(Seconds(1));
  EXPECT_GE(range.low, Milliseconds(4'500));
  EXPECT_GE(range.expected, Seconds(10));
  EXPECT_GE(range.high, Seconds(20));
}

TEST_F(WaitCalibratorTest, ABucketWithoutWaitsBorrowsByScaling) {
  See(Milliseconds(1'500), Seconds(2), 100);  // bucket 10
  const auto tables = calibrator_.TakeTables();
  ASSERT_EQ(tables.size(), 1u);
  const auto& buckets = tables[0].buckets;
  EXPECT_EQ(buckets[12].low, buckets[10].low);
  EXPECT_EQ(buckets[12].expected, buckets[10].expected * 4);
  EXPECT_EQ(buckets[12].high, buckets[10].high * 4);
  EXPECT_EQ(buckets[8].high, buckets[10].high);
  EXPECT_TRUE(About(buckets[8].low * 4, buckets[10].low));
  EXPECT_TRUE(About(buckets[8].expected * 4, buckets[10].expected));
  EXPECT_EQ(buckets[10 + WaitCalibrator::kReach + 1].low, Duration::Zero()) << "too far: the default rule";
}

TEST_F(WaitCalibratorTest, FollowsALineThatSlowsDown) {
  See(Seconds(1), Seconds(1), 3'000);
  See(Seconds(1), Seconds(4), 2'000);
  EXPECT_TRUE(About(RangeFor(Seconds(1)).low, Milliseconds(3'900)));
}

TEST_F(WaitCalibratorTest, KeepsClassesApart) {
  See(Seconds(1), Seconds(1), 50, false, ServiceClass::kFree);
  See(Seconds(1), Seconds(9), 50, false, ServiceClass::kPriority);
  const auto tables = calibrator_.TakeTables();
  ASSERT_EQ(tables.size(), 2u);
  EXPECT_EQ(tables[0].stood_as, ServiceClass::kFree);
  EXPECT_EQ(tables[1].stood_as, ServiceClass::kPriority);
  EXPECT_LT(tables[0].buckets[10].high, tables[1].buckets[10].low);
}

TEST_F(WaitCalibratorTest, EveryRangeIsInOrder) {
  for (int i = 0; i < 2'000; ++i) {
    See(Milliseconds(i * 37 % 5'000), Milliseconds(i * 91 % 20'000), 1, i % 3 == 0);
  }
  for (const auto& table : calibrator_.TakeTables()) {
    for (const WaitRange& range : table.buckets) {
      EXPECT_LE(Duration::Zero(), range.low);
      EXPECT_LE(range.low, range.expected);
      EXPECT_LE(range.expected, range.high);
    }
  }
}

}  // namespace
}  // namespace penstock::planning
