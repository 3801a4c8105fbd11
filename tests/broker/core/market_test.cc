// Buying throughput ahead of time, in sentences.
#include <gtest/gtest.h>

#include "tests/broker/core/market_fixture.h"

namespace penstock::core {
namespace {

using ledger::ReservationState;
using What = ChangeReservation::What;

// ---- Quotes.

TEST_F(MarketTest, AQuoteSaysWhatAWindowCostsAndWhy) {
  const Quoted quoted = Expect<Quoted>(Wanted("shop", {Step(24, 33, 100)}));
  EXPECT_EQ(quoted.quote.id, 1u);
  EXPECT_EQ(quoted.quote.basis.floor, 10);
  EXPECT_EQ(quoted.quote.basis.utilisation, 200) << "100 of 500 that are for sale";
  EXPECT_EQ(quoted.quote.expires, world_.now() + Minutes(10));
  // 100,000 milli-nt/s x 540 minutes x 10 pico.
  EXPECT_EQ(quoted.price, ledger::Money::FromPico(int64_t{100'000} * 540 * 10));
}

TEST_F(MarketTest, AskingOnlyLeavesNoTrace) {
  AskQuote ask = Wanted("shop", {Step(24, 33, 100)});
  ask.caller.validate_only = true;
  EXPECT_EQ(Expect<Quoted>(ask).quote.id, 0u);
  EXPECT_EQ(world_.engine().books().market().last_quote(), 0u);
}

TEST_F(MarketTest, WhatIsNotThereComesWithAlternatives) {
  const NotSellable no = Expect<NotSellable>(Wanted("shop", {Step(24, 33, 501)}));
  EXPECT_EQ(no.scarce, NotSellable::What::kThroughput);
  EXPECT_EQ(no.room, NormalizedTokensPerSecond(500).count());
  ASSERT_FALSE(no.alternatives.empty());
  EXPECT_EQ(no.alternatives.front().kind, ledger::Alternative::Kind::kLowerRate);
}

TEST_F(MarketTest, WindowsThatMakeNoSenseAreNamedErrors) {
  const auto error = [this](ledger::RateStep step) {
    return Expect<Error>(Wanted("shop", {step}));
  };
  EXPECT_EQ(error(Step(-3, 2, 10)).field, "steps[0].from");
  EXPECT_EQ(error(Step(3, 3, 10)).field, "steps[0].to");
  EXPECT_EQ(error(Step(3, 2, 10)).field, "steps[0].to");
  EXPECT_EQ(error(Step(3, 4, 0)).field, "steps[0].rate");
  EXPECT_EQ(error(Step(3, 400 * 24, 10)).field, "steps[0].to");
  ledger::RateStep crooked = Step(3, 4, 10);
  crooked.from = crooked.from + Seconds(1);
  EXPECT_EQ(error(crooked).field, "steps[0].from");
  EXPECT_EQ(Expect<Error>(Wanted("shop", {Step(3, 5, 10), Step(4, 6, 10)})).field, "steps[1].from");
  AskQuote foreign = Wanted("shop", {Step(3, 4, 10)});
  foreign.wish.project = "moon";
  EXPECT_EQ(Refused(foreign), ErrorReason::kUnknownProject);
}

TEST_F(MarketTest, APoolWithoutAMarketSellsNothing) {
  world_.settings().pools.front().market.open = false;
  world_.Restart();
  EXPECT_EQ(Refused(Wanted("shop", {Step(24, 33, 100)})), ErrorReason::kMarketClosed);
}

TEST_F(MarketTest, AQuoteIsAcceptedOnceInTimeByItsTenant) {
  const ledger::QuoteEntry quote = QuoteFor("shop", {Step(24, 33, 100)});
  AcceptQuote accept{.ticket = 0, .caller = Caller("acme"), .quote = quote.id};
  EXPECT_EQ(Refused(accept), ErrorReason::kUnknownQuote) << "another tenant's";
  accept.caller = Caller("shop");
  EXPECT_EQ(Expect<ReservationChanged>(accept).state, ReservationState::kScheduled);
  EXPECT_EQ(Refused(accept), ErrorReason::kQuoteEnded) << "a second accept";
  accept.quote = QuoteFor("shop", {Step(24, 33, 100)}).id;
  world_.Advance(Minutes(11));
  EXPECT_EQ(Refused(accept), ErrorReason::kQuoteEnded) << "expired";
  accept.quote = QuoteFor("shop", {Step(24, 33, 100)}).id;
  Expect<QuoteWithdrawn>(WithdrawQuote{.ticket = 0, .caller = Caller("shop"), .quote = accept.quote});
  EXPECT_EQ(Refused(accept), ErrorReason::kQuoteEnded) << "withdrawn";
}

TEST_F(MarketTest, ARepeatedRequestIsAnsweredAgainAndNotDoneAgain) {
  AskQuote ask = Wanted("shop", {Step(24, 33, 100)});
  ask.caller.request_id = "q";
  const Quoted first = Expect<Quoted>(ask);
  const Quoted again = Expect<Quoted>(ask);
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.quote, first.quote);
  ask.caller.body = ledger::DigestOf("another body");
  EXPECT_EQ(Refused(ask), ErrorReason::kRequestIdReused);
  AcceptQuote accept{.ticket = 0, .caller = Caller("shop", "a"), .quote = first.quote.id};
  const ReservationChanged bought = Expect<ReservationChanged>(accept);
  world_.Restart();
  const ReservationChanged repeated = Expect<ReservationChanged>(accept);
  EXPECT_TRUE(repeated.repeated);
  EXPECT_EQ(repeated.id, bought.id);
  EXPECT_EQ(repeated.charge, bought.charge);
  EXPECT_EQ(world_.engine().books().market().last_reservation(), 1u);
}

TEST_F(MarketTest, OfTwoWhoRaceForTheLastUnitOneWinsAndTheOtherGetsAlternatives) {
  const uint64_t a = QuoteFor("shop", {Step(24, 33, 300)}).id;
  const uint64_t b = QuoteFor("acme", {Step(24, 33, 300)}).id;
  Expect<ReservationChanged>(AcceptQuote{.ticket = 0, .caller = Caller("acme"), .quote = b});
  const NotSellable no = Expect<NotSellable>(AcceptQuote{.ticket = 0, .caller = Caller("shop"), .quote = a});
  EXPECT_EQ(no.room, NormalizedTokensPerSecond(200).count());
  EXPECT_FALSE(no.alternatives.empty());
  EXPECT_EQ(world_.engine().books().market().last_reservation(), 1u);
}

TEST_F(MarketTest, WhatIsMissingNowIsSoldToNobodyWithinTheHour) {
  Buy("acme", {Step(0, 4, 300)});
  SetCapacity lost;
  lost.pool = world_.PoolNamed("chat");
  lost.capacity = NormalizedTokensPerSecond(900);  // 410 of the 500 that were for sale: 90 are missing
  world_.Do(lost);
  GoTo(Hour(0) - Minutes(10));
  EXPECT_EQ(Expect<NotSellable>(Wanted("shop", {Step(0, 4, 111)})).room, NormalizedTokensPerSecond(110).count());
  Buy("shop", {Step(0, 4, 70)});
  EXPECT_EQ(Expect<NotSellable>(Wanted("shop", {Step(0, 4, 41)})).room, NormalizedTokensPerSecond(40).count())
      << "what begins within the hour is not sold twice";
  Buy("shop", {Step(0, 4, 40)});
  EXPECT_EQ(Expect<NotSellable>(Wanted("shop", {Step(0, 1, 1)})).room, 0);
  Expect<Quoted>(Wanted("shop", {Step(1, 4, 90)}));  // it may be back by then
}

// ---- Money.

TEST_F(MarketTest, WhatWasBoughtIsOwedAtOnceAndEarnedHourByHour) {
  const uint32_t id = Buy("shop", {Step(24, 27, 100)});
  const ledger::Money price = ledger::Money::FromPico(int64_t{100'000} * 180 * 10);
  EXPECT_EQ(Record(id).paid, price);
  EXPECT_EQ(Record(id).unearned, price);
  GoTo(Hour(25));
  EXPECT_EQ(Record(id).earned, ledger::Money::FromPico(int64_t{100'000} * 60 * 10));
  GoTo(Hour(27));
  EXPECT_EQ(Record(id).earned, price);
  EXPECT_TRUE(Record(id).unearned.IsZero());
  EXPECT_EQ(StateOf(id), ReservationState::kCompleted);
  world_.engine().CheckInvariants();
}

TEST_F(MarketTest, ACancellationShowsItsRefundFirst) {
  const uint32_t id = Buy("shop", {Step(48, 57, 100)});
  ChangeReservation cancel = ChangeOf("shop", id, What::kCancel);
  cancel.caller.validate_only = true;
  const ledger::Money back = Changed(cancel).charge;
  EXPECT_EQ(-back, ledger::Money::FromPico(int64_t{100'000} * 540 * 9)) << "90 %";
  EXPECT_EQ(StateOf(id), ReservationState::kScheduled) << "nothing has happened yet";
  cancel.caller.validate_only = false;
  EXPECT_EQ(Changed(cancel).charge, back);
  EXPECT_EQ(StateOf(id), ReservationState::kCancelled);
  EXPECT_EQ(Refused(cancel), ErrorReason::kIllegalTransition) << "once";
  Expect<Quoted>(Wanted("shop", {Step(48, 57, 500)}));  // all of it can be sold again
}

TEST_F(MarketTest, WhatBeginsWithinTheLockTimeCannotBeCancelledOnlySoldBack) {
  const uint32_t id = Buy("shop", {Step(10, 19, 100)});
  EXPECT_EQ(Refused(ChangeOf("shop", id, What::kCancel)), ErrorReason::kReservationLocked);
  const ReservationChanged sold = Changed(ChangeOf("shop", id, What::kSellBack));
  // A fifth is sold: a spread of 42 % of an ask of 10, rounded down to 5.
  EXPECT_EQ(-sold.charge, ledger::Money::FromPico(int64_t{100'000} * 540 * 5));
  world_.Tick(Duration::Zero());
  EXPECT_EQ(StateOf(id), ReservationState::kCompleted);
  Expect<Quoted>(Wanted("shop", {Step(10, 19, 500)}));
}

TEST_F(MarketTest, APartIsSoldBackFromWhatIsToCome) {
  const uint32_t id = Buy("shop", {Step(10, 20, 100)});
  GoTo(Hour(12) + Minutes(30));
  EXPECT_EQ(Refused(ChangeOf("shop", id, What::kSellBack, {Step(11, 13, 50)})), ErrorReason::kInvalidArgument);
  EXPECT_EQ(Refused(ChangeOf("shop", id, What::kSellBack, {Step(15, 16, 101)})), ErrorReason::kInvalidArgument);
  Changed(ChangeOf("shop", id, What::kSellBack, {Step(15, 16, 60)}));
  EXPECT_EQ(StateOf(id), ReservationState::kActive);
  EXPECT_EQ(ledger::RateAt(Record(id).terms.steps, Hour(15)), NormalizedTokensPerSecond(40));
  EXPECT_EQ(ledger::RateAt(Record(id).terms.steps, Hour(16)), NormalizedTokensPerSecond(100));
  GoTo(Hour(20));
  EXPECT_EQ(StateOf(id), ReservationState::kCompleted);
  EXPECT_TRUE(Record(id).unearned.IsZero());
  world_.engine().CheckInvariants();
}

// ---- Amendments.

TEST_F(MarketTest, AnAmendmentUpDownAndAsideKeepsWhatItCan) {
  const uint32_t id = Buy("shop", {Step(48, 57, 100)});
  ReservationChanged more = Changed(ChangeOf("shop", id, What::kAmend, {Step(48, 57, 150)}));
  EXPECT_EQ(more.charge, ledger::Money::FromPico(int64_t{50'000} * 540 * 10));
  ReservationChanged aside = Changed(ChangeOf("shop", id, What::kAmend, {Step(49, 58, 150)}));
  EXPECT_EQ(aside.charges.size(), 2u) << "an hour bought, an hour given back";
  ReservationChanged less = Changed(ChangeOf("shop", id, What::kAmend, {Step(49, 58, 20)}));
  EXPECT_TRUE(less.charge.IsNegative());
  EXPECT_EQ(Refused(ChangeOf("shop", id, What::kAmend, {Step(49, 58, 20)})), ErrorReason::kNothingToChange);
  EXPECT_EQ(ledger::RateAt(Record(id).terms.steps, Hour(57)), NormalizedTokensPerSecond(20));
  world_.engine().CheckInvariants();
}

TEST_F(MarketTest, AnAmendmentThatDoesNotFitLeavesTheLastGoodTerms) {
  const uint32_t id = Buy("shop", {Step(48, 57, 100)});
  Buy("acme", {Step(50, 51, 350)});
  const auto before = Record(id).terms;
  const NotSellable no = Expect<NotSellable>(ChangeOf("shop", id, What::kAmend, {Step(48, 57, 200)}));
  EXPECT_EQ(no.tightest, Hour(50));
  EXPECT_EQ(no.room, NormalizedTokensPerSecond(50).count());
  EXPECT_EQ(Record(id).terms, before);
  EXPECT_EQ(Record(id).version(), 1u);
}

TEST_F(MarketTest, AStaleEtagChangesNothing) {
  const uint32_t id = Buy("shop", {Step(48, 57, 100)});
  ChangeReservation amend = ChangeOf("shop", id, What::kAmend, {Step(48, 57, 150)});
  amend.etag = 1;
  EXPECT_EQ(Changed(amend).version, 2u);
  amend.steps = {Step(48, 57, 160)};
  EXPECT_EQ(Refused(amend), ErrorReason::kStaleEtag);
  amend.caller = Caller("acme");
  EXPECT_EQ(Refused(amend), ErrorReason::kUnknownReservation) << "another tenant's";
}

// ---- Approvals.

class ApprovalTest : public MarketTest {
 protected:
  static EngineSettings Strict() {
    EngineSettings settings = MarketWorld();
    settings.pools.front().market.approval_above = ledger::Money::FromPico(int64_t{150'000} * 540 * 10);
    return settings;
  }
  ApprovalTest() : MarketTest(Strict()) {}
  DecideReservation Decision(uint32_t id, bool approve) const {
    DecideReservation decide;
    decide.caller = Caller("shop");
    decide.reservation = id;
    decide.approve = approve;
    return decide;
  }
};

TEST_F(ApprovalTest, ADearPurchaseWaitsAndHoldsItsCapacity) {
  const uint32_t id = Buy("shop", {Step(48, 57, 200)});
  EXPECT_EQ(StateOf(id), ReservationState::kPending);
  EXPECT_EQ(Expect<NotSellable>(Wanted("acme", {Step(48, 57, 400)})).room, NormalizedTokensPerSecond(300).count());
  EXPECT_EQ(Expect<ReservationChanged>(Decision(id, true)).state, ReservationState::kScheduled);
  EXPECT_EQ(Refused(Decision(id, true)), ErrorReason::kIllegalTransition);
}

TEST_F(ApprovalTest, ARejectedPurchaseIsPaidBackWhole) {
  const uint32_t id = Buy("shop", {Step(48, 57, 200)});
  Expect<ReservationChanged>(Decision(id, false));
  EXPECT_EQ(StateOf(id), ReservationState::kRejected);
  EXPECT_EQ(Record(id).paid, Record(id).returned);
  Expect<Quoted>(Wanted("acme", {Step(48, 57, 500)}));
}

TEST_F(ApprovalTest, WhatNobodyApprovedInTimeIsRejectedWhenItWouldBegin) {
  const uint32_t id = Buy("shop", {Step(48, 57, 200)});
  GoTo(Hour(48));
  EXPECT_EQ(StateOf(id), ReservationState::kRejected);
  EXPECT_EQ(Record(id).paid, Record(id).returned);
  world_.engine().CheckInvariants();
}

TEST_F(ApprovalTest, TheLastGoodTermsHoldUntilADearAmendmentWins) {
  const uint32_t id = Buy("shop", {Step(48, 57, 100)});
  Changed(ChangeOf("shop", id, What::kAmend, {Step(48, 57, 300)}));
  EXPECT_EQ(StateOf(id), ReservationState::kAmending);
  EXPECT_EQ(ledger::RateAt(Record(id).terms.steps, Hour(50)), NormalizedTokensPerSecond(100));
  EXPECT_EQ(Expect<ReservationChanged>(Decision(id, true)).state, ReservationState::kScheduled);
  EXPECT_EQ(ledger::RateAt(Record(id).terms.steps, Hour(50)), NormalizedTokensPerSecond(300));
  Changed(ChangeOf("shop", id, What::kAmend, {Step(48, 57, 480)}));
  Buy("acme", {Step(48, 57, 100)});  // somebody else takes it meanwhile
  Expect<NotSellable>(Decision(id, true));
  Expect<ReservationChanged>(Decision(id, false));
  EXPECT_EQ(ledger::RateAt(Record(id).terms.steps, Hour(50)), NormalizedTokensPerSecond(300));
}

// ---- By the clock.

TEST_F(MarketTest, AGuaranteeHoldsFromItsNanosecondOn) {
  Buy("shop", {Step(10, 11, 300)});
  const admission::Scheduler& scheduler = world_.engine().pools().front()->scheduler();
  (void)scheduler;
  GoTo(Hour(10) - Nanoseconds(1));
  Granted before = world_.GrantNow(world_.Request("shop", "before"));
  EXPECT_EQ(before.terms.served, ServiceClass::kSpillover) << "not yet";
  GoTo(Hour(10));
  Granted after = world_.GrantNow(world_.Request("shop", "after"));
  EXPECT_EQ(after.terms.served, ServiceClass::kReserved);
  GoTo(Hour(11) - Nanoseconds(1));
  EXPECT_EQ(world_.GrantNow(world_.Request("shop", "last")).terms.served, ServiceClass::kReserved);
  GoTo(Hour(11));
  EXPECT_NE(world_.GrantNow(world_.Request("shop", "over")).terms.served, ServiceClass::kReserved);
}

TEST_F(MarketTest, AtMidnightOneReservationFollowsTheOtherWithoutAGap) {
  Buy("shop", {Step(10, 12, 300)});
  Buy("shop", {Step(12, 14, 300)});
  for (const Duration d : {-Nanoseconds(1), Duration::Zero(), Nanoseconds(1)}) {
    GoTo(Hour(12) + d);
    EXPECT_EQ(world_.GrantNow(world_.Request("shop", std::to_string(d.count()))).terms.served, ServiceClass::kReserved);
  }
}

TEST_F(MarketTest, OverlappingReservationsOfATenantAddUp) {
  const uint32_t a = Buy("shop", {Step(10, 14, 100)});
  const uint32_t b = Buy("shop", {Step(12, 16, 200)});
  GoTo(Hour(13));
  EXPECT_EQ(StateOf(a), ReservationState::kActive);
  EXPECT_EQ(StateOf(b), ReservationState::kActive);
  GoTo(Hour(15));
  EXPECT_EQ(StateOf(a), ReservationState::kCompleted);
  EXPECT_EQ(StateOf(b), ReservationState::kActive);
}

TEST_F(MarketTest, CapacityLossDegradesTheLastBoughtFirstAndRestoresIt) {
  const uint32_t first = Buy("shop", {Step(10, 14, 200)});
  const uint32_t second = Buy("acme", {Step(10, 14, 200)});
  GoTo(Hour(11));
  SetCapacity lost;
  lost.pool = world_.PoolNamed("chat");
  lost.capacity = NormalizedTokensPerSecond(650);  // 400 stand for ever, 250 are left of 400
  world_.Do(lost);
  EXPECT_EQ(StateOf(first), ReservationState::kActive);
  EXPECT_EQ(StateOf(second), ReservationState::kDegraded);
  EXPECT_EQ(Record(second).guaranteed, NormalizedTokensPerSecond(50));
  world_.Restart();
  EXPECT_EQ(StateOf(second), ReservationState::kActive) << "the settings' capacity is back with a restart";
  world_.Do(lost);
  GoTo(Hour(12));
  const auto& deliveries = world_.engine().books().market().deliveries();
  EXPECT_LT(deliveries.at({second, Hour(11)}).guaranteed, deliveries.at({second, Hour(11)}).promised);
  lost.capacity = NormalizedTokensPerSecond(1'000);
  world_.Do(lost);
  EXPECT_EQ(StateOf(second), ReservationState::kActive);
  GoTo(Hour(14));
  EXPECT_EQ(StateOf(second), ReservationState::kCompleted);
  world_.engine().CheckInvariants();
}

TEST_F(MarketTest, NobodyIsCutAtTheMomentAtWhichOneFollowsTheOther) {
  for (const auto& [from, to] : {std::pair(10, 12), std::pair(14, 16), std::pair(12, 14)}) {
    Buy("shop", {Step(from, to, 200)});
  }
  SetCapacity lost;
  lost.pool = world_.PoolNamed("chat");
  lost.capacity = NormalizedTokensPerSecond(600);  // 200 are left: for one at a time
  world_.Do(lost);
  GoTo(Hour(17));
  for (uint32_t id = 1; id <= 3; ++id) {
    ASSERT_EQ(StateOf(id), ReservationState::kCompleted);
    for (const ledger::ReservationChange& change : Record(id).history) {
      EXPECT_NE(change.event, ledger::ReservationEvent::kDegrade) << "reservation " << id;
    }
  }
}

TEST_F(MarketTest, AnOperatorSuspendsAndResumes) {
  const uint32_t id = Buy("shop", {Step(10, 14, 200)});
  GoTo(Hour(11));
  Changed(ChangeOf("shop", id, What::kSuspend));
  EXPECT_NE(world_.GrantNow(world_.Request("shop", "a")).terms.served, ServiceClass::kReserved);
  Changed(ChangeOf("shop", id, What::kResume));
  EXPECT_EQ(world_.GrantNow(world_.Request("shop", "b")).terms.served, ServiceClass::kReserved);
}

// ---- Service level.

TEST_F(MarketTest, WhatWasDeliveredIsCountedFromSettlements) {
  const uint32_t id = Buy("shop", {Step(10, 12, 300)});
  GoTo(Hour(10) + Minutes(5));
  const Granted granted = world_.GrantNow(world_.Request("shop", "a"));
  world_.CompleteNow(granted, 10, 40);
  world_.Restart();
  GoTo(Hour(11));
  const ledger::DeliveryEntry& delivery = world_.engine().books().market().deliveries().at({id, Hour(10)});
  EXPECT_EQ(delivery.requests, 1);
  EXPECT_EQ(delivery.missed, 0);
  EXPECT_EQ(delivery.delivered, NormalizedTokens(10 + 40 * 4));
  EXPECT_EQ(delivery.promised, NormalizedTokens(300 * 3'600));
}

TEST_F(MarketTest, AnHourThatWasCutPostsAServiceCredit) {
  const uint32_t id = Buy("shop", {Step(10, 12, 400)});
  GoTo(Hour(10));
  SetCapacity lost;
  lost.pool = world_.PoolNamed("chat");
  lost.capacity = NormalizedTokensPerSecond(600);  // 200 of 400: half is guaranteed
  world_.Do(lost);
  GoTo(Hour(12) + Minutes(1));
  ASSERT_EQ(StateOf(id), ReservationState::kCompleted);
  const auto& credits = world_.engine().books().accounts().credits();
  ASSERT_EQ(credits.size(), 1u);
  EXPECT_EQ(credits.front().granted.credit.kind, ledger::rating::Credit::Kind::kService);
  EXPECT_EQ(credits.front().granted.credit.amount, ledger::Money::FromPico(int64_t{400'000} * 120 * 12 / 2)) << "scarce: 12 a minute";
}

TEST_F(MarketTest, RecurringWindowsAreCreditedDayByDay) {
  const uint32_t id = Buy("shop", {Step(10, 11, 400), Step(34, 35, 400)});
  SetCapacity lost;
  lost.pool = world_.PoolNamed("chat");
  lost.capacity = NormalizedTokensPerSecond(600);  // half is guaranteed, on both days
  GoTo(Hour(10));
  world_.Do(lost);
  GoTo(Hour(11) + Minutes(1));
  EXPECT_EQ(StateOf(id), ReservationState::kActive);
  ASSERT_EQ(world_.engine().books().accounts().credits().size(), 1u) << "for today, though there is more to come";
  GoTo(Hour(36));
  const auto& credits = world_.engine().books().accounts().credits();
  ASSERT_EQ(credits.size(), 2u);
  EXPECT_EQ(credits[0].granted.credit.amount, credits[1].granted.credit.amount);
}

TEST_F(MarketTest, SpeedCountsOnlyWhenTheProviderReportsItAndWithinReason) {
  const uint32_t id = Buy("shop", {Step(10, 12, 300)});
  GoTo(Hour(10) + Minutes(5));
  Complete complete = world_.CompletionOf(world_.GrantNow(world_.Request("shop", "a")), 10, 40);
  complete.first_token_at = Instant(INT64_MIN + 1);
  complete.ended_at = Instant::Max();
  Expect<Completed>(complete);
  complete = world_.CompletionOf(world_.GrantNow(world_.Request("shop", "b")), 10, 40);
  world_.Tick(Seconds(30));
  complete.first_token_at = world_.now();  // half a minute, says who would be paid for it
  complete.on_behalf_of = world_.TenantNamed("shop");
  Expect<Completed>(complete);
  EXPECT_EQ(Record(id).in_hand.requests, 2);
  EXPECT_EQ(Record(id).in_hand.slow_first, 0);
}

class TwoPoolsTest : public MarketTest {
 protected:
  TwoPoolsTest() : MarketTest(WithPool(MarketWorld(), "annex")) {}
};

TEST_F(TwoPoolsTest, WhatIsInAPoolThatIsGoneIsNotTouched) {
  AskQuote ask = Wanted("shop", {Step(48, 57, 100)});
  ask.wish.pool = world_.PoolNamed("annex");
  AcceptQuote accept{.ticket = 0, .caller = Caller("shop"), .quote = Expect<Quoted>(ask).quote.id};
  const uint32_t id = Expect<ReservationChanged>(accept).id;
  world_.settings().pools.pop_back();
  world_.Restart();
  EXPECT_EQ(Refused(ChangeOf("shop", id, What::kCancel)), ErrorReason::kMarketClosed);
  EXPECT_EQ(Refused(ChangeOf("shop", id, What::kSellBack)), ErrorReason::kMarketClosed);
}

// ---- Bids and prices.

TEST_F(MarketTest, BidsThatEndedDoNotCountAsTooMany) {
  PlaceBid place;
  place.caller = Caller("shop");
  place.wish = Wanted("shop", {Step(48, 57, 100)}).wish;
  place.limit_price = 1;
  place.expires = Hour(47);
  for (int i = 0; i < 1'001; ++i) {
    const uint64_t id = Expect<BidPlaced>(place).id;
    Expect<BidWithdrawn>(WithdrawBid{.ticket = 0, .caller = Caller("shop"), .bid = id});
  }
}

TEST_F(MarketTest, AStandingBidFillsWhenTheAskComesDownToIt) {
  Buy("acme", {Step(48, 57, 450)});
  PlaceBid place;
  place.caller = Caller("shop");
  place.wish = Wanted("shop", {Step(48, 57, 100)}).wish;
  place.limit_price = 12;
  place.expires = Hour(47);
  const BidPlaced placed = Expect<BidPlaced>(place);
  EXPECT_EQ(placed.reservation, 0u);
  EXPECT_EQ(placed.ask, 0) << "it cannot be had now";
  Changed(ChangeOf("acme", 1, What::kCancel));
  world_.Advance(Minutes(2));
  const ledger::BidRecord& bid = *world_.engine().books().market().FindBid(placed.id);
  EXPECT_EQ(bid.state, ledger::BidState::kFilled);
  EXPECT_EQ(Record(bid.reservation).terms.steps.front().unit_price, 10);
}

TEST_F(MarketTest, ABidThatNothingFillsExpires) {
  PlaceBid place;
  place.caller = Caller("shop");
  place.wish = Wanted("shop", {Step(48, 57, 100)}).wish;
  place.limit_price = 9;
  place.expires = Hour(2);
  const BidPlaced placed = Expect<BidPlaced>(place);
  EXPECT_EQ(placed.ask, 10);
  GoTo(Hour(2) + Minutes(2));
  EXPECT_EQ(world_.engine().books().market().FindBid(placed.id)->state, ledger::BidState::kExpired);
  EXPECT_EQ(Refused(WithdrawBid{.ticket = 0, .caller = Caller("shop"), .bid = placed.id}), ErrorReason::kBidEnded);
}

TEST_F(MarketTest, AnIdlePoolGetsCheaperStepByStepAndSaysSoAhead) {
  world_.Advance(Minutes(2));
  const auto& prices = world_.engine().books().market().prices();
  ASSERT_EQ(prices.size(), 1u);
  EXPECT_EQ(prices[0].multiplier, 800);
  EXPECT_EQ(prices[0].from - prices[0].at, Minutes(5));
  EXPECT_EQ(prices[0].prices[TokenKind::kOutput], 2'400'000 * 8 / 10);
  const Granted before = world_.GrantNow(world_.Request("shop", "a"));
  EXPECT_EQ(before.terms.posted, 0u);
  world_.Advance(Minutes(6));
  const Granted after = world_.GrantNow(world_.Request("shop", "b"));
  EXPECT_EQ(after.terms.posted, 1u);
  EXPECT_EQ(world_.CompleteNow(before, 10, 10).charge, ledger::Money::FromPico(10 * 600'000 + 10 * 2'400'000));
  EXPECT_EQ(world_.CompleteNow(after, 10, 10).charge, ledger::Money::FromPico(10 * 480'000 + 10 * 1'920'000));
}

TEST_F(MarketTest, WithoutACurveNoPriceIsPostedAnyMore) {
  world_.Advance(Minutes(10));
  const PoolId chat = world_.PoolNamed("chat");
  ASSERT_NE(world_.engine().PostedNow(chat, 1), nullptr);
  EXPECT_EQ(world_.engine().PostedNow(chat, 2), nullptr) << "who pays by another tariff pays its flat prices";
  world_.settings().pools.front().market.posted.curve.clear();
  world_.Restart();
  EXPECT_EQ(world_.engine().PostedNow(chat, 1), nullptr);
  EXPECT_EQ(world_.engine().PostedNext(chat, 1), nullptr);
  const Granted flat = world_.GrantNow(world_.Request("shop", "a"));
  EXPECT_EQ(flat.terms.posted, 0u);
  EXPECT_EQ(world_.CompleteNow(flat, 10, 10).charge, ledger::Money::FromPico(10 * 600'000 + 10 * 2'400'000));
}

TEST_F(MarketTest, WhatIsPostedByAnotherTariffIsNoMeasureForACap) {
  world_.Advance(Minutes(10));  // the posted price has come down
  world_.settings().tariff.version = "next";
  world_.Restart();
  PinPrice pin;
  pin.caller = Caller("shop");
  pin.pool = world_.PoolNamed("chat");
  pin.cap = true;
  pin.for_time = Hours(5);
  EXPECT_EQ(Expect<PricePinned>(pin).price.multiplier, 1'250) << "a quarter above the flat price that it pays";
}

TEST_F(MarketTest, ALockedPriceStaysAndACappedOneIsNeverMore) {
  PinPrice pin;
  pin.caller = Caller("shop");
  pin.pool = world_.PoolNamed("chat");
  pin.for_time = Hours(5);
  const PricePinned locked = Expect<PricePinned>(pin);
  EXPECT_EQ(locked.price.multiplier, 1'100);
  world_.Advance(Minutes(10));  // the posted price has come down
  EXPECT_EQ(world_.GrantNow(world_.Request("shop", "a")).terms.posted, locked.price.id);
  world_.Advance(Hours(5));
  pin.cap = true;
  const PricePinned capped = Expect<PricePinned>(pin);
  EXPECT_EQ(capped.price.multiplier, 1'000) << "a quarter above what is posted";
  EXPECT_NE(world_.GrantNow(world_.Request("shop", "b")).terms.posted, capped.price.id) << "it is cheaper";
}

TEST_F(MarketTest, APinHoldsForAnHourAtLeastAndIsNotReplacedBeforeItEnds) {
  PinPrice pin;
  pin.caller = Caller("shop", "pin");
  pin.pool = world_.PoolNamed("chat");
  for (const Duration wrong : {Duration::Zero(), Minutes(59), Days(30)}) {
    pin.for_time = wrong;
    EXPECT_EQ(Expect<Error>(pin).field, "for_time");
  }
  pin.for_time = Hours(1);
  const uint32_t first = Expect<PricePinned>(pin).price.id;
  EXPECT_TRUE(Expect<PricePinned>(pin).repeated);
  world_.Advance(Minutes(30));  // the posted price has come down
  world_.Restart();
  pin.caller.request_id.clear();
  pin.cap = true;
  const Error held = Expect<Error>(pin);
  EXPECT_EQ(held.reason, ErrorReason::kPinInForce);
  EXPECT_EQ(held.message, "its price there is locked until 2023-11-14T23:13:20Z: it can be pinned again then");
  pin.caller.validate_only = true;
  EXPECT_EQ(Refused(pin), ErrorReason::kPinInForce);
  pin.caller = Caller("acme");
  EXPECT_GT(Expect<PricePinned>(pin).price.id, first) << "another tenant's is its own";
  world_.Advance(Minutes(30));
  pin.caller = Caller("shop");
  EXPECT_GT(Expect<PricePinned>(pin).price.id, first);
}

}  // namespace
}  // namespace penstock::core
