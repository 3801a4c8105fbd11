#include "admission/tagged_heap.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "tests/admission/seed.h"

namespace penstock::admission {
namespace {

TEST(TaggedHeap, EqualKeysComeOutInTheOrderOfItems) {
  TaggedHeap<int64_t> heap;
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
    TaggedHeap<int64_t> heap;
    std::set<std::pair<int64_t, uint32_t>> oracle;
    for (int step = 0; step < 20'000; ++step) {
      const auto item = static_cast<uint32_t>(dice.Roll(0, 300));
      const int64_t key = dice.Roll(0, 100);
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
      ASSERT_EQ(heap.TopKey(), oracle.begin()->first);
    }
  }
}

}  // namespace
}  // namespace penstock::admission
