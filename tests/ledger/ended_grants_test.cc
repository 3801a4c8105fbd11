#include "ledger/ended_grants.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>

#include "ledger/hash_index.h"
#include "tests/ledger/random.h"

namespace penstock::ledger {
namespace {

TEST(HashIndexTest, KeepsWhatASetKeepsAlsoWhenHashesCollide) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  HashIndex index;
  std::map<uint32_t, uint32_t> hashes;  // by place
  for (int step = 0; step < 30'000; ++step) {
    const auto place = static_cast<uint32_t>(random.Index(700));
    const auto known = hashes.find(place);
    if (known == hashes.end()) {
      // Few and clustered homes, at both ends of the table.
      const auto hash = static_cast<uint32_t>(random.Between(-40, 40)) * (random.OneIn(2) ? 1u : 1u << 24);
      index.Insert(hash, place);
      hashes[place] = hash;
    } else if (random.OneIn(8)) {
      const auto other = static_cast<uint32_t>(700 + step);
      index.Move(known->second, place, other);
      hashes[other] = known->second;
      hashes.erase(known);
    } else {
      index.Erase(known->second, place);
      hashes.erase(known);
    }
    ASSERT_EQ(index.size(), hashes.size());
    if (step % 50 != 0) continue;
    for (const auto& [at, hash] : hashes) {
      ASSERT_EQ(index.Find(hash, [&](uint32_t candidate) { return candidate == at; }), at);
    }
    ASSERT_EQ(index.Find(99, [](uint32_t) { return true; }), HashIndex::kNone);
  }
}

TEST(EndedBitsTest, RemembersExactlyWhatWasSet) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  for (int round = 0; round < 20; ++round) {
    EndedBits bits;
    std::set<uint64_t> ended;
    std::deque<uint64_t> open;
    uint64_t given = 0;
    for (int step = 0; step < 5'000; ++step) {
      if (open.size() < 100 || random.OneIn(2)) {
        bits.Extend();
        open.push_back(++given);
      } else {
        const size_t which = random.OneIn(3) ? random.Index(open.size()) : 0;
        bits.Set(open[which]);
        ended.insert(open[which]);
        open.erase(open.begin() + static_cast<int64_t>(which));
      }
    }
    if (round % 2 == 0) {  // a lost grant, far beyond
      bits.Set(given + 100'000);
      ended.insert(given + 100'000);
    }
    EXPECT_EQ(bits.known(), round % 2 == 0 ? given + 100'000 : given);
    for (uint64_t n = 0; n <= given + 100'100; ++n) ASSERT_EQ(bits.Has(n), ended.contains(n)) << n;
  }
}

TEST(RememberedEndsTest, KeepsTheLatestEndsOfAQueueThatOnlyMovesOn) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  constexpr size_t kBound = 1'000;
  RememberedEnds ends(kBound);
  struct End {
    GrantId id;
    Instant at;
    uint8_t request;
  };
  const auto fingerprint = [](uint8_t n) {
    RequestFingerprint request;
    request.bytes[9] = n;  // all with the same hash
    return request;
  };
  std::deque<End> expected;
  Instant now(1'000);
  for (uint64_t step = 0; step < 20'000; ++step) {
    now = now + Nanoseconds(1);
    const End end{{1, random.OneIn(10) && !expected.empty() ? expected.back().id.sequence : step + 1},
                  now,
                  static_cast<uint8_t>(random.Between(0, 255))};
    EndedGrant ended;
    ended.at = now;
    ended.request = fingerprint(end.request);
    ends.Add({.grant = end.id}, ended, /*first=*/end.id.sequence == step + 1);
    expected.push_back(end);
    if (expected.size() > kBound) expected.pop_front();
    if (random.OneIn(500)) {
      const Instant horizon = now - Nanoseconds(random.Between(0, 1'200));
      ends.ForgetBefore(horizon, 700);
      for (int n = 0; n < 700 && !expected.empty() && expected.front().at < horizon; ++n) expected.pop_front();
    }
    ASSERT_EQ(ends.size(), expected.size());
    if (step % 500 != 0) continue;
    std::map<uint64_t, Instant> latest;
    std::map<uint8_t, GrantId> of_request;
    for (const End& e : expected) {
      latest[e.id.sequence] = e.at;
      of_request[e.request] = e.id;
    }
    for (const auto& [sequence, at] : latest) {
      const EndedGrant* found = ends.Find({1, sequence});
      ASSERT_NE(found, nullptr);
      ASSERT_EQ(found->at, at);
    }
    for (int n = 1; n < 256; ++n) {
      const RequestRecord* found = ends.FindRequest(fingerprint(static_cast<uint8_t>(n)));
      const auto known = of_request.find(static_cast<uint8_t>(n));
      ASSERT_EQ(found != nullptr, known != of_request.end());
      if (found != nullptr) {
        ASSERT_EQ(found->grant, known->second);
      }
    }
    const RememberedEnds copy = ends;
    ASSERT_TRUE(copy == ends);
  }
}

}  // namespace
}  // namespace penstock::ledger
