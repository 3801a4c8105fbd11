#include "ledger/books.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "admission/vocabulary/bounds.h"
#include "tests/ledger/random.h"
#include "tests/ledger/random_day.h"
#include "tests/ledger/small_world.h"

namespace penstock::ledger {
namespace {

Money Pico(int64_t pico) { return Money::FromPico(pico); }

class BooksTest : public testing::Test {
 protected:
  BooksTest() : books_(BooksOf(OpeningEntries())) {}

  void Expect(const Entry& entry) {
    const absl::Status applied = books_.Apply(entry);
    EXPECT_TRUE(applied.ok()) << applied;
    EXPECT_TRUE(books_.CheckInvariants().ok()) << books_.CheckInvariants();
  }

  /// Refused for that reason, and nothing changed.
  void ExpectRefused(const Entry& entry, const std::string& because) {
    const Books before = books_;
    const absl::Status applied = books_.Apply(entry);
    EXPECT_EQ(applied.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(applied.message()), testing::HasSubstr(because));
    EXPECT_TRUE(books_ == before) << "a refused entry changed the books: " << because;
  }

  /// An unclean end of epoch 1 and the boot of epoch 2.
  void LosePower() { Expect(BootEntry{2, kNoon + Minutes(1)}); }

  Balance Acme() const { return books_.balances().at(kAcme); }

  Books books_;
  const GrantId first_{1, 1};
  const TokenCounts tokens_ = Tokens3(3, 0, 2);  // 3 x 100 + 2 x 400 = 1100
};

// Holds and settlements.

TEST_F(BooksTest, AGrantTakesItsHold) {
  Expect(Granted(first_, kNoon));
  EXPECT_EQ(Acme(), (Balance{Pico(1000), Pico(0)}));
  EXPECT_NE(books_.FindOpen(first_), nullptr);
  EXPECT_FALSE(books_.HasEnded(first_));
}

TEST_F(BooksTest, SettlingTurnsTheHoldIntoACharge) {
  Expect(Granted(first_, kNoon));
  Expect(Settled(first_, kNoon, tokens_));
  EXPECT_EQ(Acme(), (Balance{Pico(0), Pico(1100)}));
  EXPECT_EQ(books_.accounts().currencies().at(0).revenue, Pico(1100));
  EXPECT_EQ(books_.FindOpen(first_), nullptr);
  EXPECT_TRUE(books_.HasEnded(first_));
  ASSERT_NE(books_.FindEnded(first_), nullptr);
  EXPECT_EQ(books_.FindEnded(first_)->end, GrantEnd::kSettled);
  EXPECT_EQ(books_.FindEnded(first_)->charge, Pico(1100));
  EXPECT_EQ(books_.FindEnded(first_)->request, Books::FingerprintOf(kAcme, "r1"));
}

TEST_F(BooksTest, AHoldEndsOnce) {
  const auto ends = [this](GrantId id) {
    return std::vector<Entry>{Settled(id, kNoon, tokens_), VoidEntry{id, kNoon, {}}, ExpireEntry{id, kNoon}};
  };
  for (size_t how = 0; how < ends({}).size(); ++how) {
    const GrantId id{1, how + 1};
    Expect(Granted(id, kNoon));
    Expect(ends(id)[how]);
    EXPECT_EQ(Acme().pending, Pico(0));
    for (const Entry& again : ends(id)) ExpectRefused(again, "has ended already");
  }
}

TEST_F(BooksTest, SettlingAfterAVoidIsRefusedBilledOrNot) {
  Expect(Granted(first_, kNoon));
  Expect(VoidEntry{first_, kNoon, VoidReason::kUndeliverable});
  ExpectRefused(Settled(first_, kNoon, tokens_), "has ended already");
  ExpectRefused(SettledLate(first_, kNoon, tokens_), "has ended already");
  EXPECT_EQ(Acme(), Balance());
}

TEST_F(BooksTest, LateUsageIsUnbilledOnce) {
  Expect(Granted(first_, kNoon));
  Expect(ExpireEntry{first_, kNoon + Minutes(10)});
  Expect(SettledLate(first_, kNoon + Minutes(11), tokens_));
  EXPECT_EQ(Acme(), Balance());
  EXPECT_EQ(books_.meters().buckets().begin()->second.unbilled_requests, 1);
  EXPECT_EQ(books_.FindEnded(first_)->end, GrantEnd::kSettled);
  EXPECT_FALSE(books_.FindEnded(first_)->billed);
  ExpectRefused(SettledLate(first_, kNoon + Minutes(12), tokens_), "has ended already");
}

TEST_F(BooksTest, LateUsageIsNeverCharged) {
  Expect(Granted(first_, kNoon));
  Expect(ExpireEntry{first_, kNoon + Minutes(10)});
  SettleEntry late = SettledLate(first_, kNoon + Minutes(11), tokens_);
  late.charge = Pico(1100);
  ExpectRefused(late, "its tariff says 0.000000000000");
}

TEST_F(BooksTest, UnbilledUsageOfAnOpenHoldIsRefused) {
  Expect(Granted(first_, kNoon));
  ExpectRefused(SettledLate(first_, kNoon, tokens_), "unbilled while its hold is open");
}

TEST_F(BooksTest, ALostGrantSettlesExactlyOnce) {
  Expect(Granted(first_, kNoon));
  LosePower();
  const GrantId lost{1, 5};
  Expect(Settled(lost, kNoon + Minutes(1), tokens_));
  EXPECT_EQ(Acme(), (Balance{Pico(1000), Pico(1100)}));
  EXPECT_TRUE(books_.HasEnded(lost));
  ExpectRefused(Settled(lost, kNoon + Minutes(1), tokens_), "has ended already");
  EXPECT_FALSE(books_.HasEnded({1, 4})) << "its neighbours are still lost";
  Expect(Settled({1, 4}, kNoon + Minutes(1), tokens_));
  Expect(Settled({1, 6}, kNoon + Minutes(1), tokens_));
}

TEST_F(BooksTest, ALostGrantHasNoHoldToVoidOrExpire) {
  LosePower();
  ExpectRefused(VoidEntry{{1, 5}, kNoon + Minutes(1), {}}, "is not known");
  ExpectRefused(ExpireEntry{{1, 5}, kNoon + Minutes(1)}, "is not known");
}

TEST_F(BooksTest, AGrantOfThisEpochThatWasNeverGivenDoesNotSettle) {
  Expect(Granted(first_, kNoon));
  ExpectRefused(Settled({1, 2}, kNoon, tokens_), "was never given");
  ExpectRefused(Settled({2, 1}, kNoon, tokens_), "was never given");
  ExpectRefused(Settled({0, 1}, kNoon, tokens_), "was never given");
  LosePower();
  ExpectRefused(Settled({1, 0}, kNoon + Minutes(1), tokens_), "was never given");
  ExpectRefused(Settled({1, UINT64_MAX}, kNoon + Minutes(1), tokens_), "was never given");
}

TEST_F(BooksTest, AnOpenGrantOutlivesABoot) {
  Expect(Granted(first_, kNoon));
  LosePower();
  EXPECT_EQ(Acme().pending, Pico(1000));
  Expect(Settled(first_, kNoon + Minutes(2), tokens_));
  EXPECT_EQ(Acme(), (Balance{Pico(0), Pico(1100)}));
}

TEST_F(BooksTest, ASettlementKeepsTheTermsOfItsGrant) {
  Expect(Granted(first_, kNoon));
  ExpectRefused(Settled(first_, kNoon, tokens_, TermsOf(kAcme, ServiceClass::kReserved)), "changes its terms");
  ExpectRefused(Settled(first_, kNoon, tokens_, TermsOf(kBolt)), "changes its terms");
  Expect(ExpireEntry{first_, kNoon});
  ExpectRefused(SettledLate(first_, kNoon, tokens_, TermsOf(kBolt)), "changes its terms");
}

TEST_F(BooksTest, AChargeIsWhatThePinnedTariffSays) {
  Expect(Granted(first_, kNoon));
  for (int64_t wrong : {0, 1099, 1101, -1100}) {
    SettleEntry settle = Settled(first_, kNoon, tokens_);
    settle.charge = Pico(wrong);
    ExpectRefused(settle, "its tariff says 0.000000001100");
  }
}

TEST_F(BooksTest, APoolWithoutAPriceIsFree) {
  GrantTerms terms = TermsOf(kAcme);
  terms.pool = kUnpriced;
  Expect(Granted(first_, kNoon, terms));
  SettleEntry settle = Settled(first_, kNoon, tokens_, terms);
  EXPECT_EQ(settle.charge, Money());
  Expect(settle);
}

TEST_F(BooksTest, EachTenantHasABalanceAndRevenueIsTheirSum) {
  Expect(Granted({1, 1}, kNoon, TermsOf(kAcme)));
  Expect(Granted({1, 2}, kNoon, TermsOf(kBolt, ServiceClass::kReserved)));
  Expect(Settled({1, 2}, kNoon, tokens_, TermsOf(kBolt, ServiceClass::kReserved)));
  EXPECT_EQ(Acme(), (Balance{Pico(1000), Pico(0)}));
  EXPECT_EQ(books_.balances().at(kBolt), (Balance{Pico(0), Pico(550)}));
  EXPECT_EQ(books_.accounts().currencies().at(0).revenue, Pico(550));
}

TEST_F(BooksTest, AttributionsAddUpToTheWork) {
  Expect(Granted(first_, kNoon));
  SettleEntry settle = Settled(first_, kNoon, tokens_);
  settle.attributions.front().work += Work(1);
  ExpectRefused(settle, "attributions do not add up to");
  settle.attributions.clear();
  ExpectRefused(settle, "attributions do not add up to");
}

TEST_F(BooksTest, AnAttributionLiesInThePastAndIsNoLongerThanALease) {
  Expect(Granted(first_, kNoon));
  SettleEntry settle = Settled(first_, kNoon, tokens_);
  settle.attributions.front().to = kNoon + Nanoseconds(1);
  ExpectRefused(settle, "out of its time");
  settle.attributions.front() = {kNoon, kNoon - Nanoseconds(1), settle.work};
  ExpectRefused(settle, "out of its time");
  settle.attributions.front() = {kNoon - Seconds(kMaxLeaseSeconds) - Nanoseconds(1), kNoon, settle.work};
  ExpectRefused(settle, "too long");
  settle.attributions.front() = {kNoon - Seconds(kMaxLeaseSeconds), kNoon, settle.work};
  Expect(settle);
}

// Progress.

ProgressEntry Progressed(GrantId id, Instant at, const TokenCounts& so_far, Work work) {
  return {id, at, so_far, at + Minutes(1), at + Minutes(10), Tokens(), Pico(1000), {{at, at, work}}};
}

TEST_F(BooksTest, ProgressExtendsTheDeadlinesAndMetersItsWork) {
  Expect(Granted(first_, kNoon));
  Expect(Progressed(first_, kNoon + Seconds(30), Tokens3(3, 0, 1), Work(500)));
  const OpenGrant* open = books_.FindOpen(first_);
  EXPECT_EQ(open->so_far, Tokens3(3, 0, 1));
  EXPECT_EQ(open->attributed, Work(500));
  EXPECT_EQ(open->attributed_until, kNoon + Seconds(30));
  EXPECT_EQ(open->grant.lease_deadline, kNoon + Seconds(90));
  EXPECT_EQ(open->grant.settle_deadline, kNoon + Seconds(630));
  EXPECT_EQ(Acme().pending, Pico(1000)) << "the hold stays";
}

TEST_F(BooksTest, ProgressMovesTheHoldAndTheOutputCap) {
  Expect(Granted(first_, kNoon));
  ProgressEntry progress = Progressed(first_, kNoon, Tokens3(3, 0, 1), Work(500));
  for (const int64_t hold : {5000, 300, 0}) {
    progress.hold = Pico(hold);
    progress.output_cap = Tokens(hold / 10);
    Expect(progress);
    EXPECT_EQ(Acme().pending, Pico(hold));
    EXPECT_EQ(books_.FindOpen(first_)->grant.hold, Pico(hold));
    EXPECT_EQ(books_.FindOpen(first_)->grant.output_cap, Tokens(hold / 10));
  }
  progress.hold = Pico(-1);
  ExpectRefused(progress, "hold out of bounds");
  progress.hold = Pico(1);
  progress.output_cap = Tokens(-1);
  ExpectRefused(progress, "output cap or hold out of bounds");
  SettleEntry settle = Settled(first_, kNoon, tokens_);
  settle.attributions.front().work -= Work(1500);
  Expect(settle);
  EXPECT_EQ(Acme().pending, Pico(0));
}

TEST_F(BooksTest, WhatAHardBudgetCannotPayIsWorkButNeverCharged) {
  Expect(Granted(first_, kNoon));
  SettleEntry settle = Settled(first_, kNoon, tokens_);  // 1100 for 11000 of work
  settle.unbilled = Tokens3(0, 0, 5);
  settle.work += Work(20'000);
  ExpectRefused(settle, "attributions do not add up to");
  settle.attributions.front().work = settle.work;
  settle.charge = Pico(1100 + 5 * 400);
  ExpectRefused(settle, "its tariff says 0.000000001100");
  settle.charge = Pico(1100);
  settle.unbilled[TokenKind::kOutput] = Tokens(kMaxTokensPerRequest);
  ExpectRefused(settle, "token count is out of bounds");
  settle.unbilled[TokenKind::kOutput] = Tokens(INT64_MAX);
  ExpectRefused(settle, "token count is out of bounds");
  settle.unbilled[TokenKind::kOutput] = Tokens(5);
  Expect(settle);
  const Bucket& bucket = books_.meters().buckets().begin()->second;
  EXPECT_EQ(bucket.requests, 1);
  EXPECT_EQ(bucket.unbilled_requests, 0);
  EXPECT_EQ(bucket.tokens, tokens_);
  EXPECT_EQ(bucket.unbilled_tokens, Tokens3(0, 0, 5));
  EXPECT_EQ(bucket.work, Work(31'000));
  EXPECT_EQ(bucket.charge, Pico(1100));
  EXPECT_EQ(books_.meters().windows().begin()->second.work, Work(31'000));
  EXPECT_EQ(books_.FindEnded(first_)->tokens, Tokens3(3, 0, 7)) << "what was reported";
}

TEST_F(BooksTest, LateUsageHasNoUnbilledPartOfItsOwn) {
  Expect(Granted(first_, kNoon));
  Expect(ExpireEntry{first_, kNoon});
  SettleEntry late = SettledLate(first_, kNoon, tokens_);
  late.unbilled = Tokens3(1, 0, 0);
  ExpectRefused(late, "has unbilled tokens apart");
}

TEST_F(BooksTest, ASettlementAttributesOnlyWhatIsNew) {
  Expect(Granted(first_, kNoon));
  Expect(Progressed(first_, kNoon, Tokens3(3, 0, 1), Work(7000)));
  SettleEntry settle = Settled(first_, kNoon, tokens_);  // 11000 in all
  ExpectRefused(settle, "attributions do not add up to");
  settle.attributions.front().work = Work(4000);
  Expect(settle);
  EXPECT_EQ(books_.meters().windows().begin()->second.work, Work(11'000));
}

TEST_F(BooksTest, LateUsageAttributesOnlyWhatIsNew) {
  Expect(Granted(first_, kNoon));
  Expect(Progressed(first_, kNoon, Tokens3(3, 0, 1), Work(7000)));
  Expect(ExpireEntry{first_, kNoon});
  EXPECT_EQ(books_.FindEnded(first_)->work, Work(7000));
  EXPECT_EQ(books_.FindEnded(first_)->tokens, Tokens3(3, 0, 1));
  SettleEntry late = SettledLate(first_, kNoon, tokens_);
  ExpectRefused(late, "attributions do not add up to");
  late.attributions.front().work = Work(4000);
  Expect(late);
}

TEST_F(BooksTest, TokensAreNeverTakenBack) {
  Expect(Granted(first_, kNoon));
  Expect(Progressed(first_, kNoon, Tokens3(3, 2, 1), Work(1)));
  ExpectRefused(Progressed(first_, kNoon, Tokens3(9, 1, 9), Work(1)), "takes tokens back");
}

TEST_F(BooksTest, OnlyAnOpenGrantProgresses) {
  ExpectRefused(Progressed(first_, kNoon, tokens_, Work(1)), "is not known");
  Expect(Granted(first_, kNoon));
  Expect(Settled(first_, kNoon, tokens_));
  ExpectRefused(Progressed(first_, kNoon, tokens_, Work(1)), "has ended already");
}

// Ids.

TEST_F(BooksTest, GrantsAreDenseWithinTheirEpoch) {
  ExpectRefused(Granted({1, 2}, kNoon), "follows grant 1-0");
  ExpectRefused(Granted({2, 1}, kNoon), "follows grant 1-0");
  Expect(Granted({1, 1}, kNoon));
  ExpectRefused(Granted({1, 1}, kNoon), "follows grant 1-1");
  LosePower();
  ExpectRefused(Granted({1, 2}, kNoon), "follows grant 2-0");
  GrantEntry next = Granted({2, 1}, kNoon + Minutes(2));
  next.request_id = "another";
  Expect(next);
  EXPECT_EQ(books_.last_grant_sequence(), 1u);
}

TEST_F(BooksTest, TheSameRequestIdFindsItsGrant) {
  GrantEntry grant = Granted(first_, kNoon);
  grant.body[3] = 42;
  Expect(grant);
  const Books::RequestRecord* record = books_.FindRequest(kAcme, "r1");
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->grant, first_);
  EXPECT_EQ(record->body, grant.body);
  EXPECT_EQ(books_.FindRequest(kBolt, "r1"), nullptr) << "request ids are the tenant's own";
  Expect(Settled(first_, kNoon, tokens_));
  EXPECT_NE(books_.FindRequest(kAcme, "r1"), nullptr) << "remembered after the end";
}

TEST_F(BooksTest, ARequestIdOfAnOpenGrantIsNotGivenAgain) {
  Expect(Granted({1, 1}, kNoon));
  GrantEntry again = Granted({1, 2}, kNoon);
  again.request_id = "r1";
  ExpectRefused(again, "has the request id of grant 1-1, which is open");
  again.terms = TermsOf(kBolt);
  Expect(again);
}

TEST_F(BooksTest, AfterAVoidTheSameRequestIdMayBeGrantedAnew) {
  Expect(Granted({1, 1}, kNoon));
  Expect(VoidEntry{{1, 1}, kNoon, VoidReason::kUndeliverable});
  GrantEntry again = Granted({1, 2}, kNoon + Hours(20));
  again.request_id = "r1";
  Expect(again);
  EXPECT_EQ(books_.FindRequest(kAcme, "r1")->grant, (GrantId{1, 2}));
  Expect(StopEntry{1, kNoon + Hours(25)});
  EXPECT_EQ(books_.FindEnded({1, 1}), nullptr);
  EXPECT_NE(books_.FindRequest(kAcme, "r1"), nullptr) << "it is the open grant's now";
}

TEST_F(BooksTest, IdsAreForgottenAfterTheHorizonButNeverThatTheyEnded) {
  Expect(Granted({1, 1}, kNoon));
  Expect(Granted({1, 2}, kNoon));
  Expect(Settled({1, 1}, kNoon, tokens_));
  Expect(StopEntry{1, kNoon + kIdHorizon});
  EXPECT_NE(books_.FindEnded({1, 1}), nullptr) << "to the last nanosecond";
  Expect(BootEntry{2, kNoon + kIdHorizon + Nanoseconds(1)});
  EXPECT_EQ(books_.FindEnded({1, 1}), nullptr);
  EXPECT_EQ(books_.FindRequest(kAcme, "r1"), nullptr);
  EXPECT_TRUE(books_.HasEnded({1, 1}));
  ExpectRefused(Settled({1, 1}, kNoon + kIdHorizon, tokens_), "has ended already");
  EXPECT_NE(books_.FindRequest(kAcme, "r2"), nullptr) << "an open grant keeps its request id";
}

TEST_F(BooksTest, LateUsageIsRememberedFromWhenItCame) {
  Expect(Granted(first_, kNoon));
  Expect(ExpireEntry{first_, kNoon});
  Expect(SettledLate(first_, kNoon + Hours(20), tokens_));
  Expect(StopEntry{1, kNoon + Hours(25)});
  EXPECT_NE(books_.FindEnded(first_), nullptr);
  EXPECT_NE(books_.FindRequest(kAcme, "r1"), nullptr);
  Expect(BootEntry{2, kNoon + Hours(45)});
  EXPECT_EQ(books_.FindEnded(first_), nullptr);
}

TEST_F(BooksTest, AForgottenExpiryTakesNoLateUsage) {
  Expect(Granted(first_, kNoon));
  Expect(ExpireEntry{first_, kNoon});
  Expect(StopEntry{1, kNoon + Hours(25)});
  ExpectRefused(SettledLate(first_, kNoon + Hours(25), tokens_), "has ended already");
}

TEST_F(BooksTest, AMassOfOldEndsIsForgottenInSlices) {
  constexpr uint64_t kMany = 100;
  for (uint64_t n = 1; n <= kMany; ++n) {
    Expect(Granted({1, n}, kNoon));
    Expect(VoidEntry{{1, n}, kNoon, VoidReason::kCancelled});
  }
  const auto remembered = [this] {
    int count = 0;
    for (uint64_t n = 1; n <= kMany; ++n) count += books_.FindEnded({1, n}) != nullptr;
    return count;
  };
  Expect(BootEntry{2, kNoon + Hours(25)});
  EXPECT_GT(remembered(), 0);
  EXPECT_LT(remembered(), 100);
  for (uint32_t epoch = 3; epoch < 20; ++epoch) Expect(BootEntry{epoch, kNoon + Hours(25)});
  EXPECT_EQ(remembered(), 0);
}

TEST_F(BooksTest, OnlySoManyEndsAreRememberedButAlwaysThatTheyEnded) {
  constexpr size_t kBound = 300;
  books_ = Books(kBound);
  for (const Entry& entry : OpeningEntries()) Expect(entry);
  size_t bytes = 0;
  for (uint64_t n = 1; n <= 6 * kBound; ++n) {
    ASSERT_TRUE(books_.Apply(Granted({1, n}, kNoon)).ok());
    ASSERT_TRUE(books_.Apply(Settled({1, n}, kNoon, tokens_)).ok());
    ASSERT_EQ(books_.ended().size(), std::min<size_t>(n, kBound));
    if (n == 3 * kBound) bytes = books_.ended().bytes();
  }
  EXPECT_EQ(books_.ended().bytes(), bytes) << "memory is flat";
  const uint64_t oldest = 5 * kBound + 1;
  EXPECT_NE(books_.FindEnded({1, oldest}), nullptr);
  EXPECT_NE(books_.FindRequest(kAcme, "r" + std::to_string(oldest)), nullptr);
  EXPECT_EQ(books_.FindEnded({1, oldest - 1}), nullptr);
  EXPECT_EQ(books_.FindRequest(kAcme, "r" + std::to_string(oldest - 1)), nullptr) << "it may be used again";
  for (uint64_t n = 1; n <= 6 * kBound; ++n) ASSERT_TRUE(books_.HasEnded({1, n}));
  EXPECT_FALSE(books_.HasEnded({1, 6 * kBound + 1}));
  ExpectRefused(Settled({1, 1}, kNoon, tokens_), "has ended already");
}

TEST_F(BooksTest, ALateSettlementTakesNoRequestIdFromALaterGrant) {
  Expect(Granted({1, 1}, kNoon));
  Expect(ExpireEntry{{1, 1}, kNoon});
  GrantEntry again = Granted({1, 2}, kNoon);
  again.request_id = "r1";
  Expect(again);
  Expect(Settled({1, 2}, kNoon, tokens_));
  Expect(SettledLate({1, 1}, kNoon, tokens_));
  EXPECT_EQ(books_.FindRequest(kAcme, "r1")->grant, (GrantId{1, 2}));
}

TEST_F(BooksTest, OpenGrantsComeInOrder) {
  for (uint64_t n = 1; n <= 40; ++n) Expect(Granted({1, n}, kNoon));
  for (const uint64_t n : {40u, 3u, 17u}) Expect(Settled({1, n}, kNoon, tokens_));
  LosePower();
  for (uint64_t n = 1; n <= 3; ++n) {
    GrantEntry grant = Granted({2, n}, kNoon + Minutes(1));
    grant.request_id.clear();
    Expect(grant);
  }
  std::vector<GrantId> ids;
  for (const OpenGrant* open : books_.OpenInOrder()) ids.push_back(open->grant.id);
  EXPECT_EQ(ids.size(), books_.open_count());
  EXPECT_EQ(ids.size(), 40u);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  for (const GrantId id : ids) EXPECT_EQ(books_.FindOpen(id)->grant.id, id);
}

TEST(BooksFingerprintTest, IsTheTenantsOwn) {
  EXPECT_EQ(Books::FingerprintOf(kAcme, "a"), Books::FingerprintOf(kAcme, "a"));
  EXPECT_NE(Books::FingerprintOf(kAcme, "a"), Books::FingerprintOf(kBolt, "a"));
  EXPECT_NE(Books::FingerprintOf(kAcme, "a"), Books::FingerprintOf(kAcme, "b"));
  EXPECT_FALSE(Books::FingerprintOf(kAcme, "").IsNone());
}

// Names, tariffs, boots.

TEST_F(BooksTest, NamesAreDenseAndBoundOnce) {
  EXPECT_EQ(books_.IdOf(NameKind::kTenant, 0, "bolt"), 2u);
  EXPECT_EQ(books_.IdOf(NameKind::kKey, 2, "bolt-key"), 2u);
  EXPECT_EQ(books_.IdOf(NameKind::kKey, 1, "bolt-key"), std::nullopt);
  EXPECT_EQ(books_.NameOf(NameKind::kPool, 1).name, "llama");
  EXPECT_EQ(books_.CountOf(NameKind::kPool), 2u);
  ExpectRefused(NameEntry{NameKind::kTenant, 4, 0, "cork"}, "name id 4 follows 2");
  ExpectRefused(NameEntry{NameKind::kTenant, 2, 0, "cork"}, "name id 2 follows 2");
  ExpectRefused(NameEntry{NameKind::kTenant, 3, 0, "acme"}, "is bound already");
  ExpectRefused(NameEntry{NameKind::kTenant, 3, 0, ""}, "length is out of bounds");
  ExpectRefused(NameEntry{NameKind::kTenant, 3, 1, "cork"}, "an owner that does not fit");
  ExpectRefused(NameEntry{NameKind::kKey, 3, 3, "cork-key"}, "an owner that does not fit");
  Expect(NameEntry{NameKind::kKey, 3, 2, "acme-key"});  // the same name under another tenant
}

// Budgets.

AlertEntry AlertAt(uint32_t threshold, int64_t number, Instant at = kNoon) {
  BudgetOf budget;
  budget.tenant = kAcme;
  budget.scope = BudgetScope::kKey;
  budget.subject = 1;
  budget.period = BudgetPeriod::kDay;
  budget.number = number;
  return {at, budget, threshold, Money::FromPico(threshold), Money::FromPico(100)};
}

TEST_F(BooksTest, AThresholdIsAlertedOncePerPeriod) {
  const BudgetRecords& records = books_.budget_records();
  Expect(AlertAt(50, 10));
  EXPECT_EQ(records.LastThreshold(AlertAt(0, 10).budget), 50u);
  EXPECT_EQ(records.LastThreshold(AlertAt(0, 11).budget), 0u);
  ExpectRefused(AlertAt(50, 10), "came twice");
  ExpectRefused(AlertAt(40, 10), "came twice");
  Expect(AlertAt(80, 10));
  Expect(AlertAt(50, 12));
  Expect(AlertAt(50, 11));                       // late, of the period before
  ExpectRefused(AlertAt(90, 10), "came twice");  // too old to tell
  AlertEntry early = AlertAt(80, 12);
  early.spent = Money::FromPico(79);
  ExpectRefused(early, "too early");
  ExpectRefused(AlertAt(0, 12), "no threshold");
  ExpectRefused(AlertAt(1'001, 12), "no threshold");
  AlertEntry foreign = AlertAt(80, 12);
  foreign.budget.tenant = kBolt;
  ExpectRefused(foreign, "a budget is of nobody");
  AlertEntry of_run = AlertAt(80, 12);
  of_run.budget.scope = BudgetScope::kRun;
  ExpectRefused(of_run, "a budget is of nobody");
  EXPECT_EQ(records.alerts_begin(), 1u);
  EXPECT_EQ(records.alerts_end(), 5u);
  EXPECT_EQ(records.AlertOf(2), AlertAt(80, 10));
}

TEST_F(BooksTest, OnlyTheLatestAlertsAreKept) {
  const auto more = static_cast<int64_t>(kRememberedAlerts) + 3;
  for (int64_t number = 1; number <= more; ++number) ASSERT_TRUE(books_.Apply(AlertAt(80, number)).ok());
  EXPECT_EQ(books_.budget_records().alerts_begin(), 4u);
  EXPECT_EQ(books_.budget_records().AlertOf(4).budget.number, 4);
}

TEST_F(BooksTest, ARaiseIsDecidedOnce) {
  BudgetRaiseEntry raise{1, kNoon, "44d0a9ee", {}, Money::FromPico(100), Money::FromPico(20), false, "launch"};
  raise.budget.tenant = kAcme;
  BudgetRaiseEntry wrong = raise;
  wrong.id = 2;
  ExpectRefused(wrong, "raise 2 follows 0");
  wrong = raise;
  wrong.more = Money();
  ExpectRefused(wrong, "amounts out of bounds");
  wrong = raise;
  wrong.budget.scope = BudgetScope::kRun;
  wrong.budget.run = "r";
  ExpectRefused(wrong, "is of a run");
  Expect(raise);
  const BudgetChangeEntry approved{1, kNoon, "0badcafe", true, Money::FromPico(100), Money::FromPico(120)};
  BudgetChangeEntry change = approved;
  change.id = 2;
  ExpectRefused(change, "raise 2 is not known");
  change = approved;
  change.to = Money::FromPico(121);
  ExpectRefused(change, "does not add up");
  Expect(approved);
  ExpectRefused(approved, "raise 1 is decided already");
  change.approved = false;
  ExpectRefused(change, "raise 1 is decided already");
  EXPECT_TRUE(books_.budget_records().raises()[0].approved());
  Expect(RunApprovalEntry{kNoon, kAcme, "run", "0badcafe"});
  ExpectRefused(RunApprovalEntry{kNoon, kAcme, "", "0badcafe"}, "names no run");
  ExpectRefused(RunApprovalEntry{kNoon, TenantId{9}, "run", "0badcafe"}, "unknown tenant 9");
}

TEST_F(BooksTest, AKeyHasOneProjectOfItsTenantForEver) {
  EXPECT_EQ(books_.ProjectOf(KeyId{1}), ProjectId());
  ExpectRefused(NameEntry{NameKind::kProject, 1, 0, "search"}, "an owner that does not fit");
  Expect(NameEntry{NameKind::kProject, 1, 1, "search"});
  Expect(NameEntry{NameKind::kProject, 2, 2, "search"});  // the same name under another tenant
  ExpectRefused(KeyProjectEntry{KeyId{3}, ProjectId{1}}, "unknown key 3");
  ExpectRefused(KeyProjectEntry{KeyId{1}, ProjectId{3}}, "unknown project 3");
  ExpectRefused(KeyProjectEntry{KeyId{1}, ProjectId{0}}, "unknown project 0");
  ExpectRefused(KeyProjectEntry{KeyId{1}, ProjectId{2}}, "project 2 is not of the tenant of key 1");
  Expect(KeyProjectEntry{KeyId{1}, ProjectId{1}});
  EXPECT_EQ(books_.ProjectOf(KeyId{1}), ProjectId{1});
  ExpectRefused(KeyProjectEntry{KeyId{1}, ProjectId{1}}, "key 1 has project 1");
}

TEST_F(BooksTest, TariffsAreDenseAndSound) {
  Tariff second = FirstTariff();
  ExpectRefused(TariffEntry{2, second}, "is bound already");
  second.version = "2024-02";
  ExpectRefused(TariffEntry{3, second}, "tariff id 3 follows 1");
  Tariff twice = second;
  twice.pools.push_back(twice.pools.front());
  ExpectRefused(TariffEntry{2, twice}, "is priced twice");
  Tariff negative = second;
  negative.pools.front().by_class[3][TokenKind::kAudio] = -1;
  ExpectRefused(TariffEntry{2, negative}, "is negative");
  Tariff unrounded = second;
  unrounded.rounding_unit = Money();
  ExpectRefused(TariffEntry{2, unrounded}, "no rounding unit");
  Expect(TariffEntry{2, second});
}

TEST_F(BooksTest, AGrantNamesOnlyWhatIsKnown) {
  const auto with = [this](auto change) {
    GrantEntry grant = Granted(first_, kNoon);
    change(grant);
    return grant;
  };
  ExpectRefused(with([](GrantEntry& g) { g.terms.tenant.value = 3; }), "unknown tenant 3");
  ExpectRefused(with([](GrantEntry& g) { g.terms.tenant.value = 0; }), "unknown tenant 0");
  ExpectRefused(with([](GrantEntry& g) { g.terms.key.value = 3; }), "unknown key 3");
  ExpectRefused(with([](GrantEntry& g) { g.terms.pool.value = 3; }), "unknown pool 3");
  ExpectRefused(with([](GrantEntry& g) { g.terms.tariff = 2; }), "unknown tariff 2");
  ExpectRefused(with([](GrantEntry& g) { g.terms.key.value = 2; }), "key 2 is not of tenant 1");
  ExpectRefused(with([](GrantEntry& g) { g.hold = Pico(-1); }), "hold out of bounds");
  ExpectRefused(with([](GrantEntry& g) { g.work = Work(-1); }), "work is out of bounds");
  ExpectRefused(with([](GrantEntry& g) { g.at = Instant(-1); }), "a time is out of bounds");
  ExpectRefused(with([](GrantEntry& g) { g.settle_deadline = g.at; }), "deadlines are out of order");
}

TEST_F(BooksTest, AbsurdCountsAreRefused) {
  Expect(Granted(first_, kNoon));
  ExpectRefused(Settled(first_, kNoon, Tokens3(-1, 0, 0)), "token count is out of bounds");
  ExpectRefused(Settled(first_, kNoon, Tokens3(kMaxTokensPerRequest + 1, 0, 0)), "token count is out of bounds");
}

TEST_F(BooksTest, EpochsIncreaseByOneAndACleanStopIsKnown) {
  EXPECT_FALSE(books_.stopped_cleanly());
  ExpectRefused(BootEntry{3, kNoon}, "boot of epoch 3 follows epoch 1");
  ExpectRefused(BootEntry{1, kNoon}, "boot of epoch 1 follows epoch 1");
  ExpectRefused(StopEntry{2, kNoon}, "stop of epoch 2 in epoch 1");
  Expect(StopEntry{1, kNoon});
  EXPECT_TRUE(books_.stopped_cleanly());
  ExpectRefused(StopEntry{1, kNoon}, "has stopped already");
  Expect(BootEntry{2, kNoon});
  EXPECT_FALSE(books_.stopped_cleanly());
  EXPECT_EQ(books_.epoch(), 2u);
}

TEST_F(BooksTest, AnythingAfterAStopMakesItUnclean) {
  Expect(StopEntry{1, kNoon});
  Expect(Granted(first_, kNoon));
  EXPECT_FALSE(books_.stopped_cleanly());
}

TEST(BooksDeathTest, AnIdThatWasNeverBoundHasNoName) { EXPECT_DEATH(Books().NameOf(NameKind::kTenant, 1), "id >= 1"); }

// Properties.

/// What a statement adds to the revenue of settlements.
Money ChargedBeyondPosted(const Books& books, const StatementEntry& closed) {
  const auto beyond = [](const StatementEntry& one) {
    Money charged;
    for (const rating::Line& line : one.lines) {
      if (line.kind != rating::LineKind::kPrepaidCredit) charged += line.exact;
    }
    return charged - one.posted;
  };
  const StatementRecord* replaced = books.accounts().FindStatement(closed.replaces);
  return beyond(closed) - (replaced == nullptr ? Money() : beyond(replaced->Read()));
}

TEST(BooksPropertyTest, DebitsEqualCreditsAfterEveryEntryAndReplayGivesEqualBooks) {
  const uint64_t seed = SeedOfThisRun();
  for (uint64_t day = 0; day < 10; ++day) {
    SCOPED_TRACE(SeedText(seed) + ", day " + std::to_string(day));
    const std::vector<Entry> entries = RandomDay(seed + day, 500);
    Books books;
    Money charged;
    for (const Entry& entry : entries) {
      ASSERT_TRUE(books.Apply(entry).ok());
      if (const auto* settle = std::get_if<SettleEntry>(&entry)) charged += settle->charge;
      if (const auto* closed = std::get_if<StatementEntry>(&entry)) charged += ChargedBeyondPosted(books, *closed);
      if (const auto* bought = std::get_if<ReservationEntry>(&entry)) {
        for (const ReservationCharge& charge : bought->charges) charged += AmountOf(charge);
      }
      const absl::Status sums = books.CheckInvariants();
      ASSERT_TRUE(sums.ok()) << sums;
      if (books.tariffs().empty()) continue;
      const CurrencyAccounts& accounts = books.accounts().currencies().at(0);
      ASSERT_EQ(accounts.revenue + accounts.unearned, charged);
    }
    EXPECT_TRUE(books == BooksOf(entries));
  }
}

TEST(BooksPropertyTest, NoEntryOfADayAppliesTwice) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Books books;
  for (const Entry& entry : RandomDay(seed, 500)) {
    ASSERT_TRUE(books.Apply(entry).ok());
    if (std::holds_alternative<ProgressEntry>(entry)) continue;  // it reports a total: repeating it is no contradiction
    // Nor is allowing a run its bounds once more. What a run was told of is its engine's to remember.
    if (std::holds_alternative<RunApprovalEntry>(entry)) continue;
    const auto* alert = std::get_if<AlertEntry>(&entry);
    if (alert != nullptr && alert->budget.scope == BudgetScope::kRun) continue;
    const auto* change = std::get_if<ReservationEntry>(&entry);
    if (change != nullptr && change->request_id.empty()) continue;  // degraded to the same once more, and the like
    ASSERT_FALSE(books.Apply(entry).ok()) << "entry type " << entry.index() + 1;
  }
}

}  // namespace
}  // namespace penstock::ledger
