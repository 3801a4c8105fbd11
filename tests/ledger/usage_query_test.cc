#include "ledger/usage_query.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/ledger/random.h"
#include "tests/ledger/random_day.h"
#include "tests/ledger/small_world.h"

namespace penstock::ledger {
namespace {

using Groups = std::map<UsageGroup, Bucket>;

Groups AllOf(const Books& books, const UsageQuery& query) {
  UsageFold fold(query, std::nullopt, 1'000'000);
  EXPECT_TRUE(fold.Step(books, SIZE_MAX));
  EXPECT_FALSE(fold.more());
  return fold.groups();
}

Bucket Total(const Groups& groups) {
  Bucket total;
  for (const auto& [group, bucket] : groups) total += bucket;
  return total;
}

class UsageQueryTest : public testing::Test {
 protected:
  UsageQueryTest() : books_(BooksOf(OpeningEntries())) {}

  /// A request of a tenant that cost 1,100 pico-units.
  void Use(Instant at, const std::string& run = "", std::vector<Label> labels = {}, TenantId tenant = kAcme) {
    GrantEntry grant = Granted({1, ++given_}, at, TermsOf(tenant));
    grant.run = run;
    grant.labels = std::move(labels);
    ASSERT_TRUE(books_.Apply(Entry(grant)).ok());
    ASSERT_TRUE(books_.Apply(Entry(Settled({1, given_}, at, Tokens3(3, 0, 2), TermsOf(tenant)))).ok());
  }

  Books books_;
  uint64_t given_ = 0;
};

TEST_F(UsageQueryTest, GroupsByLabelAndSaysWhatHasNone) {
  Use(kNoon, "", {{"team", "search"}});
  Use(kNoon, "", {{"team", "search"}, {"job", "nightly"}});
  Use(kNoon, "", {{"team", ""}});
  Use(kNoon);
  const Groups groups = AllOf(books_, {.cut = UsageCut{"team", std::nullopt}, .by_cut = true});
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups.at({.currency = "EUR"}).requests, 1) << "no such label";
  EXPECT_EQ(groups.at({.cut = "", .currency = "EUR"}).requests, 1) << "an empty value is a value";
  EXPECT_EQ(groups.at({.cut = "search", .currency = "EUR"}).charge, Money::FromPico(2200));
  EXPECT_EQ(AllOf(books_, {.cut = UsageCut{"team", "search"}}).at({.currency = "EUR"}).requests, 2);
}

TEST_F(UsageQueryTest, DaysAndMonthsAreThoseOfTheCalendar) {
  UsageQuery query;
  query.by = UsageSpan::kDay;
  query.calendar.shifts = {{Instant(), 2 * 3'600}};  // two hours ahead of UTC
  Use(kNoon + Hours(9));                             // 1 January, 23:00 there
  Use(kNoon + Hours(10));                            // midnight
  Use(kNoon + Days(1));
  Groups groups = AllOf(books_, query);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups.begin()->first.start, kNoon - Hours(14));
  EXPECT_EQ(groups.begin()->second.requests, 1);
  EXPECT_EQ(groups.rbegin()->first.start, kNoon + Hours(10));
  EXPECT_EQ(groups.rbegin()->second.requests, 2);
  query.by = UsageSpan::kMonth;
  EXPECT_EQ(AllOf(books_, query).size(), 1u);
  query.by = UsageSpan::kHour;
  EXPECT_EQ(AllOf(books_, query).size(), 3u);
}

TEST_F(UsageQueryTest, ARangeIsFromIncludedToExcluded) {
  for (int hour = 0; hour < 10; ++hour) Use(kNoon + Hours(hour));
  EXPECT_EQ(Total(AllOf(books_, {.from = kNoon + Hours(2), .to = kNoon + Hours(5)})).requests, 3);
  EXPECT_EQ(AllOf(books_, {.from = kNoon + Hours(20)}).size(), 0u);
}

TEST_F(UsageQueryTest, ProjectsAreAFoldOverKeys) {
  ASSERT_TRUE(books_.Apply(Entry(NameEntry{NameKind::kProject, 1, kAcme.value, "chatbot"})).ok());
  ASSERT_TRUE(books_.Apply(Entry(KeyProjectEntry{KeyId{1}, ProjectId{1}})).ok());
  Use(kNoon);
  Use(kNoon, "", {}, kBolt);
  const Groups groups = AllOf(books_, {.by_tenant = true, .by_project = true});
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups.begin()->first, (UsageGroup{.tenant = kAcme, .project = ProjectId{1}, .currency = "EUR"}));
  EXPECT_EQ(Total(AllOf(books_, {.project = ProjectId{1}})).requests, 1);
}

// Properties: whatever is asked, pages of any size and slices of any size give what one look at everything gives, and
// the groups add up to the whole.

UsageQuery AnyQuery(Random* random) {
  UsageQuery query;
  if (random->OneIn(2)) query.tenant = TenantId{static_cast<uint32_t>(random->Between(1, 2))};
  if (random->OneIn(3)) query.pool = kLlama;
  if (random->OneIn(4)) query.served = ServiceClass::kDefault;
  if (random->OneIn(2)) query.from = WindowStart(kNoon + Hours(random->Between(0, 20)), Hours(1));
  if (random->OneIn(2)) query.to = query.from + Hours(random->Between(1, 500'000));
  if (random->OneIn(2)) query.cut = UsageCut{random->OneIn(2) ? "" : "team", std::nullopt};
  query.by = static_cast<UsageSpan>(random->Index(4));
  query.by_tenant = random->OneIn(2);
  query.by_project = random->OneIn(3);
  query.by_key = random->OneIn(2);
  query.by_pool = random->OneIn(2);
  query.by_class = random->OneIn(2);
  query.by_cut = query.cut && random->OneIn(2);
  return query;
}

TEST(UsageQueryPropertyTest, PagesAndSlicesOfAnySizeGiveTheSameGroups) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  for (int day = 0; day < 5; ++day) {
    const Books books = BooksOf(RandomDay(seed + static_cast<uint64_t>(day), 800));
    for (int round = 0; round < 60; ++round) {
      const UsageQuery query = AnyQuery(&random);
      const Groups expected = AllOf(books, query);
      Groups paged;
      std::optional<UsageGroup> after;
      while (true) {
        UsageFold fold(query, after, static_cast<size_t>(random.Between(1, 9)));
        while (!fold.Step(books, static_cast<size_t>(random.Between(1, 7)))) {
        }
        for (const auto& [group, bucket] : fold.groups()) ASSERT_TRUE(paged.emplace(group, bucket).second);
        if (!fold.more()) break;
        ASSERT_FALSE(fold.groups().empty());
        after = fold.groups().rbegin()->first;
      }
      ASSERT_TRUE(paged == expected);
    }
  }
}

TEST(UsageQueryPropertyTest, GroupsAddUpToTheWholeAndNoneIsNegative) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  const Books books = BooksOf(RandomDay(seed, 1'500));
  for (int round = 0; round < 200; ++round) {
    UsageQuery query = AnyQuery(&random);
    const Groups groups = AllOf(books, query);
    for (const auto& [group, bucket] : groups) ASSERT_TRUE(IsPartOf(Bucket(), bucket));
    query.by_tenant = query.by_project = query.by_key = query.by_pool = query.by_class = query.by_cut = false;
    query.by = UsageSpan::kWhole;
    query.cut.reset();
    const Groups whole = AllOf(books, query);
    ASSERT_LE(whole.size(), 1u);
    ASSERT_TRUE(Total(whole) == Total(groups));
  }
}

}  // namespace
}  // namespace penstock::ledger
