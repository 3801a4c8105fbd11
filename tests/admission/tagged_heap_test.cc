#include "admission/tagged_heap.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

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

}  // namespace
}  // namespace penstock::admission
