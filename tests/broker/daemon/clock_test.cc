#include "broker/daemon/clock.h"

#include <gtest/gtest.h>

namespace penstock::daemon {
namespace {

/// Two sources that the test turns by hand.
struct HandTurned {
  Instant monotonic{1'000'000'000};
  Instant wall{1'700'000'000'000'000'000};
  void Pass(Duration d) {
    monotonic = monotonic + d;
    wall = wall + d;
  }
  SlewedClock Clock(Instant not_before = Instant()) {
    return SlewedClock([this] { return monotonic; }, [this] { return wall; }, not_before);
  }
};

TEST(SlewedClock, FollowsTheWallClockWhenNothingJumps) {
  HandTurned time;
  SlewedClock clock = time.Clock();
  EXPECT_EQ(clock.Now(), time.wall);
  time.Pass(Seconds(90));
  EXPECT_EQ(clock.Now(), time.wall);
}

TEST(SlewedClock, AWallClockStepForwardExpiresNothing) {
  HandTurned time;
  SlewedClock clock = time.Clock();
  const Instant before = clock.Now();
  time.wall = time.wall + Hours(5);
  time.Pass(Seconds(10));
  EXPECT_EQ(clock.Now() - before, Seconds(10) + Nanoseconds(10 * SlewedClock::kSlewPerSecond));
}

TEST(SlewedClock, AWallClockStepBackNeverTurnsTimeBack) {
  HandTurned time;
  SlewedClock clock = time.Clock();
  const Instant before = clock.Now();
  time.wall = time.wall - Hours(5);
  time.Pass(Seconds(10));
  EXPECT_EQ(clock.Now() - before, Seconds(10) - Nanoseconds(10 * SlewedClock::kSlewPerSecond));
}

TEST(SlewedClock, StartsNoEarlierThanTheJournalEnds) {
  HandTurned time;
  const Instant journal_end = time.wall + Hours(2);
  SlewedClock clock = time.Clock(journal_end);
  EXPECT_EQ(clock.Now(), journal_end);
  time.Pass(Milliseconds(500));
  EXPECT_EQ(clock.Now(), journal_end + Milliseconds(500)) << "time goes on although the wall clock is behind";
}

TEST(SlewedClock, CatchesUpASmallDifferenceWhole) {
  HandTurned time;
  SlewedClock clock = time.Clock();
  clock.Now();
  time.wall = time.wall + Microseconds(100);
  time.Pass(Seconds(1));
  EXPECT_EQ(clock.Now(), time.wall);
}

}  // namespace
}  // namespace penstock::daemon
