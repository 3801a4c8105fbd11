#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "ledger/books.h"
#include "ledger/books_loader.h"
#include "ledger/books_rows.h"
#include "ledger/statement.h"
#include "tests/ledger/random.h"
#include "tests/ledger/random_day.h"
#include "tests/ledger/random_market.h"
#include "tests/ledger/small_world.h"

namespace penstock::ledger {
namespace {

using Charge = ReservationCharge;
using Event = ReservationEvent;
using State = ReservationState;

Money Pico(int64_t pico) { return Money::FromPico(pico); }

constexpr Instant kTwo = kNoon + Hours(2);
constexpr Instant kFour = kNoon + Hours(4);

/// 1,000 milli-nt/s.
RateStep Step(Instant from, Instant to, int64_t price, int64_t rate = 1'000) {
  return {from, to, WorkPerSecond(rate), price};
}

ReservationTerms Terms(std::vector<RateStep> steps) {
  ReservationTerms terms;
  terms.pool = kLlama;
  terms.envelope = {Work(1'000), Seconds(1), Tokens()};
  terms.steps = std::move(steps);
  return terms;
}

class MarketTest : public testing::Test {
 protected:
  MarketTest() : books_(BooksOf(OpeningEntries())) {
    Expect(NameEntry{NameKind::kProject, 1, 1, "research"});
    Expect(NameEntry{NameKind::kProject, 2, 2, "of-bolt"});
  }

  void Expect(const Entry& entry) {
    const absl::Status applied = books_.Apply(entry);
    EXPECT_TRUE(applied.ok()) << applied;
    EXPECT_TRUE(books_.CheckInvariants().ok()) << books_.CheckInvariants();
  }

  /// Refused for that reason, and nothing changed.
  void ExpectRefused(const Entry& entry, const std::string& because) {
    const Books before = books_;
    const absl::Status applied = books_.Apply(entry);
    EXPECT_EQ(applied.code(), absl::StatusCode::kFailedPrecondition) << because;
    EXPECT_THAT(std::string(applied.message()), testing::HasSubstr(because));
    EXPECT_TRUE(books_ == before) << "a refused entry changed the books: " << because;
  }

  QuoteEntry Quoted(const ReservationTerms& terms, TenantId tenant = kAcme) const {
    QuoteEntry quote;
    quote.id = market().last_quote() + 1;
    quote.tenant = tenant;
    quote.at = kNoon;
    quote.expires = kNoon + Minutes(10);
    quote.tariff = 1;
    quote.terms = terms;
    return quote;
  }

  /// Of the last quote.
  ReservationEntry Bought(Event event = Event::kBought) const {
    const QuoteEntry& quote = market().FindQuote(market().last_quote())->given;
    ReservationEntry entry;
    entry.id = market().last_reservation() + 1;
    entry.event = event;
    entry.at = kNoon;
    entry.tenant = quote.tenant;
    entry.quote = quote.id;
    entry.tariff = quote.tariff;
    entry.terms = {quote.terms};
    entry.charges = ChargesFor({}, quote.terms.steps, Instant(), Charge::Kind::kRefund);
    entry.state = *After(std::nullopt, event, FirstOf(quote.terms.steps) <= entry.at);
    return entry;
  }

  void Buy(const std::vector<RateStep>& steps) {
    Expect(Quoted(Terms(steps)));
    Expect(Bought());
  }

  /// Of the last reservation, without terms and charges.
  ReservationEntry Then(Event event, Instant at, State state) const {
    ReservationEntry entry;
    entry.id = market().last_reservation();
    entry.event = event;
    entry.state = state;
    entry.at = at;
    entry.tenant = Last().tenant;
    entry.tariff = 1;
    return entry;
  }

  ReservationEntry ThenWith(Event event, Instant at, State state, const std::vector<RateStep>& steps,
                            int64_t part = 1'000) const {
    ReservationEntry entry = Then(event, at, state);
    entry.terms = {Last().terms};
    entry.terms[0].steps = steps;
    const bool sold = event == Event::kSellBack;
    entry.charges =
        ChargesFor(Last().terms.steps, steps, Instant(), sold ? Charge::Kind::kSellBack : Charge::Kind::kRefund, part);
    return entry;
  }

  DeliveryEntry Delivered(Instant from, Instant to) const {
    DeliveryEntry delivery;
    delivery.reservation = market().last_reservation();
    delivery.at = to;
    delivery.from = from;
    delivery.to = to;
    delivery.promised = PromisedBy(Last().terms.steps, from, to);
    delivery.guaranteed = GuaranteedBy(Last(), from, to);
    delivery.earned = PriceOf(Last().terms.steps, from, to);
    return delivery;
  }

  const MarketRecords& market() const { return books_.market(); }
  const ReservationRecord& Last() const { return *market().FindReservation(market().last_reservation()); }
  const CurrencyAccounts& Euros() const { return books_.accounts().currencies().at(0); }
  Money Bought1() const { return books_.BalanceOf(kAcme).bought; }

  Books books_;
  const std::vector<RateStep> two_hours_ = {Step(kTwo, kFour, 5)};  // 1,000 x 120 x 5 = 600,000
};

// Money.

TEST_F(MarketTest, APurchaseIsOwedAndNotEarned) {
  Buy(two_hours_);
  EXPECT_EQ(Bought1(), Pico(600'000));
  EXPECT_EQ(Euros().unearned, Pico(600'000));
  EXPECT_EQ(Euros().revenue, Pico(0));
  EXPECT_EQ(Last().state, State::kScheduled);
  EXPECT_EQ(Last().delivered_until, kTwo);
  EXPECT_EQ(Last().version(), 1u);
  EXPECT_EQ(market().FindQuote(1)->state, QuoteState::kAccepted);
  EXPECT_EQ(market().FindQuote(1)->reservation, 1u);
}

TEST_F(MarketTest, DeliveryEarnsWhatItsStepsCost) {
  Buy(two_hours_);
  Expect(Then(Event::kActivate, kTwo, State::kActive));
  Expect(Delivered(kTwo, kTwo + Hours(1)));
  EXPECT_EQ(Euros().unearned, Pico(300'000));
  EXPECT_EQ(Euros().revenue, Pico(300'000));
  EXPECT_EQ(Last().earned, Pico(300'000));
  Expect(Delivered(kTwo + Hours(1), kFour));
  Expect(Then(Event::kComplete, kFour, State::kCompleted));
  EXPECT_EQ(Euros().unearned, Pico(0));
  EXPECT_EQ(Bought1(), Pico(600'000));
}

TEST_F(MarketTest, ARefundBelowThePricePaidLeavesTheRestAsRevenue) {
  Buy(two_hours_);
  ReservationEntry cancel = Then(Event::kCancel, kNoon + Minutes(5), State::kCancelled);
  cancel.charges = {{Charge::Kind::kRefund, -120'000, 4, 5}};
  Expect(cancel);
  EXPECT_EQ(Bought1(), Pico(120'000));
  EXPECT_EQ(Euros().unearned, Pico(0));
  EXPECT_EQ(Euros().revenue, Pico(120'000));
  EXPECT_EQ(Last().returned, Pico(480'000));
  EXPECT_TRUE(Last().terms.steps.empty());
}

TEST_F(MarketTest, ASellBackAboveThePricePaidCostsRevenue) {
  Buy(two_hours_);
  ReservationEntry sale = ThenWith(Event::kSellBack, kNoon, State::kScheduled, {Step(kTwo, kFour, 5, 400)});
  sale.charges = {{Charge::Kind::kSellBack, -72'000, 6, 5}};
  Expect(sale);
  EXPECT_EQ(Bought1(), Pico(168'000));
  EXPECT_EQ(Euros().unearned, Pico(240'000));
  EXPECT_EQ(Euros().revenue, Pico(-72'000));
}

TEST_F(MarketTest, WhatWaitsForApprovalIsOwedAtOnceAndGivenBackInFullWhenRejected) {
  Expect(Quoted(Terms(two_hours_)));
  Expect(Bought(Event::kAskApproval));
  EXPECT_EQ(Last().state, State::kPending);
  EXPECT_EQ(Bought1(), Pico(600'000));
  ReservationEntry reject = Then(Event::kReject, kNoon, State::kRejected);
  ExpectRefused(reject, "are not those of its terms");
  reject.charges = {{Charge::Kind::kRefund, -120'000, 4, 5}};
  ExpectRefused(reject, "not at the price that was paid");
  reject.charges = {{Charge::Kind::kRefund, -120'000, 5, 5}};
  Expect(reject);
  EXPECT_EQ(books_.BalanceOf(kAcme), Balance());
  EXPECT_EQ(Euros().revenue, Pico(0));
}

TEST_F(MarketTest, AnApprovedOneThatHasBegunIsActive) {
  Expect(Quoted(Terms(two_hours_)));
  Expect(Bought(Event::kAskApproval));
  ExpectRefused(Delivered(kTwo, kTwo + Minutes(1)), "delivers nothing");
  ExpectRefused(Then(Event::kApprove, kTwo, State::kScheduled), "approve does not make scheduled of pending");
  Expect(Then(Event::kApprove, kTwo + Minutes(1), State::kActive));
  Expect(Delivered(kTwo, kTwo + Minutes(1)));
}

TEST_F(MarketTest, AnAmendmentBuysWhatIsMoreAndRefundsWhatIsLess) {
  Buy({Step(kTwo, kFour, 5), Step(kTwo, kFour, 7)});
  Expect(Then(Event::kActivate, kTwo, State::kActive));
  Expect(Delivered(kTwo, kTwo + Hours(1)));
  const Instant at = kTwo + Hours(1);
  // One step ends earlier, another begins later.
  Expect(ThenWith(Event::kAmend, at, State::kActive,
                  {Step(kTwo, at, 7), Step(kTwo, kFour, 5), Step(at, kFour + Hours(1), 9, 10)}, 900));
  EXPECT_EQ(Last().paid, Pico(120'000 * 12 + 10 * 120 * 9));
  EXPECT_EQ(Last().returned, Pico(60'000 * 6));  // 900 thousandths of 7, rounded down
  EXPECT_EQ(Last().unearned, Pico(60'000 * 5 + 10 * 120 * 9));
}

TEST_F(MarketTest, TheLastGoodTermsHoldUntilAnAmendmentIsApproved) {
  Buy(two_hours_);
  ReservationEntry ask = Then(Event::kAskAmend, kNoon, State::kAmending);
  ask.terms = {Last().terms};
  ask.terms[0].steps = {Step(kTwo, kFour, 5, 2'000)};
  Expect(ask);
  EXPECT_EQ(Last().terms.steps, two_hours_);
  ASSERT_EQ(Last().asked.size(), 1u);
  EXPECT_EQ(Bought1(), Pico(600'000));
  const Books before = books_;
  Expect(Then(Event::kRejectAmend, kNoon, State::kScheduled));
  EXPECT_EQ(Last().terms.steps, two_hours_);
  EXPECT_TRUE(Last().asked.empty());
  books_ = before;
  Expect(ThenWith(Event::kAmend, kNoon, State::kScheduled, ask.terms[0].steps));
  EXPECT_EQ(Bought1(), Pico(1'200'000));
  EXPECT_TRUE(Last().asked.empty());
}

TEST_F(MarketTest, EverythingMayBeSoldBackBeforeItBegins) {
  Buy(two_hours_);
  Expect(ThenWith(Event::kSellBack, kNoon, State::kActive, {}, 500));
  EXPECT_EQ(Last().unearned, Pico(0));
  Expect(Then(Event::kComplete, kNoon, State::kCompleted));
}

// What is refused.

TEST_F(MarketTest, AChangeOfThePastIsRefused) {
  Buy(two_hours_);
  Expect(Then(Event::kActivate, kTwo, State::kActive));
  const Instant at = kTwo + Minutes(30) + Seconds(20);
  ExpectRefused(ThenWith(Event::kAmend, at, State::kActive, {Step(kTwo, kFour, 5, 999)}), "changes what is past");
  ExpectRefused(ThenWith(Event::kAmend, at, State::kActive, {Step(kTwo, kTwo + Minutes(29), 5)}),
                "changes what is past");
  ExpectRefused(ThenWith(Event::kSellBack, at, State::kActive, {}), "changes what is past");
  Expect(ThenWith(Event::kAmend, at, State::kActive, {Step(kTwo, kTwo + Minutes(30), 5)}));
}

TEST_F(MarketTest, ChargesThatAreNotThoseOfTheTermsAreRefused) {
  Expect(Quoted(Terms(two_hours_)));
  ReservationEntry entry = Bought();
  entry.charges.clear();
  ExpectRefused(entry, "are not those of its terms");
  entry.charges = {{Charge::Kind::kPurchase, 119'999, 5, 5}};
  ExpectRefused(entry, "are not those of its terms");
  entry.charges = {{Charge::Kind::kPurchase, 120'000, 4, 4}};
  ExpectRefused(entry, "are not those of its terms");
  entry.charges = {{Charge::Kind::kPurchase, 120'000, 4, 5}};
  ExpectRefused(entry, "not at the price that was paid");
  entry.charges = {{Charge::Kind::kPurchase, 120'001, 5, 5}, {Charge::Kind::kRefund, -1, 5, 5}};
  ExpectRefused(entry, "does not belong to the event");
  entry.charges = {{Charge::Kind::kPurchase, 120'000, 5, 5}, {Charge::Kind::kPurchase, 0, 5, 5}};
  ExpectRefused(entry, "does not belong to the event");
  entry.charges = {{Charge::Kind::kPurchase, 20'000, 5, 5}, {Charge::Kind::kPurchase, 100'000, 5, 5}};
  Expect(entry);
}

TEST_F(MarketTest, WhatIsBoughtIsWhatTheQuoteSays) {
  Expect(Quoted(Terms(two_hours_)));
  ReservationEntry entry = Bought();
  entry.terms[0].steps = {Step(kTwo, kFour, 4)};
  entry.charges = {{Charge::Kind::kPurchase, 120'000, 4, 4}};
  ExpectRefused(entry, "is not what quote 1 says");
  entry = Bought();
  entry.at = kNoon + Minutes(10) + Seconds(1);
  ExpectRefused(entry, "is not what quote 1 says");
  entry = Bought();
  entry.tenant = kBolt;
  ExpectRefused(entry, "not an active one of tenant 2");
  entry = Bought();
  entry.quote = 2;
  ExpectRefused(entry, "quote 2 is not an active one");
  entry.quote = 0;
  ExpectRefused(entry, "comes from a quote or a bid once");
  entry.quote = 1;
  entry.bid = 1;
  ExpectRefused(entry, "comes from a quote or a bid once");
  entry = Bought();
  entry.id = 2;
  ExpectRefused(entry, "reservation 2 follows 0");
  Expect(Bought());
  ExpectRefused(Bought(), "quote 1 is not an active one");
}

TEST_F(MarketTest, AQuoteEndsOnce) {
  Expect(Quoted(Terms(two_hours_)));
  EXPECT_EQ(market().OpenQuotesOf(kAcme), 1u);
  EXPECT_EQ(market().FirstToExpire()->given.id, 1u);
  ExpectRefused(QuoteEndEntry{1, kNoon, QuoteState::kExpired}, "does not end so");
  ExpectRefused(QuoteEndEntry{1, kNoon, QuoteState::kAccepted}, "does not end so");
  ExpectRefused(QuoteEndEntry{2, kNoon, QuoteState::kWithdrawn}, "is not active");
  Expect(QuoteEndEntry{1, kNoon + Minutes(10), QuoteState::kExpired});
  ExpectRefused(QuoteEndEntry{1, kNoon + Minutes(10), QuoteState::kWithdrawn}, "is not active");
  EXPECT_EQ(market().OpenQuotesOf(kAcme), 0u);
  EXPECT_EQ(market().FirstToExpire(), nullptr);
}

TEST_F(MarketTest, AQuoteOutOfBoundsIsRefused) {
  const auto with = [&](const auto& change) {
    QuoteEntry quote = Quoted(Terms(two_hours_));
    change(&quote);
    return quote;
  };
  ExpectRefused(with([](QuoteEntry* q) { q->id = 2; }), "quote 2 follows 0");
  ExpectRefused(with([](QuoteEntry* q) { q->tenant = TenantId{3}; }), "unknown tenant 3");
  ExpectRefused(with([](QuoteEntry* q) { q->tariff = 2; }), "unknown tariff 2");
  ExpectRefused(with([](QuoteEntry* q) { q->terms.pool = PoolId{3}; }), "unknown pool 3");
  ExpectRefused(with([](QuoteEntry* q) { q->terms.pool = kUnpriced; }), "does not price pool 2");
  ExpectRefused(with([](QuoteEntry* q) { q->terms.project = ProjectId{2}; }), "project 2 is not of tenant 1");
  ExpectRefused(with([](QuoteEntry* q) { q->expires = q->at; }), "out of bounds");
  ExpectRefused(with([](QuoteEntry* q) { q->terms.steps.clear(); }), "is of nothing");
  ExpectRefused(with([](QuoteEntry* q) { q->terms.steps[0].from = kNoon - Minutes(1); }), "is of the past");
  ExpectRefused(with([](QuoteEntry* q) { q->terms.steps[0].from = kTwo + Seconds(1); }), "not of whole minutes");
  ExpectRefused(with([](QuoteEntry* q) { q->terms.steps[0].to = kTwo; }), "out of its time");
  ExpectRefused(with([](QuoteEntry* q) { q->terms.steps[0].rate = WorkPerSecond(); }), "rate out of bounds");
  ExpectRefused(with([](QuoteEntry* q) { q->terms.steps[0].unit_price = -1; }), "price out of bounds");
  ExpectRefused(with([](QuoteEntry* q) { q->terms.steps.push_back(Step(kNoon, kTwo, 5)); }), "out of order");
  ExpectRefused(with([](QuoteEntry* q) { q->terms.envelope.mean_work = Work(); }), "an envelope");
  ExpectRefused(
      with([](QuoteEntry* q) {
        q->terms.steps = {Step(kTwo, kFour, 5, 600'000'000'000'000), Step(kTwo, kFour, 5, 600'000'000'000'000)};
      }),
      "add up to a rate out of bounds");
  ExpectRefused(with([](QuoteEntry* q) {
                  q->terms.steps = {Step(kTwo, kTwo + Minutes(1'000), 1'000'000'000'000, 900'000'000'000'000)};
                }),
                "dearer than anything");
}

TEST_F(MarketTest, ABidIsFilledAtItsLimitOrBelow) {
  BidEntry bid{1, kAcme, kNoon, kNoon + Minutes(10), 1, Terms({Step(kTwo, kFour, 0)}), 5, "", "", {}};
  BidEntry priced = bid;
  priced.terms.steps[0].unit_price = 1;
  ExpectRefused(priced, "has prices in its steps");
  Expect(bid);
  ReservationEntry filled;
  filled.id = 1;
  filled.state = State::kScheduled;
  filled.at = kNoon;
  filled.tenant = kAcme;
  filled.bid = 1;
  filled.tariff = 1;
  filled.terms = {Terms({Step(kTwo, kFour, 6)})};
  filled.charges = {{Charge::Kind::kPurchase, 120'000, 6, 6}};
  ExpectRefused(filled, "is not what bid 1 says");
  filled.terms = {Terms(two_hours_)};
  filled.charges = {{Charge::Kind::kPurchase, 120'000, 5, 5}};
  Expect(filled);
  EXPECT_EQ(market().FindBid(1)->state, BidState::kFilled);
  EXPECT_EQ(market().FindBid(1)->reservation, 1u);
  EXPECT_TRUE(market().OpenBids().empty());
  ExpectRefused(BidEndEntry{1, kNoon, BidState::kWithdrawn}, "bid 1 is not open");
}

TEST_F(MarketTest, DeliveriesFollowEachOther) {
  Buy({Step(kTwo, kTwo + Minutes(90), 5), Step(kFour, kFour + Hours(1), 5)});
  ExpectRefused(Delivered(kTwo, kTwo + Minutes(1)), "delivers nothing");
  Expect(Then(Event::kActivate, kTwo, State::kActive));
  ExpectRefused(Delivered(kTwo + Minutes(1), kTwo + Minutes(2)), "does not follow");
  ExpectRefused(Delivered(kTwo, kTwo), "does not follow");
  ExpectRefused(Delivered(kTwo, kTwo + Seconds(90)), "does not follow");
  ExpectRefused(Delivered(kTwo, kTwo + Minutes(61)), "does not follow");
  DeliveryEntry early = Delivered(kTwo, kTwo + Minutes(2));
  early.at = kTwo + Minutes(1);
  ExpectRefused(early, "does not follow");
  Expect(Delivered(kTwo, kTwo + Hours(1)));
  ExpectRefused(Delivered(kTwo, kTwo + Hours(1)), "does not follow");
  Expect(Delivered(kTwo + Hours(1), kTwo + Minutes(90)));
  ExpectRefused(Delivered(kFour + Minutes(1), kFour + Minutes(2)), "does not follow");
  Expect(Delivered(kFour, kFour + Minutes(2)));  // nothing was promised between
  ExpectRefused(Then(Event::kComplete, kFour + Hours(1), State::kCompleted), "before all is delivered");
  EXPECT_EQ(market().deliveries().size(), 3u);
}

TEST_F(MarketTest, ADeliverySaysWhatItsStepsPromise) {
  Buy(two_hours_);
  Expect(Then(Event::kActivate, kTwo, State::kActive));
  const auto with = [&](const auto& change) {
    DeliveryEntry delivery = Delivered(kTwo, kTwo + Minutes(1));
    change(&delivery);
    return delivery;
  };
  ExpectRefused(with([](DeliveryEntry* d) { d->promised = Work(59'999); }), "is not what its steps promise");
  ExpectRefused(with([](DeliveryEntry* d) { d->guaranteed = Work(60'001); }), "is not what its steps promise");
  ExpectRefused(with([](DeliveryEntry* d) { d->delivered = Work(-1); }), "is not what its steps promise");
  ExpectRefused(with([](DeliveryEntry* d) { d->earned = Pico(4'999); }), "where its steps say 0.000000005000");
  ExpectRefused(with([](DeliveryEntry* d) { d->missed = 1; }), "counts that do not agree");
  ExpectRefused(with([](DeliveryEntry* d) { d->requests = d->late = 1; }), "counts that do not agree");
  ExpectRefused(with([](DeliveryEntry* d) { d->longest_queued = Seconds(1); }), "counts that do not agree");
  ExpectRefused(with([](DeliveryEntry* d) { d->reservation = 2; }), "delivers nothing");
  Expect(with([](DeliveryEntry*) {}));
}

TEST_F(MarketTest, EventsThatDoNotFitAreRefused) {
  Buy(two_hours_);
  ExpectRefused(Then(Event::kActivate, kNoon, State::kScheduled), "has not begun");
  ExpectRefused(Then(Event::kActivate, kTwo, State::kScheduled), "does not make scheduled of scheduled");
  ExpectRefused(Then(Event::kResume, kNoon, State::kScheduled), "resume does not make");
  ExpectRefused(Then(Event::kComplete, kFour, State::kCompleted), "complete does not make");
  ExpectRefused(Then(Event::kAmend, kNoon, State::kScheduled), "has terms where there are none");
  ReservationEntry with_terms = Then(Event::kSuspend, kNoon, State::kSuspended);
  with_terms.terms = {Last().terms};
  ExpectRefused(with_terms, "has terms where there are none");
  ReservationEntry other = Then(Event::kSuspend, kNoon, State::kSuspended);
  other.tenant = kBolt;
  ExpectRefused(other, "changes its tenant or tariff");
  ReservationEntry guaranteed = Then(Event::kSuspend, kNoon, State::kSuspended);
  guaranteed.guaranteed = WorkPerSecond(1);
  ExpectRefused(guaranteed, "has a guarantee out of bounds");
  ReservationEntry moved = ThenWith(Event::kAmend, kNoon, State::kScheduled, two_hours_);
  moved.terms[0].project = ProjectId{1};
  ExpectRefused(moved, "changes its pool or project");
  ReservationEntry transfer = Then(Event::kTransfer, kNoon, State::kScheduled);
  transfer.terms = {Last().terms};
  transfer.terms[0].project = ProjectId{2};
  ExpectRefused(transfer, "project 2 is not of tenant 1");
  transfer.terms[0].project = ProjectId{1};
  transfer.terms[0].shape = "other";
  ExpectRefused(transfer, "changes more than its project");
  transfer.terms[0].shape.clear();
  Expect(transfer);
  EXPECT_EQ(Last().terms.project, ProjectId{1});
}

TEST_F(MarketTest, ADegradedOneIsGuaranteedLessUntilItIsRestored) {
  Buy(two_hours_);
  ReservationEntry degrade = Then(Event::kDegrade, kNoon, State::kDegraded);
  degrade.guaranteed = WorkPerSecond(300);
  Expect(degrade);
  EXPECT_EQ(Last().guaranteed, WorkPerSecond(300));
  Expect(Then(Event::kRestore, kNoon, State::kScheduled));
  EXPECT_EQ(Last().guaranteed, WorkPerSecond());
  EXPECT_EQ(Last().history[1].guaranteed, WorkPerSecond(300));
}

TEST_F(MarketTest, ARequestIdStandsForOneThing) {
  QuoteEntry quote = Quoted(Terms(two_hours_));
  quote.request_id = "q";
  quote.body[0] = 7;
  Expect(quote);
  ASSERT_NE(market().FindRequest(kAcme, "q"), nullptr);
  EXPECT_EQ(*market().FindRequest(kAcme, "q"), (MarketRequest{MarketRequest::Kind::kQuote, 1, 0, quote.body}));
  EXPECT_EQ(market().FindRequest(kBolt, "q"), nullptr);
  ReservationEntry entry = Bought();
  entry.request_id = "q";
  ExpectRefused(entry, "request id q stands for something already");
  entry.request_id = "r";
  Expect(entry);
  EXPECT_EQ(*market().FindRequest(kAcme, "r"), (MarketRequest{MarketRequest::Kind::kReservation, 1, 1, {}}));
}

TEST_F(MarketTest, OldestEndedQuotesAreForgottenFirst) {
  QuoteEntry first = Quoted(Terms(two_hours_));
  first.request_id = "first";
  ASSERT_TRUE(books_.Apply(first).ok());
  ASSERT_TRUE(books_.Apply(QuoteEndEntry{1, kNoon, QuoteState::kWithdrawn}).ok());
  QuoteEntry stays = Quoted(Terms(two_hours_));
  ASSERT_TRUE(books_.Apply(stays).ok());
  for (size_t i = 0; i < kRememberedQuotes; ++i) {
    const QuoteEntry quote = Quoted(Terms(two_hours_));
    ASSERT_TRUE(books_.Apply(quote).ok());
    ASSERT_TRUE(books_.Apply(QuoteEndEntry{quote.id, kNoon, QuoteState::kWithdrawn}).ok());
  }
  EXPECT_EQ(market().FindQuote(1), nullptr);
  EXPECT_EQ(market().FindRequest(kAcme, "first"), nullptr);
  EXPECT_NE(market().FindQuote(2), nullptr) << "an active one stays";
  EXPECT_NE(market().FindQuote(3), nullptr);
  EXPECT_EQ(market().quote_count(), kRememberedQuotes + 1);
}

// Plans and prices.

TEST_F(MarketTest, ThePostedPriceIsTheLastOneThatHasBegun) {
  PriceEntry price;
  price.id = 1;
  price.pool = kLlama;
  price.tariff = 1;
  price.at = kNoon;
  price.from = kNoon + Minutes(5);
  Expect(price);
  EXPECT_EQ(market().PostedAt(kLlama, kNoon), nullptr);
  EXPECT_EQ(market().NextPosted(kLlama, kNoon)->id, 1u);
  EXPECT_EQ(market().PostedAt(kLlama, kNoon + Minutes(5))->id, 1u);
  price.id = 2;
  ExpectRefused(price, "does not come after the one before");
  price.from = kNoon - Seconds(1);
  ExpectRefused(price, "is not of the future");
  price.from = kNoon + Minutes(6);
  price.prices[TokenKind::kInput] = -1;
  ExpectRefused(price, "out of bounds");
  price.prices[TokenKind::kInput] = 1;
  price.kind = PriceKind::kLock;
  price.until = kNoon + Minutes(7);
  ExpectRefused(price, "unknown tenant 0");
  price.tenant = kAcme;
  Expect(price);
  EXPECT_EQ(market().PinOf(kAcme, kLlama, kNoon + Minutes(6))->id, 2u);
  EXPECT_EQ(market().PinOf(kAcme, kLlama, kNoon + Minutes(7)), nullptr);
  EXPECT_EQ(market().PinOf(kBolt, kLlama, kNoon + Minutes(6)), nullptr);
  EXPECT_EQ(market().PostedAt(kLlama, kNoon + Minutes(6))->id, 1u);
}

TEST_F(MarketTest, PlansAreTheLatest) {
  CapacityPlanEntry plan{kLlama, kNoon, 50, {}, 0, 0, {{Instant(), WorkPerSecond(5), 1, 0}}};
  Expect(plan);
  ExpectRefused(plan, "says so already");
  plan.steps.push_back({Instant(), WorkPerSecond(6), 1, 0});
  ExpectRefused(plan, "out of order");
  plan.steps[1].from = kTwo;
  Expect(plan);
  EXPECT_EQ(*market().CapacityOf(kLlama), plan);
  EXPECT_EQ(market().CapacityOf(kUnpriced), nullptr);
  DemandPlanEntry demand{1, kLlama, kNoon, kNoon, 0, {{WorkPerSecond(1), WorkPerSecond(1)}}};
  Expect(demand);
  ExpectRefused(demand, "demand plan 1 follows 1");
  EXPECT_EQ(market().last_plan(), 1u);
}

// Posted prices that grants pin.

class PinTest : public MarketTest {
 protected:
  PinTest() {
    Tariff coupled = FirstTariff();
    coupled.version = "coupled";
    coupled.pools[0].coupling = {1u << static_cast<unsigned>(ServiceClass::kDefault), {11, 10}, 10};
    Expect(TariffEntry{2, coupled});
    PriceEntry price;
    price.id = 1;
    price.pool = kLlama;
    price.tariff = 2;
    price.at = kNoon;
    price.from = kNoon + Minutes(5);
    price.prices[TokenKind::kInput] = 200;
    price.prices[TokenKind::kOutput] = 805;  // no multiple of 10: the flat price of 400 holds
    Expect(price);
    price.id = 2;
    price.from = kNoon + Minutes(10);
    price.prices[TokenKind::kInput] = 300;
    Expect(price);
    price.id = 3;
    price.kind = PriceKind::kLock;
    price.tenant = kBolt;
    price.until = kNoon + Minutes(20);
    Expect(price);
  }

  static GrantTerms Pinned(uint32_t posted) {
    GrantTerms terms = TermsOf(kAcme);
    terms.tariff = 2;
    terms.posted = posted;
    return terms;
  }
};

TEST_F(PinTest, AGrantIsChargedAtThePriceItPinned) {
  Expect(Granted({1, 1}, kNoon + Minutes(6), Pinned(1)));
  SettleEntry settle = Settled({1, 1}, kNoon + Minutes(12), Tokens3(3, 0, 2), Pinned(1));
  ExpectRefused(settle, "where its tariff says 0.000000001460");  // 3 x 200 x 1.1 + 2 x 400
  settle.charge = Pico(1'460);
  Expect(settle);
  EXPECT_EQ(books_.meters().buckets().begin()->first.posted, 1u);
  const StatementInput input = GatherStatement(books_, kAcme, kNoon, kNoon + Hours(1), books_.tariffs()[1].tariff);
  const rating::Bill bill = PreviewStatement(input, Head()).bill;
  EXPECT_EQ(bill.posted, Pico(1'460));
  EXPECT_EQ(bill.rerated, Pico(0));
  ASSERT_GE(bill.lines.size(), 2u);
  EXPECT_EQ(bill.lines[0].unit_price, Pico(220));
  EXPECT_EQ(bill.lines[1].unit_price, Pico(400));
}

TEST_F(PinTest, APriceThatDoesNotFitIsRefused) {
  const Instant at = kNoon + Minutes(6);
  ExpectRefused(Granted({1, 1}, at, Pinned(4)), "unknown price 4");
  ExpectRefused(Granted({1, 1}, at, Pinned(2)), "price 2 is not in force");
  ExpectRefused(Granted({1, 1}, kNoon + Minutes(10), Pinned(1)), "price 1 is not in force");
  ExpectRefused(Granted({1, 1}, kNoon + Minutes(11), Pinned(3)), "price 3 is of another tenant");
  GrantTerms other = Pinned(1);
  other.served = ServiceClass::kPriority;
  ExpectRefused(Granted({1, 1}, at, other), "does not couple that class");
  other = Pinned(1);
  other.tariff = 1;
  ExpectRefused(Granted({1, 1}, at, other), "does not couple that class");
  other = Pinned(1);
  other.pool = kUnpriced;
  ExpectRefused(Granted({1, 1}, at, other), "is of another pool");
  GrantTerms bolt = TermsOf(kBolt);
  bolt.tariff = 2;
  bolt.posted = 3;
  Expect(Granted({1, 1}, kNoon + Minutes(11), bolt));
  ExpectRefused(Granted({1, 2}, kNoon + Minutes(20), bolt), "price 3 is not in force");
}

// Statements.

TEST_F(MarketTest, AStatementSaysWhatReservationsPostedAndWhatWasUsed) {
  Buy({Step(kTwo, kTwo + Hours(1), 5)});  // 60,000 x 5
  Expect(Then(Event::kActivate, kTwo, State::kActive));
  const GrantTerms inside = TermsOf(kAcme, ServiceClass::kReserved);
  GrantEntry grant = Granted({1, 1}, kTwo, inside);
  grant.reservation = 1;
  grant.queued = Milliseconds(30);
  Expect(grant);
  SettleEntry settle = Settled({1, 1}, kTwo + Minutes(1), TokenCounts(), inside);
  settle.work = settle.attributions[0].work = Work(1'200'001);  // of 3,600,000
  Expect(settle);
  ExpectRefused(Delivered(kTwo, kTwo + Hours(1)), "not what its settlements come to");
  DeliveryEntry delivery = Delivered(kTwo, kTwo + Hours(1));
  delivery.delivered = Work(1'200'001);
  delivery.requests = 1;
  delivery.queued = delivery.longest_queued = Milliseconds(30);
  Expect(delivery);
  Expect(Then(Event::kComplete, kTwo + Hours(1), State::kCompleted));
  Buy(two_hours_);
  ReservationEntry cancel = Then(Event::kCancel, kNoon, State::kCancelled);
  cancel.charges = {{Charge::Kind::kRefund, -120'000, 4, 5}};
  Expect(cancel);

  const Tariff& tariff = books_.tariffs()[0].tariff;
  const StatementInput input = GatherStatement(books_, kAcme, kNoon, kFour, tariff);
  const rating::Bill bill = PreviewStatement(input, Head()).bill;
  // Kind, reservation, quantity, exact, effective.
  using Row = std::tuple<rating::LineKind, uint32_t, int64_t, int64_t, int64_t>;
  std::vector<Row> rows;
  Money effective;
  for (const rating::Line& line : bill.lines) {
    rows.emplace_back(line.kind, line.reservation, static_cast<int64_t>(line.quantity),
                      static_cast<int64_t>(line.exact.pico()), static_cast<int64_t>(line.effective.pico()));
    effective += line.effective;
  }
  using enum rating::LineKind;
  EXPECT_EQ(rows, (std::vector<Row>{{kPurchase, 1, 60'000, 300'000, 0},
                                    {kReservedUsed, 1, 1'200'001, 0, 100'000},
                                    {kReservedUnused, 1, 2'399'999, 0, 200'000},
                                    {kPurchase, 2, 120'000, 600'000, 0},
                                    {kRefund, 2, -120'000, -480'000, 120'000},
                                    {kDemand, 0, 1'200'001, 8'400'007, 0}}));
  EXPECT_EQ(bill.posted, Bought1());
  EXPECT_EQ(bill.rerated, Money());
  EXPECT_EQ(effective, Euros().revenue) << "what the lines earned is what the books earned";

  StatementEntry closed = RateStatement(input, 1);
  closed.id = 1;
  closed.at = kFour + kCloseAfter;
  EXPECT_TRUE(CheckStatement(books_, closed).ok()) << CheckStatement(books_, closed);
  StatementEntry other = closed;
  other.lines[1].effective = Pico(1);
  EXPECT_FALSE(CheckStatement(books_, other).ok());
  Expect(closed);
  EXPECT_EQ(Euros().revenue + Euros().unearned, Bought1() + Pico(8'400'007)) << "closing posts nothing twice";
}

TEST_F(MarketTest, AnotherReservationIsAnotherFingerprint) {
  const Tariff& tariff = books_.tariffs()[0].tariff;
  const auto fingerprint = [&] { return FingerprintOf(GatherStatement(books_, kAcme, kNoon, kFour, tariff)); };
  const uint64_t none = fingerprint();
  Buy(two_hours_);
  const uint64_t bought = fingerprint();
  EXPECT_NE(bought, none);
  Expect(Then(Event::kActivate, kTwo, State::kActive));
  EXPECT_EQ(fingerprint(), bought);
  Expect(Delivered(kTwo, kTwo + Minutes(1)));
  EXPECT_NE(fingerprint(), bought);
}

// Rows.

TEST_F(MarketTest, RowsGiveBackEverything) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  Instant now = kNoon;
  std::map<std::string, std::string> rows;
  const auto take = [&] {
    RowBatch batch;
    books_.TakeChanges(Head(), &batch);
    batch.ForEach([&](RowBatch::Change change, std::string_view key, std::string_view value) {
      if (change == RowBatch::Change::kPut) rows[std::string(key)] = value;
      if (change == RowBatch::Change::kDelete) rows.erase(std::string(key));
      if (change == RowBatch::Change::kDeleteRange) {
        rows.erase(rows.lower_bound(std::string(key)), rows.lower_bound(std::string(value)));
      }
    });
  };
  for (int i = 0; i < 2'000; ++i) {
    now = now + Seconds(random.Between(0, 300));
    if (const std::optional<Entry> entry = SomeMarketEntry(books_, now, &random)) {
      const absl::Status applied = books_.Apply(*entry);
      ASSERT_TRUE(applied.ok()) << applied << ", entry type " << entry->index() + 1;
    }
    if (random.OneIn(50)) take();
  }
  take();
  ASSERT_TRUE(books_.CheckInvariants().ok()) << books_.CheckInvariants();
  BooksLoader loader(kRememberedEnds);
  for (const auto& [key, value] : rows) {
    const absl::Status added = loader.Add(key, value);
    ASSERT_TRUE(added.ok()) << added;
  }
  absl::StatusOr<Books> loaded = loader.Finish();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_TRUE(*loaded == books_);
  std::map<std::string, std::string> all;
  ASSERT_TRUE(books_
                  .TakeAll(Head(),
                           [&](std::string_view key, std::string_view value) {
                             all[std::string(key)] = value;
                             return absl::OkStatus();
                           })
                  .ok());
  EXPECT_EQ(all, rows);
}

}  // namespace
}  // namespace penstock::ledger
