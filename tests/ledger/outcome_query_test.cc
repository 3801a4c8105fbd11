#include "ledger/outcome_query.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/ledger/random.h"
#include "tests/ledger/random_day.h"
#include "tests/ledger/small_world.h"

namespace penstock::ledger {
namespace {

std::map<OutcomeGroup, OutcomeUsage> GroupsOf(const Books& books, const OutcomeQuery& query, size_t rows = SIZE_MAX) {
  OutcomeFold fold(query);
  while (!fold.Step(books, rows)) {
  }
  return fold.groups();
}

class OutcomeQueryTest : public testing::Test {
 protected:
  OutcomeQueryTest() : books_(BooksOf(OpeningEntries())) {}

  /// A request that cost 1,100 pico-units.
  void Use(const std::string& run, std::vector<Label> labels = {}, Instant at = kNoon) {
    GrantEntry grant = Granted({1, ++given_}, at);
    grant.run = run;
    grant.labels = std::move(labels);
    ASSERT_TRUE(books_.Apply(Entry(grant)).ok());
    ASSERT_TRUE(books_.Apply(Entry(Settled({1, given_}, at, Tokens3(3, 0, 2)))).ok());
  }

  void Report(const std::string& name, int64_t accepted, const std::string& run, std::vector<Label> labels = {}) {
    OutcomeEntry report;
    report.id = books_.outcomes().last_id() + 1;
    report.tenant = kAcme;
    report.at = report.happened = kNoon + Minutes(30);
    report.name = name;
    report.accepted = accepted;
    report.run = run;
    report.labels = std::move(labels);
    ASSERT_TRUE(books_.Apply(Entry(report)).ok());
  }

  Books books_;
  uint64_t given_ = 0;
};

TEST_F(OutcomeQueryTest, UsageIsThatOfTheRunsThatReported) {
  Use("run-1");
  Use("run-1");
  Use("run-2");
  Use("run-3");
  Report("resolved", 4, "run-1");
  Report("escalated", 1, "run-1");
  Report("resolved", 1, "run-2");
  Report("resolved", 5, "");
  const auto groups = GroupsOf(books_, {.tenant = kAcme, .label = ""});
  ASSERT_EQ(groups.size(), 2u);
  const OutcomeUsage& resolved = groups.at({1, ""});
  EXPECT_EQ(resolved.count, (OutcomeCount{10, 0}));
  EXPECT_EQ(resolved.attributed, 5);
  EXPECT_EQ(resolved.usage.requests, 3);
  EXPECT_EQ(resolved.usage.charge, Money::FromPico(3300));
  EXPECT_EQ(groups.at({2, ""}).usage.requests, 2) << "a run counts for each of its outcomes";
  EXPECT_EQ(GroupsOf(books_, {.tenant = kBolt, .label = ""}).size(), 0u);
  EXPECT_EQ(GroupsOf(books_, {.tenant = kAcme, .from = kNoon + Hours(1), .label = ""}).size(), 0u);
}

TEST_F(OutcomeQueryTest, ByLabelUsageIsThatOfItsValues) {
  Use("run-1", {{"team", "search"}});
  Use("", {{"team", "search"}});
  Use("", {{"team", "ranking"}});
  Report("resolved", 2, "run-1", {{"team", "search"}});
  Report("resolved", 3, "run-1");
  const auto groups = GroupsOf(books_, {.tenant = kAcme, .label = "team"});
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups.at({1, ""}).count.accepted, 3);
  EXPECT_EQ(groups.at({1, ""}).usage, Bucket());
  EXPECT_EQ(groups.at({1, "search"}).count.accepted, 2);
  EXPECT_EQ(groups.at({1, "search"}).usage.requests, 2);
}

TEST(OutcomeQueryPropertyTest, SlicesOfAnySizeGiveTheSame) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  const Books books = BooksOf(RandomDay(seed, 1'500));
  for (int round = 0; round < 50; ++round) {
    OutcomeQuery query{.tenant = random.OneIn(2) ? kAcme : kBolt, .label = random.OneIn(2) ? "" : "team"};
    if (random.OneIn(2)) query.from = WindowStart(kNoon + Hours(random.Between(-500, 20)), Hours(1));
    const auto expected = GroupsOf(books, query);
    const auto sliced = GroupsOf(books, query, static_cast<size_t>(random.Between(1, 9)));
    ASSERT_EQ(sliced.size(), expected.size());
    for (const auto& [group, usage] : expected) {
      ASSERT_EQ(sliced.at(group).count, usage.count);
      ASSERT_EQ(sliced.at(group).attributed, usage.attributed);
      ASSERT_TRUE(sliced.at(group).usage == usage.usage);
      ASSERT_LE(usage.attributed, usage.count.accepted);
    }
  }
}

}  // namespace
}  // namespace penstock::ledger
