#include "ledger/cuts.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>
#include <string>

#include "tests/ledger/random.h"
#include "tests/ledger/random_day.h"
#include "tests/ledger/small_world.h"

namespace penstock::ledger {
namespace {

const TokenCounts kTokens = Tokens3(3, 0, 2);  // 3 x 100 + 2 x 400 = 1100 pico-units

/// What counts under a name in all hours.
Bucket SumOf(const Cuts& cuts, const std::string& label, const std::string& value, TenantId tenant = kAcme) {
  Bucket sum;
  for (const auto& [key, bucket] : cuts.rows()) {
    if (cuts.NameOf(key.name) == CutName{tenant, label, value}) sum += bucket;
  }
  return sum;
}

class CutsTest : public testing::Test {
 protected:
  void Settle(const std::string& run, const std::vector<Label>& labels, Instant at = kNoon, TenantId tenant = kAcme) {
    cuts_.Add(Settled({1, ++given_}, at, kTokens, TermsOf(tenant)), run, labels);
  }

  Cuts cuts_;
  uint64_t given_ = 0;
};

TEST_F(CutsTest, WhatHasNoRunAndNoLabelsCostsNothing) {
  Settle("", {});
  EXPECT_EQ(cuts_.rows().size(), 0u);
  EXPECT_EQ(cuts_.name_count(), 0u);
}

TEST_F(CutsTest, ASettlementCountsForItsRunAndForEachOfItsLabels) {
  Settle("run-7", {{"job", "nightly"}, {"team", "search"}});
  Settle("run-7", {{"team", "ranking"}}, kNoon + Hours(1));
  EXPECT_EQ(SumOf(cuts_, "", "run-7").requests, 2);
  EXPECT_EQ(SumOf(cuts_, "job", "nightly").requests, 1);
  EXPECT_EQ(SumOf(cuts_, "team", "search").charge, Money::FromPico(1100));
  EXPECT_EQ(SumOf(cuts_, "team", "ranking").tokens, kTokens);
  EXPECT_EQ(cuts_.rows().size(), 5u) << "a row per hour and name";
}

TEST_F(CutsTest, NamesAreTheTenantsOwn) {
  Settle("run-7", {});
  Settle("run-7", {}, kNoon, kBolt);
  EXPECT_EQ(SumOf(cuts_, "", "run-7").requests, 1);
  EXPECT_EQ(SumOf(cuts_, "", "run-7", kBolt).requests, 1);
  EXPECT_NE(cuts_.IdOf(kAcme, "", "run-7"), cuts_.IdOf(kBolt, "", "run-7"));
  EXPECT_EQ(cuts_.IdOf(kAcme, "run-7", ""), std::nullopt);
}

TEST_F(CutsTest, ALabelKeyCountsOncePerSettlementAndNeedsAName) {
  Settle("", {{"team", "search"}, {"team", "ranking"}, {"", "nothing"}, {"empty", ""}});
  EXPECT_EQ(SumOf(cuts_, "team", "search").requests, 1);
  EXPECT_EQ(cuts_.IdOf(kAcme, "team", "ranking"), std::nullopt);
  EXPECT_EQ(cuts_.IdOf(kAcme, "", "nothing"), std::nullopt);
  EXPECT_EQ(SumOf(cuts_, "empty", "").requests, 1) << "an empty value is a value";
}

TEST_F(CutsTest, RunsBeyondTheBoundCountTogetherUntilTheNextMonth) {
  const int64_t more = 25;
  for (int64_t n = 0; n < static_cast<int64_t>(kMaxRunsPerMonth) + more; ++n) Settle("r" + std::to_string(n), {});
  EXPECT_EQ(SumOf(cuts_, "", std::string(kOther)).requests, more);
  EXPECT_EQ(cuts_.name_count(), kMaxRunsPerMonth + 1) << "names beyond the bound are not kept";
  Settle("r5", {});
  EXPECT_EQ(SumOf(cuts_, "", "r5").requests, 2) << "who was counted goes on";
  Settle("bolt's", {}, kNoon, kBolt);
  EXPECT_EQ(SumOf(cuts_, "", "bolt's", kBolt).requests, 1) << "each tenant has a bound of its own";
  Settle("r10010", {}, kNoon + Days(31));  // 1 February
  EXPECT_EQ(SumOf(cuts_, "", "r10010").requests, 1);
}

TEST_F(CutsTest, ANameOfLastMonthNeedsAPlaceInThisOne) {
  Settle("", {{"team", "old"}});
  const Instant february = kNoon + Days(31);
  for (size_t n = 0; n < kMaxLabelValuesPerMonth; ++n) Settle("", {{"team", std::to_string(n)}}, february);
  Settle("", {{"team", "old"}}, february);
  EXPECT_EQ(SumOf(cuts_, "team", "old").requests, 1);
  EXPECT_EQ(SumOf(cuts_, "team", std::string(kOther)).requests, 1);
  Settle("a run", {}, february);
  EXPECT_EQ(SumOf(cuts_, "", "a run").requests, 1) << "runs have a bound of their own";
}

TEST_F(CutsTest, LabelKeysBeyondTheirBoundShareOneNameAndCountOnce) {
  for (size_t n = 0; n < kMaxLabelKeys; ++n) Settle("", {{"key" + std::to_string(n), "v"}});
  Settle("", {{"one more", "v"}, {"and another", "w"}});
  EXPECT_EQ(SumOf(cuts_, std::string(kOther), std::string(kOther)).requests, 1);
  EXPECT_EQ(cuts_.IdOf(kAcme, "one more", "v"), std::nullopt);
  Settle("", {{"key3", "w"}});
  EXPECT_EQ(SumOf(cuts_, "key3", "w").requests, 1);
}

TEST_F(CutsTest, RestoredOnesGoOnAsTheOriginals) {
  for (size_t n = 0; n < kMaxLabelValuesPerMonth - 1; ++n) Settle("run", {{"team", std::to_string(n)}});
  Cuts restored;
  for (uint32_t id = 1; id <= cuts_.name_count(); ++id) ASSERT_TRUE(restored.Restore(CutName(cuts_.NameOf(id))));
  for (const auto& [key, bucket] : cuts_.rows()) ASSERT_TRUE(restored.Restore(key, bucket));
  EXPECT_TRUE(restored == cuts_);
  EXPECT_EQ(restored.changed(), 0u);
  for (const char* value : {"5", "the last", "too many"}) {
    const SettleEntry settle = Settled({1, 1}, kNoon + Minutes(1), kTokens);
    cuts_.Add(settle, "run", {{"team", value}});
    restored.Add(settle, "run", {{"team", value}});
  }
  EXPECT_TRUE(restored == cuts_);
  EXPECT_EQ(SumOf(restored, "team", std::string(kOther)).requests, 1);
  EXPECT_EQ(restored.changed(), 5u) << "run, 5, the last with its name, other";
}

TEST_F(CutsTest, WhatDoesNotFitIsNotRestored) {
  EXPECT_TRUE(cuts_.Restore(CutName{kAcme, "team", "search"}));
  EXPECT_FALSE(cuts_.Restore(CutName{kAcme, "team", "search"})) << "twice";
  EXPECT_FALSE(cuts_.Restore(CutName{kAcme, "", ""}));
  BucketKey bucket;
  bucket.tenant = kBolt;
  EXPECT_FALSE(cuts_.Restore(CutKey{bucket, 1}, Bucket())) << "another tenant's";
  EXPECT_FALSE(cuts_.Restore(CutKey{bucket, 2}, Bucket()));
  EXPECT_FALSE(cuts_.Restore(CutKey{bucket, 0}, Bucket()));
}

// The oracle: what each run and each label value of a tenant used, straight from the entries.
TEST(CutsPropertyTest, RowsAddUpToWhatTheEntriesSay) {
  const uint64_t seed = SeedOfThisRun();
  for (uint64_t day = 0; day < 10; ++day) {
    SCOPED_TRACE(SeedText(seed) + ", day " + std::to_string(day));
    std::map<GrantId, GrantEntry> open;
    std::map<std::array<std::string, 3>, Bucket> expected;  // tenant, label, value
    const std::vector<Entry> entries = RandomDay(seed + day, 600);
    for (const Entry& entry : entries) {
      if (const auto* grant = std::get_if<GrantEntry>(&entry)) open[grant->id] = *grant;
      if (const auto* expire = std::get_if<ExpireEntry>(&entry)) open.erase(expire->id);
      const auto* settle = std::get_if<SettleEntry>(&entry);
      if (settle == nullptr || !open.contains(settle->id)) continue;
      const GrantEntry& grant = open[settle->id];
      const std::string tenant = std::to_string(grant.terms.tenant.value);
      if (!grant.run.empty()) expected[{tenant, "", grant.run}].Add(*settle);
      std::set<std::string> labels;
      for (const auto& [label, value] : grant.labels) {
        if (!label.empty() && labels.insert(label).second) expected[{tenant, label, value}].Add(*settle);
      }
    }
    const Books books = BooksOf(entries);
    std::map<std::array<std::string, 3>, Bucket> found;
    for (const auto& [key, bucket] : books.cuts().rows()) {
      const CutName& name = books.cuts().NameOf(key.name);
      found[{std::to_string(name.tenant.value), name.label, name.value}] += bucket;
    }
    EXPECT_TRUE(found == expected);
    EXPECT_TRUE(books.CheckInvariants().ok()) << books.CheckInvariants();
  }
}

}  // namespace
}  // namespace penstock::ledger
