#include "ledger/outcomes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "ledger/statement.h"
#include "tests/ledger/random.h"
#include "tests/ledger/random_day.h"
#include "tests/ledger/small_world.h"

namespace penstock::ledger {
namespace {

class OutcomesTest : public testing::Test {
 protected:
  OutcomesTest() : books_(BooksOf(OpeningEntries())) {}

  OutcomeEntry Reported(int64_t accepted, int64_t rejected = 0) const {
    OutcomeEntry report;
    report.id = books_.outcomes().last_id() + 1;
    report.tenant = kAcme;
    report.at = kNoon + Minutes(30);
    report.happened = kNoon + Minutes(20);
    report.name = "resolved";
    report.accepted = accepted;
    report.rejected = rejected;
    return report;
  }

  OutcomeEntry ReversalOf(const OutcomeEntry& report) const {
    OutcomeEntry reversal = Reported(-report.accepted, -report.rejected);
    reversal.tenant = report.tenant;
    reversal.happened = report.happened;
    reversal.name = report.name;
    reversal.reverses = report.id;
    return reversal;
  }

  void Expect(const Entry& entry) {
    const absl::Status applied = books_.Apply(entry);
    EXPECT_TRUE(applied.ok()) << applied;
    EXPECT_TRUE(books_.CheckInvariants().ok()) << books_.CheckInvariants();
  }

  void ExpectRefused(const Entry& entry, const std::string& because) {
    const Books before = books_;
    const absl::Status applied = books_.Apply(entry);
    EXPECT_EQ(applied.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(applied.message()), testing::HasSubstr(because));
    EXPECT_TRUE(books_ == before) << "a refused entry changed the books: " << because;
  }

  /// Of all outcomes of the name, or of those with a run or label.
  OutcomeCount CountOf(const std::string& name, std::optional<CutName> cut = std::nullopt) const {
    OutcomeCount sum;
    for (const auto& [key, count] : books_.outcomes().rows()) {
      if (books_.outcomes().NameOf(key.name).name != name) continue;
      if (cut ? key.cut == 0 || books_.cuts().NameOf(key.cut) != *cut : key.cut != 0) continue;
      sum.accepted += count.accepted;
      sum.rejected += count.rejected;
    }
    return sum;
  }

  Books books_;
};

TEST_F(OutcomesTest, AReportCountsForItsNameRunAndLabelsInTheHourItHappened) {
  OutcomeEntry report = Reported(3, 1);
  report.run = "run-7";
  report.labels = {{"team", "search"}};
  report.happened = kNoon - Days(3);
  Expect(report);
  Expect(Reported(2));
  EXPECT_EQ(CountOf("resolved"), (OutcomeCount{5, 1}));
  EXPECT_EQ(CountOf("resolved", CutName{kAcme, "", "run-7"}), (OutcomeCount{3, 1}));
  EXPECT_EQ(CountOf("resolved", CutName{kAcme, "team", "search"}), (OutcomeCount{3, 1}));
  EXPECT_EQ(books_.outcomes().rows().begin()->first.hour, kNoon - Days(3));
}

TEST_F(OutcomesTest, AReversalTakesAReportBackOnce) {
  OutcomeEntry report = Reported(3, 1);
  report.run = "run-7";
  Expect(report);
  Expect(Reported(2));
  const OutcomeEntry reversal = ReversalOf(report);
  Expect(reversal);
  EXPECT_EQ(CountOf("resolved"), (OutcomeCount{2, 0}));
  EXPECT_EQ(CountOf("resolved", CutName{kAcme, "", "run-7"}), OutcomeCount());
  EXPECT_EQ(books_.outcomes().Find(report.id)->reversed_by, reversal.id);
  ExpectRefused(ReversalOf(report), "is reversed already, by 3");
  ExpectRefused(ReversalOf(reversal), "reverses a reversal");
}

TEST_F(OutcomesTest, AReversalIsOfTheWholeReportAndOfItsTenant) {
  const OutcomeEntry report = Reported(3, 1);
  Expect(report);
  const auto with = [&](auto change) {
    OutcomeEntry reversal = ReversalOf(report);
    change(reversal);
    return reversal;
  };
  ExpectRefused(with([](OutcomeEntry& e) { e.accepted = -2; }), "does not reverse what it names");
  ExpectRefused(with([](OutcomeEntry& e) { e.name = "other"; }), "does not reverse what it names");
  ExpectRefused(with([](OutcomeEntry& e) { e.run = "run"; }), "does not reverse what it names");
  ExpectRefused(with([](OutcomeEntry& e) { e.happened = kNoon; }), "does not reverse what it names");
  ExpectRefused(with([](OutcomeEntry& e) { e.tenant = kBolt; }), "is not known");
  ExpectRefused(with([](OutcomeEntry& e) { e.reverses = 2; }), "is not known");
}

TEST_F(OutcomesTest, WhatDoesNotFitIsRefused) {
  const auto with = [this](auto change) {
    OutcomeEntry report = Reported(1);
    change(report);
    return report;
  };
  ExpectRefused(with([](OutcomeEntry& e) { e.id = 2; }), "outcome report 2 follows 0");
  ExpectRefused(with([](OutcomeEntry& e) { e.tenant = TenantId{3}; }), "unknown tenant 3");
  ExpectRefused(with([](OutcomeEntry& e) { e.happened = e.at + Nanoseconds(1); }), "time that is not past");
  ExpectRefused(with([](OutcomeEntry& e) { e.happened = Instant(-1); }), "time that is not past");
  ExpectRefused(with([](OutcomeEntry& e) { e.name.clear(); }), "no name");
  ExpectRefused(with([](OutcomeEntry& e) { e.accepted = 0; }), "counts out of bounds");
  ExpectRefused(with([](OutcomeEntry& e) { e.rejected = -1; }), "counts out of bounds");
  ExpectRefused(with([](OutcomeEntry& e) { e.accepted = kMaxOutcomesPerReport + 1; }), "counts out of bounds");
}

TEST_F(OutcomesTest, ARequestIdStandsForOneReportOfItsTenant) {
  OutcomeEntry report = Reported(1);
  report.request_id = "r1";
  Expect(report);
  OutcomeEntry again = Reported(1);
  again.request_id = "r1";
  ExpectRefused(again, "has the request id of report 1");
  again.tenant = kBolt;
  Expect(again);
  EXPECT_EQ(books_.outcomes().Find(Books::FingerprintOf(kAcme, "r1"))->id, 1u);
  EXPECT_EQ(books_.outcomes().Find(Books::FingerprintOf(kBolt, "r1"))->id, 2u);
  EXPECT_EQ(books_.outcomes().Find(Books::FingerprintOf(kBolt, "r2")), nullptr);
}

TEST_F(OutcomesTest, ATenantHasSoManyNames) {
  for (size_t n = 0; n < kMaxOutcomeNames; ++n) {
    OutcomeEntry report = Reported(1);
    report.name = "name-" + std::to_string(n);
    Expect(report);
  }
  EXPECT_FALSE(books_.outcomes().MayAddName(kAcme));
  ExpectRefused(Reported(1), "one name too many: resolved");
  OutcomeEntry of_bolt = Reported(1);
  of_bolt.tenant = kBolt;
  Expect(of_bolt);
}

TEST_F(OutcomesTest, TheNewestReportsAreRemembered) {
  Outcomes outcomes;
  Cuts cuts;
  OutcomeEntry report = Reported(1);
  for (uint64_t n = 1; n <= kRememberedReports + 10; ++n) {
    report.id = n;
    ASSERT_TRUE(outcomes.Apply(report, Books::FingerprintOf(kAcme, std::to_string(n)), &cuts).ok());
  }
  EXPECT_EQ(outcomes.remembered().size(), kRememberedReports);
  EXPECT_EQ(outcomes.Find(10), nullptr);
  EXPECT_EQ(outcomes.Find(Books::FingerprintOf(kAcme, "10")), nullptr);
  EXPECT_EQ(outcomes.Find(Books::FingerprintOf(kAcme, "11"))->id, 11u);
  EXPECT_EQ(outcomes.rows().size(), 1u);
}

TEST_F(OutcomesTest, AcceptedOnesOfThePeriodAreOnItsStatement) {
  Tariff tariff = FirstTariff();
  tariff.outcomes = {{"resolved", *Money::FromDecimal("0.99")}};
  Expect(Reported(3, 5));
  const OutcomeEntry mistaken = Reported(4);
  Expect(mistaken);
  Expect(ReversalOf(mistaken));
  OutcomeEntry earlier = Reported(10);
  earlier.happened = kNoon - Hours(1);
  Expect(earlier);
  const Statement statement =
      PreviewStatement(GatherStatement(books_, kAcme, kNoon, kNoon + Hours(1), tariff, rating::Subscription()), Head());
  ASSERT_EQ(statement.bill.lines.size(), 1u);
  EXPECT_EQ(statement.bill.lines.front().kind, rating::LineKind::kOutcome);
  EXPECT_EQ(statement.bill.lines.front().quantity, 3);
  EXPECT_EQ(statement.bill.total, *Money::FromDecimal("2.97"));
}

TEST(OutcomesPropertyTest, RowsAddUpToTheReportsThatWereNotReversed) {
  const uint64_t seed = SeedOfThisRun();
  for (uint64_t day = 0; day < 10; ++day) {
    SCOPED_TRACE(SeedText(seed) + ", day " + std::to_string(day));
    const std::vector<Entry> entries = RandomDay(seed + day, 600);
    std::map<std::pair<uint32_t, std::string>, OutcomeCount> expected;
    for (const Entry& entry : entries) {
      const auto* report = std::get_if<OutcomeEntry>(&entry);
      if (report == nullptr) continue;
      OutcomeCount& count = expected[{report->tenant.value, report->name}];
      count.accepted += report->accepted;
      count.rejected += report->rejected;
    }
    const Books books = BooksOf(entries);
    std::map<std::pair<uint32_t, std::string>, OutcomeCount> found;
    for (const auto& [key, row] : books.outcomes().rows()) {
      if (key.cut != 0) continue;
      OutcomeCount& count = found[{key.tenant.value, books.outcomes().NameOf(key.name).name}];
      count.accepted += row.accepted;
      count.rejected += row.rejected;
    }
    EXPECT_TRUE(found == expected);
  }
}

}  // namespace
}  // namespace penstock::ledger
