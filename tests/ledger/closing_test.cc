// Period close: statements as entries, corrections that reverse, credits that burn, several currencies.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ledger/ledger.h"
#include "ledger/statement.h"
#include "tests/ledger/random_day.h"
#include "tests/ledger/small_world.h"

namespace penstock::ledger {
namespace {

using rating::Credit;
using rating::LineKind;
using testing::HasSubstr;

Money Pico(int64_t pico) { return Money::FromPico(pico); }
Money Euro(int64_t euro) { return Pico(1'000'000'000'000) * euro; }

/// A day that begins at noon.
class ClosingTest : public testing::Test {
 protected:
  ClosingTest() {
    for (const Entry& entry : OpeningEntries()) Expect(entry);
  }

  void Expect(const Entry& entry) {
    const absl::Status applied = books_.Apply(entry);
    ASSERT_TRUE(applied.ok()) << applied;
    entries_.push_back(entry);
    const absl::Status sums = books_.CheckInvariants();
    ASSERT_TRUE(sums.ok()) << sums;
  }
  void ExpectRefused(const Entry& entry, const std::string& why) {
    const Books before = books_;
    const absl::Status applied = books_.Apply(entry);
    EXPECT_TRUE(absl::IsFailedPrecondition(applied));
    EXPECT_THAT(std::string(applied.message()), HasSubstr(why));
    EXPECT_TRUE(books_ == before);
  }

  void Serve(Instant at, const TokenCounts& tokens) {
    const GrantEntry grant = Granted({1, books_.last_grant_sequence() + 1}, at);
    Expect(grant);
    Expect(Settled(grant.id, at, tokens));
  }

  /// What closing gives, ready to be posted.
  StatementEntry Closing(Instant from, Instant to, Instant at, uint32_t tariff = 1) const {
    const Tariff& terms = books_.tariffs()[tariff - 1].tariff;
    StatementEntry entry = RateStatement(GatherStatement(books_, kAcme, from, to, terms), tariff);
    entry.id = static_cast<uint32_t>(books_.accounts().statements().size() + 1);
    entry.at = at;
    return entry;
  }
  StatementEntry Close(Instant from, Instant to, Instant at) {
    StatementEntry entry = Closing(from, to, at);
    EXPECT_TRUE(CheckStatement(books_, entry).ok()) << CheckStatement(books_, entry);
    Expect(entry);
    return entry;
  }

  CreditEntry SomeCredit(const std::string& name, const Money& amount, Credit::Kind kind = Credit::Kind::kPrepaid) {
    Credit credit;
    credit.name = name;
    credit.kind = kind;
    credit.amount = amount;
    credit.granted = kNoon;
    return {static_cast<uint32_t>(books_.accounts().credits().size() + 1), kAcme, kNoon, "EUR", credit};
  }

  const CurrencyAccounts& Euros() const { return books_.accounts().currencies().at(0); }
  Money Owed() const { return books_.BalanceOf(kAcme).posted + books_.accounts().AdjustmentOf(kAcme); }

  Books books_;
  std::vector<Entry> entries_;
  const Instant later_ = kNoon + Hours(9);
};

TEST_F(ClosingTest, AClosedPeriodOwesItsStatementToTheLastPico) {
  Serve(kNoon, Tokens3(1'000'001, 0, 2'000'003));
  const Money posted = books_.BalanceOf(kAcme).posted;
  const StatementEntry closed = Close(kNoon, kNoon + Hours(1), later_);
  EXPECT_EQ(closed.posted, posted);
  EXPECT_EQ(Owed(), SumsOf(closed.lines).total) << "token lines were rounded, demand came on top";
  EXPECT_EQ(Euros().revenue, Owed() + Euros().rounding);
  EXPECT_EQ(books_.accounts().ClosedUntil(kAcme), kNoon + Hours(1));
  EXPECT_EQ(books_.accounts().statements().at(0).Read(), closed);
}

TEST_F(ClosingTest, WhatComesLaterBelongsToTheNextPeriod) {
  Serve(kNoon, Tokens3(1'000'000, 0, 0));
  const StatementEntry first = Close(kNoon, kNoon + Hours(1), later_);
  Serve(kNoon + Hours(1), Tokens3(0, 0, 1'000'000));
  const StatementEntry second = Close(kNoon + Hours(1), kNoon + Hours(2), later_);
  EXPECT_EQ(first.posted + second.posted, books_.BalanceOf(kAcme).posted);
  EXPECT_EQ(Owed(), SumsOf(first.lines).total + SumsOf(second.lines).total);
  EXPECT_FALSE(books_.accounts().statements().at(0).late);
}

TEST_F(ClosingTest, ALateCompleteMarksTheStatementAndACorrectionReversesIt) {
  Serve(kNoon, Tokens3(1'000'000, 0, 0));
  const GrantEntry slow = Granted({1, 2}, kNoon + Minutes(50));
  Expect(slow);
  const StatementEntry first = Close(kNoon, kNoon + Hours(1), kNoon + Minutes(75));

  SettleEntry settle = Settled(slow.id, kNoon + Minutes(80), Tokens3(9'000'000, 0, 0));
  settle.attributions = {{kNoon + Minutes(55), kNoon + Minutes(56), settle.work}};
  Expect(settle);
  EXPECT_TRUE(books_.accounts().statements().at(0).late);

  const StatementEntry again = Close(kNoon, kNoon + Hours(1), later_);
  EXPECT_EQ(again.replaces, first.id);
  EXPECT_GT(SumsOf(again.lines).total, SumsOf(first.lines).total) << "the late minute set the demand";
  EXPECT_EQ(again.posted, first.posted) << "its tokens count to the hour in which they were settled";
  EXPECT_EQ(books_.accounts().statements().at(0).replaced_by, again.id);
  EXPECT_FALSE(books_.accounts().statements().at(0).late);
  EXPECT_EQ(books_.accounts().AdjustmentOf(kAcme), SumsOf(again.lines).total - again.posted);
  EXPECT_EQ(books_.accounts().FindStanding(kAcme, kNoon, kNoon + Hours(1))->id, again.id);
  ExpectRefused(first, "statement id 1 follows 2");
  StatementEntry stale = first;
  stale.id = 3;
  stale.replaces = 1;
  ExpectRefused(stale, "has been replaced already");
}

TEST_F(ClosingTest, AReversalLeavesNothingBehind) {
  Expect(SomeCredit("gift", Euro(1)));
  Serve(kNoon, Tokens3(9'000'000, 0, 9'000'000));
  const Accounts before = books_.accounts();
  const StatementEntry first = Close(kNoon, kNoon + Hours(1), later_);
  EXPECT_FALSE(first.credits.empty());
  const Accounts closed = books_.accounts();
  const StatementEntry again = Close(kNoon, kNoon + Hours(1), later_);
  EXPECT_EQ(again.lines, first.lines);
  EXPECT_EQ(again.credits, first.credits) << "the credit was given back before it was used again";
  EXPECT_EQ(books_.accounts().currencies(), closed.currencies());
  EXPECT_EQ(books_.accounts().credits(), closed.credits());
  EXPECT_NE(closed.currencies(), before.currencies());
}

TEST_F(ClosingTest, CreditsBurnOverPeriodsAndNeverBelowZero) {
  Expect(SomeCredit("second", Euro(50)));
  CreditEntry urgent = SomeCredit("first", Pico(1'000'000'000));
  urgent.credit.priority = -1;
  Expect(urgent);
  Expect(SomeCredit("apology", Pico(2'000'000'000), Credit::Kind::kService));
  EXPECT_EQ(Euros().paid_in, Euro(50) + Pico(1'000'000'000)) << "nobody paid for a service credit";
  Serve(kNoon, Tokens3(900'000'000, 0, 9'000'000));
  const StatementEntry closed = Close(kNoon, kNoon + Hours(1), later_);
  const StatementSums sums = SumsOf(closed.lines);
  EXPECT_EQ(sums.total, Money()) << "prepaid covers all of it";
  EXPECT_EQ(books_.accounts().FindCredit(kAcme, "apology")->left, Pico(2'000'000'000)) << "less than a cent: no line";
  EXPECT_EQ(books_.accounts().FindCredit(kAcme, "first")->left, Pico(1'000'000'000));
  EXPECT_EQ(books_.accounts().FindCredit(kAcme, "second")->left, Euro(50) - sums.prepaid);
  EXPECT_EQ(Owed(), Money());

  StatementEntry greedy = Closing(kNoon + Hours(1), kNoon + Hours(2), later_);
  greedy.credits.push_back({1, Euro(51)});
  ExpectRefused(greedy, "uses more of credit 1 than there is");
  greedy.credits = {{1, Pico(1)}};
  ExpectRefused(greedy, "are not those of its lines");
  ExpectRefused(SomeCredit("second", Euro(1)), "is there already");
  ExpectRefused(SomeCredit("none", Money()), "out of bounds");
}

TEST_F(ClosingTest, SubscriptionsAreWhatStatementsKnow) {
  rating::Subscription terms;
  terms.from = kNoon - Days(1);
  terms.minimum = Euro(3);
  // The minimum falls due in the month that begins in the period, or when the subscription begins.
  terms.from = kNoon;
  Expect(SubscriptionEntry{kAcme, kNoon, terms});
  ExpectRefused(SubscriptionEntry{kAcme, kNoon, terms}, "says so already");
  Serve(kNoon, Tokens3(1'000'000, 0, 0));
  const StatementEntry closed = Close(kNoon, kNoon + Hours(1), later_);
  EXPECT_EQ(closed.lines.back().kind, LineKind::kTrueUp);
  EXPECT_EQ(Owed(), Euro(3));
}

TEST_F(ClosingTest, WhatRatingDoesNotMakeOfTheMetersIsFound) {
  Serve(kNoon, Tokens3(1'000'000, 0, 1'000'000));
  const StatementEntry sound = Closing(kNoon, kNoon + Hours(1), later_);
  const auto why = [&](auto change) {
    StatementEntry spoiled = sound;
    change(spoiled);
    return std::string(CheckStatement(books_, spoiled).message());
  };
  EXPECT_THAT(why([](auto& s) { s.lines.pop_back(); }), HasSubstr("differs"));
  EXPECT_THAT(why([](auto& s) { s.lines.push_back(s.lines[0]); }), HasSubstr("line 4 is not what its tariff makes"));
  EXPECT_THAT(why([](auto& s) { s.lines[0].quantity = 3; }), HasSubstr("line 1, where its tariff makes"));
  EXPECT_THAT(why([](auto& s) { s.posted = Money(); }), HasSubstr("was posted"));
  EXPECT_THAT(why([](auto& s) { s.replaces = 1; }), HasSubstr("does not replace"));
  EXPECT_THAT(why([](auto& s) { s.credits = {{1, Pico(1)}}; }), HasSubstr("other credits"));
  EXPECT_THAT(why([](auto& s) { s.tariff = 9; }), HasSubstr("not known"));
}

TEST_F(ClosingTest, AStatementThatDoesNotFitIsRefusedWhole) {
  Serve(kNoon, Tokens3(1'000'000, 0, 0));
  const StatementEntry sound = Closing(kNoon, kNoon + Hours(1), later_);
  const auto with = [&](auto change) {
    StatementEntry spoiled = sound;
    change(spoiled);
    return spoiled;
  };
  ExpectRefused(with([](auto& s) { s.at = kNoon + Minutes(59); }), "not over a past period");
  ExpectRefused(with([](auto& s) { s.to = s.from; }), "not over a past period");
  ExpectRefused(with([](auto& s) { s.from = s.from + Minutes(1); }), "not over a past period of whole hours");
  ExpectRefused(with([](auto& s) { s.id = 2; }), "statement id 2 follows 0");
  ExpectRefused(with([](auto& s) { s.tariff = 2; }), "unknown tariff 2");
  ExpectRefused(with([](auto& s) { s.tenant = TenantId{3}; }), "unknown tenant 3");
  ExpectRefused(with([](auto& s) { s.replaces = 1; }), "not of its period");
  ExpectRefused(with([](auto& s) { s.lines[0].exact += Pico(1); }), "not quantity x unit price");
  ExpectRefused(with([](auto& s) { s.lines[0].amount += Euro(1); }), "not rounded by its tariff");
  Expect(sound);
  ExpectRefused(with([](auto& s) { s.id = 2; }), "overlaps a period that is closed");
}

TEST_F(ClosingTest, EachTenantKeepsOneCurrency) {
  Tariff dollars = FirstTariff();
  dollars.version = "usd";
  dollars.currency = "USD";
  Expect(TariffEntry{2, dollars});
  Serve(kNoon, Tokens3(1, 0, 0));
  GrantEntry grant = Granted({1, 2}, kNoon);
  grant.terms.tariff = 2;
  ExpectRefused(grant, "tariff usd is in USD, the account of tenant 1 in EUR");
  CreditEntry credit = SomeCredit("gift", Euro(1));
  credit.currency = "USD";
  ExpectRefused(credit, "credit gift is in USD, its tenant's account in EUR");

  GrantEntry foreign = Granted({1, 2}, kNoon, TermsOf(kBolt));
  foreign.terms.tariff = 2;
  Expect(foreign);
  SettleEntry settle = Settled({1, 2}, kNoon, Tokens3(5, 0, 0), foreign.terms);
  Expect(settle);
  EXPECT_EQ(books_.accounts().CurrencyOf(kBolt), "USD");
  EXPECT_EQ(books_.accounts().currencies().at(1).revenue, settle.charge);
  EXPECT_EQ(Euros().revenue, books_.BalanceOf(kAcme).posted);
}

TEST_F(ClosingTest, VerifyRatesEveryStatementAgain) {
  Serve(kNoon, Tokens3(1'000'000, 0, 1'000'000));
  StatementEntry wrong = Closing(kNoon, kNoon + Hours(1), later_);
  // Sound in itself, but not what was used.
  wrong.lines[0].quantity += 1;
  wrong.lines[0].exact += wrong.lines[0].unit_price;
  Expect(wrong);
  std::unique_ptr<Journal> journal = NewMemoryJournal();
  Batch batch;
  for (const Entry& entry : entries_) {
    batch.AddWritten([&](std::string* bytes) { Encode(entry, bytes); });
  }
  ASSERT_TRUE(journal->Append(batch).ok());
  const absl::StatusOr<Verification> found = Verify(*journal);
  EXPECT_TRUE(absl::IsDataLoss(found.status()));
  EXPECT_THAT(std::string(found.status().message()),
              HasSubstr("journal sequence " + std::to_string(entries_.size()) + ": statement 1 of tenant 1: line 1"));
}

}  // namespace
}  // namespace penstock::ledger
