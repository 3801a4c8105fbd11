#include "admission/tagged_heap.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include "tests/admission/seed.h"

namespace penstock::admission {
namespace {

TEST(TaggedHeap, EqualKeysComeOutInTheOrderOfItems) {
  TaggedHeap heap;
  for (const uint32_t item : {3U, 1U, 2U}) heap.Push(item, 7);
  EXPECT_EQ(heap.Top(), 1U);
  heap.Remove(1);
  EXPECT_EQ(heap.Top(), 2U);
  EXPECT_FALSE(heap.Contains(1));
}

TEST(TaggedHeap, KeepsOrderThroughRandomPushesChangesAndRemovals) {
  for (const uint64_t seed : TestSeeds(5)) {
    SCOPED_TRACE(testing::Message() << "PENSTOCK_SEED=" << seed);
    Dice dice(seed);
    TaggedHeap heap;
    std::set<std::pair<Uint128, uint32_t>> oracle;
    for (int step = 0; step < 20'000; ++step) {
      const auto item = static_cast<uint32_t>(dice.Roll(0, 300));
      const Uint128 key = (static_cast<Uint128>(dice.Roll(0, 100)) << 88) + 1;
      if (!heap.Contains(item)) {
        heap.Push(item, key);
        oracle.emplace(key, item);
      } else if (oracle.erase({heap.KeyOf(item), item}); dice.OneIn(2)) {
        heap.Remove(item);
      } else {
        heap.Update(item, key);
        oracle.emplace(key, item);
      }
      ASSERT_EQ(heap.size(), oracle.size());
      if (step % 100 == 0) heap.CheckInvariants();
      if (oracle.empty()) continue;
      ASSERT_EQ(heap.Top(), oracle.begin()->second);
      ASSERT_TRUE(heap.TopKey() == oracle.begin()->first);
    }
  }
}

TEST(DeadlineHeap, AnItemMayComeBackRightAfterItWasRemoved) {
  for (const uint64_t seed : TestSeeds(5)) {
    SCOPED_TRACE(testing::Message() << "PENSTOCK_SEED=" << seed);
    Dice dice(seed);
    DeadlineHeap heap;
    std::set<std::pair<Instant, uint32_t>> oracle;
    std::vector<uint32_t> absent(300);  // the last removed comes back first, mostly
    std::iota(absent.begin(), absent.end(), 0U);
    for (int step = 0; step < 20'000; ++step) {
      const Instant at(dice.Roll(0, 1'000));
      if (oracle.empty() || (!absent.empty() && dice.OneIn(2))) {
        if (dice.OneIn(10)) std::swap(absent.front(), absent.back());
        heap.Push(absent.back(), at);
        oracle.emplace(at, absent.back());
        absent.pop_back();
      } else {
        const uint32_t item = dice.OneIn(3) ? oracle.begin()->second : oracle.rbegin()->second;
        oracle.erase({heap.AtOf(item), item});
        heap.Remove(item);
        absent.push_back(item);
      }
      if (!oracle.empty() && dice.OneIn(3)) {
        const uint32_t top = heap.Top();
        oracle.erase({heap.TopAt(), top});
        heap.Update(top, at);
        oracle.emplace(at, top);
      }
      if (step % 100 == 0) heap.CheckInvariants();
      ASSERT_EQ(heap.size(), oracle.size());
      ASSERT_EQ(heap.empty(), oracle.empty());
      if (oracle.empty()) continue;
      ASSERT_EQ(heap.Top(), oracle.begin()->second);
      ASSERT_TRUE(heap.TopAt() == oracle.begin()->first);
    }
  }
}

}  // namespace
}  // namespace penstock::admission
