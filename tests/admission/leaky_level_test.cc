#include "admission/leaky_level.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>
#include <vector>

#include "tests/admission/seed.h"

namespace penstock::admission {
namespace {

constexpr Instant kStart{1'700'000'000'000'000'000};

RateTerms PerSecond(int64_t quantity, int64_t burst) {
  return RateTerms{.quantity = quantity, .period = Seconds(1), .burst = burst};
}

/// Takes the amount if it conforms.
bool Ask(LeakyLevel& level, int64_t amount, Instant now) {
  if (level.WaitFor(amount, now) > Duration::Zero()) return false;
  level.Take(amount, now);
  return true;
}

TEST(LeakyLevel, AdmitsTheBurstAtOnceAndThenOneByOne) {
  LeakyLevel level(PerSecond(10, 3));
  EXPECT_TRUE(Ask(level, 1, kStart));
  EXPECT_TRUE(Ask(level, 1, kStart));
  EXPECT_TRUE(Ask(level, 1, kStart));
  EXPECT_EQ(level.WaitFor(1, kStart), Milliseconds(100));
  EXPECT_FALSE(Ask(level, 1, kStart + Milliseconds(100) - Nanoseconds(1)));
  EXPECT_TRUE(Ask(level, 1, kStart + Milliseconds(100)));
}

TEST(LeakyLevel, RefusesWhatComesTooEarlyAndTakesWhatComesLater) {  // dmclock's limit_reject
  LeakyLevel level(PerSecond(1, 1));
  EXPECT_TRUE(Ask(level, 1, kStart + Seconds(1)));
  EXPECT_TRUE(Ask(level, 1, kStart + Seconds(2)));
  EXPECT_TRUE(Ask(level, 1, kStart + Seconds(3)));
  EXPECT_FALSE(Ask(level, 1, kStart + Milliseconds(3'900)));
  EXPECT_TRUE(Ask(level, 1, kStart + Seconds(6)));
}

TEST(LeakyLevel, RoundsNothingAwayHoweverOftenItIsAsked) {
  LeakyLevel level(RateTerms{.quantity = 7, .period = Days(1), .burst = 7});
  level.Take(7, kStart);
  Instant now = kStart;
  for (int i = 0; i < 100'000; ++i) {
    now = now + Nanoseconds(123'457);
    level.Used(now);
  }
  const Duration left = Days(1) - (now - kStart);
  EXPECT_EQ(level.TimeToEmpty(now), left);
}

TEST(LeakyLevel, WaitIsTheFirstInstantAtWhichItConforms) {
  LeakyLevel level(PerSecond(3, 5));
  level.Take(5, kStart);
  const Duration wait = level.WaitFor(1, kStart);
  EXPECT_EQ(wait, Nanoseconds(333'333'334));
  EXPECT_GT(level.WaitFor(1, kStart + wait - Nanoseconds(1)), Duration::Zero());
  EXPECT_EQ(level.WaitFor(1, kStart + wait), Duration::Zero());
}

TEST(LeakyLevel, WhatIsLargerThanTheBurstPassesWhenEmptyAndLeavesADebt) {
  LeakyLevel level(PerSecond(10, 10));
  EXPECT_TRUE(Ask(level, 100, kStart));
  EXPECT_EQ(level.Remaining(kStart), 0);
  EXPECT_EQ(level.WaitFor(1, kStart), Milliseconds(9'100));
  EXPECT_EQ(level.WaitFor(100, kStart), Seconds(10)) << "the next oversized one needs an empty level";
}

TEST(LeakyLevel, GivingBackNeverSavesUpMoreThanTheBurst) {
  LeakyLevel level(PerSecond(10, 10));
  level.Take(4, kStart);
  level.GiveBack(100, kStart);
  EXPECT_EQ(level.Remaining(kStart), 10);
}

TEST(LeakyLevel, ChangedTermsKeepWhatWasUsed) {
  LeakyLevel level(RateTerms{.quantity = 100, .period = Minutes(1), .burst = 100});
  level.Take(60, kStart);
  level.SetTerms(RateTerms{.quantity = 6'000, .period = Hours(1), .burst = 100}, kStart);
  EXPECT_EQ(level.Used(kStart), 60);
  EXPECT_EQ(level.Remaining(kStart), 40);
  EXPECT_EQ(level.TimeToEmpty(kStart), Seconds(36)) << "the same rate, said differently";
}

TEST(LeakyLevel, AnOlderNowDrainsNothing) {
  LeakyLevel level(PerSecond(10, 10));
  level.Take(10, kStart);
  EXPECT_EQ(level.Used(kStart - Seconds(5)), 10);
  EXPECT_EQ(level.Used(kStart + Milliseconds(500)), 5);
}

TEST(LeakyLevel, AHugeDebtOnATinyRateWaitsAHundredYearsAndCrashesNothing) {
  LeakyLevel level(RateTerms{.quantity = 1, .period = Days(1), .burst = 1});
  level.Take(7'000'000'000'000'000, kStart);
  EXPECT_EQ(level.WaitFor(1, kStart), kLongestWait);
  EXPECT_EQ(level.TimeToEmpty(kStart), kLongestWait);
  EXPECT_GT(kStart + kLongestWait, kStart);
}

TEST(LeakyLevel, InEveryIntervalNoMoreIsTakenThanRateTimesTimePlusBurst) {
  for (const uint64_t seed : TestSeeds(5)) {
    SCOPED_TRACE(testing::Message() << "PENSTOCK_SEED=" << seed);
    Dice dice(seed);
    const RateTerms terms = PerSecond(dice.Roll(1, 1'000), dice.Roll(1, 500));
    const int64_t largest = dice.Roll(1, 1'000);
    LeakyLevel level(terms);
    struct Event {
      Instant at;
      int64_t net;
    };
    std::vector<Event> events;
    Instant now = kStart;
    int taken = 0;
    while (events.size() < 400) {
      now = now + Microseconds(dice.Roll(0, 300'000));
      if (dice.OneIn(5)) {
        const int64_t back = dice.Roll(1, largest);
        level.GiveBack(back, now);
        events.push_back({now, -back});
      } else if (const int64_t amount = dice.Roll(1, largest); Ask(level, amount, now)) {
        events.push_back({now, amount});
        ++taken;
      }
    }
    EXPECT_GT(taken, 50);
    for (size_t from = 0; from < events.size(); ++from) {
      int64_t net = 0;
      for (size_t to = from; to < events.size(); ++to) {
        net += events[to].net;
        const Int128 allowed = Int128{terms.quantity} * (events[to].at - events[from].at).count() / 1'000'000'000 +
                               std::max(terms.burst, largest) + 1;
        ASSERT_LE(Int128{net}, allowed) << "from event " << from << " to " << to;
      }
    }
  }
}

}  // namespace
}  // namespace penstock::admission
