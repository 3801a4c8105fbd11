// After thirteen months windows and hour buckets become one row a month, and nothing that was billed is lost.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ledger/ledger.h"
#include "ledger/statement.h"
#include "tests/ledger/random.h"
#include "tests/ledger/random_day.h"
#include "tests/ledger/shared_journal.h"
#include "tests/ledger/small_world.h"

namespace penstock::ledger {
namespace {

using testing::HasSubstr;

const Instant kFirstDay = WindowStart(kNoon, Days(1));
const Instant kLater = kFirstDay + Days(430);

/// The first of that month, by the calendar and not by the code under test: the days of 2024, a leap year, and on.
Instant MonthStart(Instant t) {
  constexpr int64_t kDays[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 28, 31, 30};
  Instant start = kFirstDay;  // 2024-01-01
  for (const int64_t days : kDays) {
    if (start + Days(days) > t) return start;
    start = start + Days(days);
  }
  return start;
}

class RollUpTest : public testing::Test {
 protected:
  RollUpTest() : ledger_(*Ledger::Open(Handle(), nullptr)) {
    for (const Entry& entry : OpeningEntries()) ledger_->Post(entry);
  }

  std::unique_ptr<Journal> Handle() { return std::make_unique<SharedJournal>(journal_); }

  const Books& books() const { return ledger_->books(); }

  void Serve(TenantId tenant, Instant at, int64_t tokens, ServiceClass served = ServiceClass::kDefault) {
    const GrantTerms terms = TermsOf(tenant, served);
    GrantEntry grant = Granted({1, books().last_grant_sequence() + 1}, at, terms);
    grant.request_id.clear();
    if (grant.id.sequence % 3 == 0) {
      grant.run = "run-" + std::to_string(grant.id.sequence % 5);
      grant.labels = {{"team", "search"}, {"stage", std::to_string(grant.id.sequence % 2)}};
    }
    ledger_->Post(grant);
    ledger_->Post(Settled(grant.id, at, Tokens3(tokens, 0, tokens), terms));
  }
  void Close(TenantId tenant, Instant from, Instant to) {
    StatementEntry entry =
        RateStatement(GatherStatement(books(), tenant, from, to, books().tariffs()[0].tariff), 1);
    entry.id = static_cast<uint32_t>(books().accounts().statements().size() + 1);
    entry.at = kLater;
    ledger_->Post(entry);
  }
  void WriteBack() {
    ASSERT_TRUE(ledger_->WriteBatch().ok());
    RowBatch rows;
    ledger_->TakeChanges(&rows);
    ASSERT_TRUE(ledger_->WriteChanges(rows).ok());
  }
  /// What is opened from rows is what a replay gives, and verify says so too.
  void ExpectRowsGiveThemBack() {
    WriteBack();
    absl::StatusOr<std::unique_ptr<Ledger>> opened = Ledger::Open(Handle(), nullptr);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ((*opened)->opening().warning, "");
    EXPECT_GT((*opened)->opening().loaded, 0u);
    EXPECT_TRUE((*opened)->books() == books());
    const absl::StatusOr<Verification> found = Verify(*Handle());
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_TRUE(found->books == books());
  }

  std::shared_ptr<Journal> journal_ = NewMemoryJournal();
  std::unique_ptr<Ledger> ledger_;
};

TEST_F(RollUpTest, AMonthKeepsItsSumAndItsPeak) {
  Serve(kAcme, kFirstDay + Hours(3), 1'000);
  Serve(kAcme, kFirstDay + Hours(3) + Minutes(1), 5'000);
  Serve(kAcme, kFirstDay + Hours(30), 2'000);
  Serve(kBolt, kFirstDay + Hours(3), 700);
  const Work work = books().meters().windows().begin()->second.work;
  WriteBack();
  Serve(kAcme, kLater, 1);
  Close(kAcme, kFirstDay, kFirstDay + Days(400));
  const Entry before_its_time = RollUpEntry{kAcme, kLater, kFirstDay + Days(35)};
  Books copy = books();
  EXPECT_THAT(std::string(copy.Apply(before_its_time).message()), HasSubstr("still needed"));
  EXPECT_TRUE(absl::IsFailedPrecondition(copy.Apply(Entry(RollUpEntry{kBolt, kLater, kFirstDay + Days(1)}))))
      << "nothing of it is closed";
  ledger_->Post(RollUpEntry{kAcme, kLater, kFirstDay + Days(1)});
  ledger_->Post(RollUpEntry{kAcme, kLater, kFirstDay + Days(2)});
  ASSERT_EQ(books().meters().months().size(), 1u);
  const auto& [key, month] = *books().meters().months().begin();
  EXPECT_EQ(key.start, kFirstDay);
  EXPECT_EQ(month.highest, kFirstDay + Hours(3) + Minutes(1));
  EXPECT_EQ(month.work.count(), work.count() * 8) << "1,000 + 5,000 + 2,000";
  EXPECT_EQ(month.highest_work.count(), work.count() * 5);
  EXPECT_TRUE(books().CheckInvariants().ok()) << "buckets still add up to what was posted";
  EXPECT_EQ(books().meters().pool_windows().at({kLlama, kFirstDay + Hours(3)}).count(),
            books().meters().windows().at({kBolt, kLlama, Tier::kElastic, kFirstDay + Hours(3)}).work.count());
  EXPECT_THAT(std::string(CheckPeriod(books(), kAcme, books().tariffs()[0].tariff, kFirstDay, kFirstDay + Days(400),
                                      kLater + Days(1))
                              .message()),
              HasSubstr("rolled up"));
  ExpectRowsGiveThemBack();
}

TEST_F(RollUpTest, RandomUsageRollsUpToWhatItAddsUpTo) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  Instant at = kFirstDay;
  while (at < kLater) {
    at = at + Minutes(random.Between(1, 60 * 24));
    Serve(random.OneIn(2) ? kAcme : kBolt, at, random.Between(0, 5'000),
          random.OneIn(3) ? ServiceClass::kReserved : ServiceClass::kDefault);
    if (random.OneIn(60)) WriteBack();
  }
  std::map<WindowKey, Work> sums;
  std::map<WindowKey, Work> peaks;
  for (const TenantId tenant : {kAcme, kBolt}) Close(tenant, kFirstDay, kFirstDay + Days(410));
  const Instant until = kFirstDay + Days(34);
  for (const auto& [key, window] : books().meters().windows()) {
    if (key.start >= until) continue;
    WindowKey month = key;
    month.start = MonthStart(key.start);
    sums[month] += window.work;
    peaks[month] = std::max(peaks[month], window.work);
  }
  const size_t windows_before = books().meters().windows().size();

  for (Instant day = kFirstDay + Days(1); day <= until; day = day + Days(1)) {
    for (const TenantId tenant : {kAcme, kBolt}) {
      if (random.OneIn(3) && day != until) continue;  // two days at once, later
      ledger_->Post(RollUpEntry{tenant, kLater, day});
    }
    if (random.OneIn(4)) WriteBack();
    if (random.OneIn(4)) Serve(kAcme, kLater, 3);
  }
  EXPECT_LT(books().meters().windows().size(), windows_before);
  std::map<WindowKey, Work> rolled;
  std::map<WindowKey, Work> highest;
  for (const auto& [key, month] : books().meters().months()) {
    rolled[key] = month.work;
    highest[key] = month.highest_work;
  }
  EXPECT_EQ(rolled, sums);
  EXPECT_EQ(highest, peaks);
  for (const auto& [key, window] : books().meters().windows()) EXPECT_GE(key.start, until);
  for (const auto& [key, bucket] : books().meters().buckets()) {
    EXPECT_TRUE(key.hour >= until || key.hour == MonthStart(key.hour));
  }
  for (const auto& [key, bucket] : books().cuts().rows()) {
    EXPECT_TRUE(key.bucket.hour >= until || key.bucket.hour == MonthStart(key.bucket.hour));
  }
  EXPECT_TRUE(books().CheckInvariants().ok());
  std::map<PoolWindowKey, Work> everyone;
  for (const auto& [key, window] : books().meters().windows()) everyone[{key.pool, key.start}] += window.work;
  std::erase_if(everyone, [](const auto& row) { return row.second == Work(); });
  std::map<PoolWindowKey, Work> kept = books().meters().pool_windows();
  std::erase_if(kept, [](const auto& row) { return row.second == Work(); });
  EXPECT_TRUE(kept == everyone);
  ExpectRowsGiveThemBack();
}

}  // namespace
}  // namespace penstock::ledger
