#include "sim/event_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "sim/random.h"

namespace penstock::sim {
namespace {

std::vector<int> PopAll(EventQueue<int>& queue) {
  std::vector<int> popped;
  while (!queue.empty()) popped.push_back(queue.Pop());
  return popped;
}

TEST(EventQueue, HandsOutByTimeAndAtOneTimeInOrderOfPushing) {
  EventQueue<int> queue;
  queue.Push(Instant(50), 1);
  queue.Push(Instant(10), 2);
  queue.Push(Instant(50), 3);
  queue.Push(Instant(10), 4);
  EXPECT_EQ(queue.NextTime(), Instant(10));
  EXPECT_EQ(queue.size(), 4u);
  EXPECT_EQ(PopAll(queue), (std::vector{2, 4, 1, 3}));
  EXPECT_EQ(queue.NextTime(), Instant::Max());
}

TEST(EventQueue, AnEventForThisVeryMomentComesAfterThoseQueuedForIt) {
  EventQueue<int> queue;
  queue.Push(Instant(10), 1);
  queue.Push(Instant(10), 2);
  queue.Push(Instant(11), 4);
  EXPECT_EQ(queue.Pop(), 1);
  queue.Push(Instant(10), 3);
  EXPECT_EQ(PopAll(queue), (std::vector{2, 3, 4}));
}

TEST(EventQueue, TakesTheFarthestFutureAndTheNearestAfterIt) {
  EventQueue<int> queue;
  queue.Push(Instant(INT64_MAX - 1), 3);
  queue.Push(Instant(0), 1);
  queue.Push(Instant(INT64_MAX - 2), 2);
  EXPECT_EQ(PopAll(queue), (std::vector{1, 2, 3}));
  queue.Push(Instant(INT64_MAX - 1), 4);
  EXPECT_EQ(queue.Pop(), 4);
}

// A million at one time, and one before them again and again, must not cost a million each.
TEST(EventQueue, ACrowdAtOneTimeDoesNotSlowDownWhatComesBeforeIt) {
  EventQueue<int> queue;
  for (int i = 0; i < 200'000; ++i) queue.Push(Instant(1'000'000), i);
  for (int i = 0; i < 200'000; ++i) {
    queue.Push(Instant(i), -1 - i);
    ASSERT_EQ(queue.Pop(), -1 - i);
  }
  for (int i = 0; i < 200'000; ++i) ASSERT_EQ(queue.Pop(), i);
}

TEST(EventQueue, DiesOfAPushIntoThePastAndOfAPopFromNothing) {
  EventQueue<int> queue;
  EXPECT_DEATH(queue.Pop(), "levels_");
  queue.Push(Instant(10), 1);
  static_cast<void>(queue.Pop());
  EXPECT_DEATH(queue.Push(Instant(9), 2), "time >= now_");
  EXPECT_DEATH(queue.Push(Instant::Max(), 2), "Max");
}

/// How far ahead of now the next push is: mostly near, often nothing, sometimes anywhere.
int64_t SomeDelay(Random& random) {
  const int64_t kind = random.Below(10);
  if (kind < 3) return 0;
  if (kind < 6) return random.Below(20);
  return random.Below(int64_t{1} << (1 + random.Below(50)));
}

void ExpectTheOrderOfASortedSet(uint64_t seed, int64_t most_pending) {
  SCOPED_TRACE(testing::Message() << "PENSTOCK_SEED=" << seed << ", up to " << most_pending << " pending");
  Random random(seed);
  EventQueue<uint32_t> queue;
  std::set<std::pair<int64_t, uint32_t>> expected;
  int64_t now = 0;
  bool grows = true;
  for (uint32_t i = 0; i < 60'000; ++i) {
    const auto pending = static_cast<int64_t>(expected.size());
    if (pending >= most_pending) grows = false;
    if (pending == 0) grows = true;
    if (random.Below(10) < (grows ? 7 : 3)) {
      const int64_t at = now + SomeDelay(random);
      queue.Push(Instant(at), i);
      expected.emplace(at, i);
    } else if (pending > 0) {
      now = expected.begin()->first;
      ASSERT_EQ(queue.NextTime(), Instant(now)) << "step " << i;
      ASSERT_EQ(queue.Pop(), expected.begin()->second) << "step " << i;
      expected.erase(expected.begin());
    }
    ASSERT_EQ(queue.size(), expected.size());
  }
}

TEST(EventQueueProperty, OrderIsThatOfASortedSetOfTimeAndSequence) {
  const char* given = std::getenv("PENSTOCK_SEED");
  const uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  for (uint64_t seed = first; seed < first + 10; ++seed) {
    for (const int64_t pending : {3, 30, 100, 2'000, 20'000}) ExpectTheOrderOfASortedSet(seed, pending);
  }
}

}  // namespace
}  // namespace penstock::sim
