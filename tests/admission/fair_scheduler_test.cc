#include "admission/fair_scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "tests/admission/pool_driver.h"

namespace penstock::admission {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Pool = PoolDriver<FairScheduler>;
using Served = std::map<uint32_t, int>;

/// A pool of so many nt/s that lets so many nt go at once.
PoolTerms PacedPool(int64_t nt_per_s, int64_t burst_nt) {
  PoolTerms terms = OpenPool();
  terms.capacity = NormalizedTokensPerSecond(nt_per_s);
  terms.burst = NormalizedTokens(burst_nt);
  return terms;
}

/// By how many requests one of the tenants 1 and 2 is ahead. The bound for requests of the same size is 2.
int Gap(Served served) { return std::abs(served[1] - served[2]); }

Offer WithDeadline(Offer offer, Instant deadline) {
  offer.deadline = deadline;
  return offer;
}

// ---- shares

TEST(FairScheduler, SharesWorkNotRequests) {
  Pool pool(OneAtATime());
  pool.EnqueueMany(30, Ask(1, 10));
  pool.EnqueueMany(30, Ask(2, 40));
  EXPECT_EQ(pool.Serve(25), (Served{{1, 20}, {2, 5}}));
}

TEST(FairScheduler, SharesBetweenClassesFirstAndBetweenTenantsInsideThem) {
  PoolTerms terms = OneAtATime();
  Of(terms, ServiceClass::kPriority).weight = 3;
  Pool pool(terms);
  pool.EnqueueMany(50, Ask(1, 10, ServiceClass::kPriority));
  pool.EnqueueMany(50, Ask(2, 10, ServiceClass::kDefault));
  pool.EnqueueMany(50, Ask(3, 10, ServiceClass::kDefault));
  EXPECT_EQ(pool.Serve(40), (Served{{1, 30}, {2, 5}, {3, 5}}));
}

TEST(FairScheduler, AClassWeightChangesLive) {
  PoolTerms terms = OneAtATime();
  Pool pool(terms);
  pool.EnqueueMany(50, Ask(1, 10, ServiceClass::kFlex));
  pool.EnqueueMany(50, Ask(2, 10, ServiceClass::kDefault));
  EXPECT_EQ(pool.Serve(20), (Served{{1, 10}, {2, 10}}));
  Of(terms, ServiceClass::kDefault).weight = 4;
  pool.scheduler.SetTerms(terms, pool.now);
  EXPECT_EQ(pool.Serve(20), (Served{{1, 4}, {2, 16}}));
}

TEST(FairScheduler, AFloodDoesNotDelayATenantBelowItsShare) {
  Pool pool(OneAtATime());
  pool.EnqueueMany(100, Ask(1, 10));
  pool.Serve(10);
  pool.Enqueue(Ask(2, 10));
  EXPECT_THAT(pool.Order(2), testing::HasSubstr("b")) << "next, or after the one whose turn it was";
}

TEST(FairScheduler, ALateJoinerIsLiftedAndGetsNoCreditForIdling) {
  Pool pool(OneAtATime());
  pool.EnqueueMany(200, Ask(1, 10));
  pool.Enqueue(Ask(2, 10));
  pool.Serve(101);
  pool.EnqueueMany(50, Ask(2, 10));
  EXPECT_LE(Gap(pool.Serve(40)), 2);
}

TEST(FairScheduler, ALateClassIsLiftedToo) {
  Pool pool(OneAtATime());
  pool.EnqueueMany(200, Ask(1, 10, ServiceClass::kDefault));
  pool.Serve(100);
  pool.EnqueueMany(50, Ask(2, 10, ServiceClass::kFlex));
  EXPECT_LE(Gap(pool.Serve(40)), 2);
}

TEST(FairScheduler, WhoLeavesAndComesBackFindsItsDebt) {
  PoolTerms terms = OpenPool();
  terms.max_in_flight = 2;
  Pool pool(terms);
  pool.Enqueue(Ask(1, 10));
  pool.Enqueue(Ask(2, 500));
  EXPECT_THAT(pool.Drain(), ElementsAre(1, 2));
  pool.EnqueueMany(50, Ask(1, 10));
  pool.Finish(2);  // tenant 2 has nothing left here, but the 500 nt that it used stay its own
  pool.Enqueue(Ask(3, 10));
  pool.Enqueue(Ask(4, 10));
  pool.EnqueueMany(10, Ask(2, 10));
  EXPECT_EQ(pool.Serve(51), (Served{{1, 49}, {3, 1}, {4, 1}}));
  EXPECT_EQ(pool.Order(2), "ab") << "500 nt each";
}

TEST(FairScheduler, DebtsEndWithTheWorkThatMadeThemWhenNobodyWaits) {
  Pool pool(OneAtATime());
  pool.Enqueue(Ask(2, 500));
  pool.Serve(1);
  pool.EnqueueMany(10, Ask(1, 10));
  pool.EnqueueMany(10, Ask(2, 10));
  EXPECT_EQ(pool.Serve(10), (Served{{1, 5}, {2, 5}}));
}

// ---- truth

TEST(FairScheduler, WhoUsedMoreThanEstimatedPaysLater) {
  PoolTerms terms = OpenPool();
  terms.max_in_flight = 2;
  Pool pool(terms);
  pool.EnqueueMany(30, Ask(1, 10));
  pool.EnqueueMany(30, Ask(2, 10));
  EXPECT_THAT(pool.Drain(), ElementsAre(1, 31));
  pool.FinishHavingUsed(1, 110);
  pool.Finish(31);
  EXPECT_EQ(pool.Serve(10), (Served{{2, 10}})) << "tenant 1 owes 100 nt";
  EXPECT_EQ(pool.Serve(10), (Served{{1, 5}, {2, 5}}));
}

TEST(FairScheduler, WhoUsedLessThanEstimatedIsRefunded) {
  PoolTerms terms = OpenPool();
  terms.max_in_flight = 2;
  Pool pool(terms);
  pool.Enqueue(Ask(1, 110));
  pool.EnqueueMany(30, Ask(1, 10));
  pool.EnqueueMany(30, Ask(2, 10));
  EXPECT_THAT(pool.Drain(), ElementsAre(1, 32));
  pool.FinishHavingUsed(1, 10);
  pool.Finish(32);
  EXPECT_EQ(pool.Serve(10), (Served{{1, 5}, {2, 5}}));
}

TEST(FairScheduler, AClassIsTruedUpLikeATenant) {
  PoolTerms terms = OpenPool();
  terms.max_in_flight = 2;
  Pool pool(terms);
  pool.EnqueueMany(30, Ask(1, 10, ServiceClass::kFlex));
  pool.EnqueueMany(30, Ask(2, 10, ServiceClass::kDefault));
  pool.Drain();
  pool.FinishHavingUsed(1, 110);
  pool.Finish(31);
  EXPECT_EQ(pool.Serve(10), (Served{{2, 10}}));
}

TEST(FairScheduler, ARefundOfWhatWasForgottenAlreadyIsNoCredit) {
  PoolTerms terms = OpenPool();
  terms.max_in_flight = 2;
  Pool pool(terms);
  pool.Enqueue(Ask(2, 1'000));  // a giant that will turn out to be nothing
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
  pool.EnqueueMany(300, Ask(1, 10));
  pool.Serve(150);                   // virtual time passes what tenant 2 was charged
  pool.EnqueueMany(50, Ask(2, 10));  // it comes back, lifted: the charge is forgotten
  pool.FinishHavingUsed(1, 0);
  terms.max_in_flight = 1;
  pool.scheduler.SetTerms(terms, pool.now);
  EXPECT_LE(Gap(pool.Serve(40)), 2);
}

TEST(FairScheduler, ATruthThatComesAfterTheReleaseIsChargedAsIfItWereNow) {
  Pool pool(OneAtATime());
  pool.EnqueueMany(50, Ask(1, 10));
  pool.Enqueue(Ask(2, 10));
  pool.Serve(1);
  const Dispatch late = pool.Next();
  ASSERT_EQ(late.charge.tenant, TenantId{2});
  Charge charge = late.charge;
  pool.Finish(late.request);
  pool.Serve(10);
  pool.scheduler.TrueUp(charge, NormalizedTokens(60), {}, 0, pool.now);
  pool.EnqueueMany(10, Ask(2, 10));
  const std::string order = pool.Order(8);
  EXPECT_THAT(order.find('b'), testing::AllOf(testing::Ge(4U), testing::Le(6U))) << order << ": 50 nt are owed";
}

TEST(FairScheduler, PaceIsGivenBackWhenLessWasUsed) {
  Pool pool(PacedPool(100, 100));
  pool.Enqueue(Ask(1, 100));
  pool.Enqueue(Ask(1, 100));
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Seconds(1));
  pool.FinishHavingUsed(1, 40);
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Milliseconds(400));
}

// ---- gates

TEST(FairScheduler, ALargeRequestPassesAnEmptyPaceAndLeavesADebt) {
  Pool pool(PacedPool(100, 100));
  pool.EnqueueMany(2, Ask(1, 500));
  pool.Enqueue(Ask(2, 1));
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
  pool.Tick(Milliseconds(4'010));
  EXPECT_THAT(pool.Drain(), ElementsAre(3)) << "level 99 of 100";
  pool.Tick(Milliseconds(989));
  EXPECT_THAT(pool.Drain(), IsEmpty());
  pool.Tick(Milliseconds(11));
  EXPECT_THAT(pool.Drain(), ElementsAre(2)) << "an empty level again";
}

TEST(FairScheduler, TheChosenOneWaitsForPaceAndNobodySmallerPasses) {
  Pool pool(PacedPool(100, 100));
  pool.Enqueue(Ask(1, 100));
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
  pool.Enqueue(Ask(2, 80));
  pool.Tick(Milliseconds(500));
  pool.Enqueue(Ask(3, 10));
  EXPECT_THAT(pool.Drain(), IsEmpty());
  pool.Tick(Milliseconds(300));
  EXPECT_THAT(pool.Drain(), ElementsAre(2));
}

TEST(FairScheduler, ACappedClassLetsOthersGoOnAndEarnsNoCreditByIt) {
  PoolTerms terms = OneAtATime();
  terms.max_in_flight = 2;
  Of(terms, ServiceClass::kFree).max_in_flight = 1;
  Pool pool(terms);
  pool.EnqueueMany(100, Ask(1, 10, ServiceClass::kFree));
  pool.EnqueueMany(200, Ask(2, 10, ServiceClass::kDefault));
  const std::vector<uint64_t> first = pool.Drain();
  EXPECT_THAT(first, testing::UnorderedElementsAre(1, 101));
  pool.Finish(101);
  EXPECT_EQ(pool.Serve(100), (Served{{2, 100}})) << "the free one still runs, and its class may have one";
  pool.Finish(1);
  Of(terms, ServiceClass::kFree).max_in_flight = 0;
  terms.max_in_flight = 1;
  pool.scheduler.SetTerms(terms, pool.now);
  EXPECT_LE(Gap(pool.Serve(40)), 2);
}

TEST(FairScheduler, HoldbackKeepsRoomThatOnlyOthersMayTake) {
  PoolTerms terms = OpenPool();
  terms.max_in_flight = 4;
  Of(terms, ServiceClass::kFree).holdback_slots = 2;
  Pool pool(terms);
  pool.scheduler.AddContract(Guarantee(3, 100, 100), pool.now);
  pool.EnqueueMany(10, Ask(1, 10, ServiceClass::kFree));
  EXPECT_THAT(pool.Drain(), ElementsAre(1, 2));
  pool.Enqueue(Ask(2, 10, ServiceClass::kDefault));
  EXPECT_THAT(pool.Drain(), ElementsAre(11));
  pool.Enqueue(AskReserved(3, 10));
  EXPECT_THAT(pool.Drain(), ElementsAre(12));
  pool.Finish(1);
  EXPECT_THAT(pool.Drain(), IsEmpty()) << "three are running: free must leave two slots";
  pool.Finish(2);
  pool.Finish(11);
  EXPECT_THAT(pool.Drain(), ElementsAre(3));
}

TEST(FairScheduler, AContractIgnoresTheCapAndTheHoldbackOfSpillover) {
  PoolTerms terms = OpenPool();
  terms.max_in_flight = 2;
  Of(terms, ServiceClass::kSpillover).holdback_slots = 2;
  Of(terms, ServiceClass::kSpillover).max_in_flight = 1;
  Pool pool(terms);
  pool.scheduler.AddContract(Guarantee(1, 10, 20), pool.now);
  for (int i = 0; i < 3; ++i) pool.Enqueue(AskReserved(1, 10));
  EXPECT_THAT(pool.Drain(), ElementsAre(1, 2));
}

TEST(FairScheduler, TermsChangeLiveAndUsedPaceStaysUsed) {
  Pool pool(PacedPool(100, 100));
  pool.EnqueueMany(3, Ask(1, 100));
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
  pool.scheduler.SetTerms(PacedPool(1'000, 100), pool.now);
  EXPECT_THAT(pool.Drain(), IsEmpty());
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Milliseconds(100));
}

// ---- contracts

TEST(FairScheduler, ContractsComeFirstAndTheRestIsShared) {  // dmclock's reserved_then_share
  Pool pool(OneAtATime());
  pool.scheduler.AddContract(Guarantee(1, 10, 10), pool.now);
  pool.scheduler.AddContract(Guarantee(2, 10, 10), pool.now);
  Offer first = AskReserved(1, 10);
  first.tenant_weight = 2;
  pool.EnqueueMany(50, first);
  pool.EnqueueMany(50, AskReserved(2, 10));
  std::map<ServiceClass, Served> served;
  for (int i = 0; i < 32; ++i) {
    const Dispatch dispatch = pool.Next();
    EXPECT_EQ(dispatch.charge.served, i < 2 ? ServiceClass::kReserved : ServiceClass::kSpillover) << i;
    ++served[dispatch.charge.served][dispatch.charge.tenant.value];
    pool.Finish(dispatch.request);
  }
  EXPECT_EQ(served[ServiceClass::kReserved], (Served{{1, 1}, {2, 1}}));
  EXPECT_EQ(served[ServiceClass::kSpillover], (Served{{1, 20}, {2, 10}}));
}

TEST(FairScheduler, AmongTheEligibleTheEarliestContractDeadlineIsFirst) {
  PoolTerms terms = OneAtATime();
  Pool pool(terms);
  pool.scheduler.AddContract(Guarantee(1, 10, 10, Overrun::kWait), pool.now);
  pool.scheduler.AddContract(Guarantee(2, 20, 10, Overrun::kWait), pool.now);
  pool.EnqueueMany(10, AskReserved(1, 10));  // eligible at 0, 1, 2 ... s
  pool.EnqueueMany(10, AskReserved(2, 10));  // eligible at 0, 0.5, 1 ... s
  EXPECT_EQ(pool.Order(2), "ba");
  EXPECT_EQ(pool.Order(1), "");
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Milliseconds(500));
  pool.Tick(Seconds(1));
  EXPECT_EQ(pool.Order(9), "bba") << "eligible at 0.5, 1, 1 s, due at 1, 1.5, 2 s; then nobody conforms";
}

TEST(FairScheduler, WhatWaitsForASlotLosesNoneOfItsRateAndWhatNobodyAsksForIsGone) {
  Pool pool(OneAtATime());
  pool.scheduler.AddContract(Guarantee(1, 10, 10, Overrun::kWait), pool.now);
  pool.Tick(Minutes(1));
  pool.Enqueue(Ask(2, 10));
  pool.Drain();
  pool.EnqueueMany(10, AskReserved(1, 10));
  pool.Tick(Seconds(3));
  pool.Finish(1);
  EXPECT_EQ(pool.Order(9), "aaaa") << "eligible after 0, 1, 2 and 3 s of waiting; nothing from the minute before";
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Seconds(1));
}

TEST(FairScheduler, IdleGuaranteeIsLentAtOnceAndComesBackWithTheNextDispatch) {
  Pool pool(PacedPool(100, 10));
  pool.scheduler.AddContract(Guarantee(1, 90, 90), pool.now);
  pool.EnqueueMany(100, Ask(2, 10, ServiceClass::kFree));
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
  pool.Tick(Milliseconds(100));
  EXPECT_THAT(pool.Drain(), ElementsAre(2));
  pool.Enqueue(AskReserved(1, 10));
  pool.Tick(Milliseconds(100));
  EXPECT_THAT(pool.Drain(), ElementsAre(101));
}

TEST(FairScheduler, SpillServesTheOverrunAsSpillover) {
  Pool pool(OpenPool());
  const ContractId contract = pool.scheduler.AddContract(Guarantee(1, 10, 10, Overrun::kSpill), pool.now);
  pool.EnqueueMany(2, AskReserved(1, 10));
  const Dispatch inside = pool.Next();
  EXPECT_EQ(inside.charge.served, ServiceClass::kReserved);
  EXPECT_EQ(inside.charge.contract, contract);
  EXPECT_EQ(inside.charge.contract_amount, 10'000);
  const Dispatch beyond = pool.Next();
  EXPECT_EQ(beyond.charge.served, ServiceClass::kSpillover);
  EXPECT_EQ(beyond.charge.contract, 0U);
  EXPECT_EQ(beyond.charge.contract_amount, 0);
  EXPECT_EQ(pool.scheduler.StandingOf(ServiceClass::kReserved).in_flight, 1);
  EXPECT_EQ(pool.scheduler.StandingOf(ServiceClass::kSpillover).in_flight, 1);
}

TEST(FairScheduler, WaitKeepsTheOverrunInTheContractsLine) {
  Pool pool(OpenPool());
  pool.scheduler.AddContract(Guarantee(1, 10, 10, Overrun::kWait), pool.now);
  pool.EnqueueMany(2, AskReserved(1, 10));
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Seconds(1));
  EXPECT_EQ(pool.scheduler.StandingOf(ServiceClass::kSpillover).waiting, 1);
  pool.Tick(Seconds(1));
  EXPECT_EQ(pool.Next().charge.served, ServiceClass::kReserved);
}

TEST(FairScheduler, RefuseTurnsTheOverrunAwayAndSaysWhenToComeBack) {
  PoolTerms terms = OneAtATime();
  Pool pool(terms);
  pool.scheduler.AddContract(Guarantee(1, 10, 20, Overrun::kRefuse), pool.now);
  EXPECT_FALSE(pool.Enqueue(AskReserved(1, 10)).refusal);
  EXPECT_FALSE(pool.Enqueue(AskReserved(1, 10)).refusal);
  const Enqueued third = pool.Enqueue(AskReserved(1, 10));
  EXPECT_EQ(third.refusal, EnqueueRefusal::kContractExhausted) << "the two that wait before it have taken the burst";
  EXPECT_EQ(third.retry_after, Seconds(1));
  EXPECT_EQ(pool.Serve(5), (Served{{1, 2}}));
  pool.Tick(Seconds(1));
  EXPECT_FALSE(pool.Enqueue(AskReserved(1, 10)).refusal);
}

TEST(FairScheduler, ARequestLargerThanTheContractsBurstConformsOnAFullBucket) {
  Pool pool(OpenPool());
  pool.scheduler.AddContract(Guarantee(1, 10, 10, Overrun::kWait), pool.now);
  pool.EnqueueMany(2, AskReserved(1, 40));
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
  pool.Tick(Milliseconds(3'999));
  EXPECT_THAT(pool.Drain(), IsEmpty());
  pool.Tick(Milliseconds(1));
  EXPECT_THAT(pool.Drain(), ElementsAre(2));
}

TEST(FairScheduler, AContractIsTruedUpWithItsOwnAmount) {
  Pool pool(OpenPool());
  pool.scheduler.AddContract(Guarantee(1, 10, 10, Overrun::kWait), pool.now);
  pool.EnqueueMany(2, AskReserved(1, 10));
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
  pool.FinishHavingUsed(1, 4);
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Milliseconds(400));
}

TEST(FairScheduler, AContractThatEndsLeavesItsPeopleInTheShareLineAndExpiresTheRest) {
  PoolTerms terms = OneAtATime();
  Pool pool(terms);
  const ContractId spilling = pool.scheduler.AddContract(Guarantee(1, 1, 1, Overrun::kSpill), pool.now);
  const ContractId waiting = pool.scheduler.AddContract(Guarantee(2, 1, 1, Overrun::kWait), pool.now);
  pool.Enqueue(AskReserved(1, 10));
  pool.Enqueue(AskReserved(2, 10));
  pool.scheduler.RemoveContract(spilling, pool.now);
  pool.scheduler.RemoveContract(waiting, pool.now);
  pool.scheduler.CheckInvariants();
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now);
  const Dispatch dispatch = pool.Next();
  EXPECT_EQ(dispatch.request, 1U);
  EXPECT_EQ(dispatch.charge.served, ServiceClass::kSpillover);
  EXPECT_THAT(pool.Departed(), ElementsAre(2));
}

TEST(FairScheduler, AChargeOutlivesItsContract) {
  Pool pool(OpenPool());
  const ContractId contract = pool.scheduler.AddContract(Guarantee(1, 10, 10), pool.now);
  pool.Enqueue(AskReserved(1, 10));
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
  pool.scheduler.RemoveContract(contract, pool.now);
  pool.FinishHavingUsed(1, 30);
  EXPECT_NE(pool.scheduler.AddContract(Guarantee(1, 10, 10), pool.now), contract);
}

TEST(FairScheduler, SpilloverThatFillsTheLineLeavesRoomForWhoConforms) {
  PoolTerms terms = OneAtATime();
  Of(terms, ServiceClass::kSpillover).max_waiting = 3;
  Pool pool(terms);
  pool.scheduler.AddContract(Guarantee(1, 10, 10), pool.now);
  pool.scheduler.AddContract(Guarantee(2, 10, 10), pool.now);
  pool.EnqueueMany(3, AskReserved(1, 10));
  EXPECT_EQ(pool.Enqueue(AskReserved(1, 10)).refusal, EnqueueRefusal::kQueueFull);
  EXPECT_FALSE(pool.Enqueue(AskReserved(2, 10)).refusal);
}

// ---- waiting

TEST(FairScheduler, AFullLineRefusesWithAForecast) {
  PoolTerms terms = PacedPool(100, 100);
  Of(terms, ServiceClass::kDefault).max_waiting = 2;
  Pool pool(terms);
  pool.EnqueueMany(2, Ask(1, 50));
  const Enqueued third = pool.Enqueue(Ask(2, 50));
  EXPECT_EQ(third.refusal, EnqueueRefusal::kQueueFull);
  EXPECT_EQ(third.id, 0U);
  EXPECT_EQ(third.retry_after, Seconds(1)) << "100 nt at 100 nt/s";
  EXPECT_FALSE(pool.Enqueue(Ask(2, 50, ServiceClass::kFlex)).refusal) << "another class has its own line";
}

TEST(FairScheduler, WhoseDeadlineHasComeIsNeverDispatched) {
  Pool pool(OpenPool());
  pool.Enqueue(WithDeadline(Ask(1, 10), pool.now + Seconds(1)));
  pool.Enqueue(Ask(1, 10));
  pool.Tick(Seconds(1));
  EXPECT_THAT(pool.Drain(), ElementsAre(2));
  EXPECT_THAT(pool.Departed(), ElementsAre(1));
}

TEST(FairScheduler, AReservedRequestExpiresInBothLines) {
  PoolTerms terms = OneAtATime();
  Pool pool(terms);
  pool.Enqueue(Ask(2, 10));
  pool.Drain();
  pool.scheduler.AddContract(Guarantee(1, 10, 10), pool.now);
  pool.Enqueue(WithDeadline(AskReserved(1, 10), pool.now + Seconds(1)));
  pool.Tick(Seconds(1));
  EXPECT_THAT(pool.Departed(), ElementsAre(2));
  pool.Finish(1);
  EXPECT_THAT(pool.Drain(), IsEmpty());
}

TEST(FairScheduler, ACancelledRequestIsOutOfBothLinesAtOnce) {
  PoolTerms terms = OneAtATime();
  Pool pool(terms);
  pool.scheduler.AddContract(Guarantee(1, 10, 100), pool.now);
  const Enqueued first = pool.Enqueue(AskReserved(1, 10));
  pool.Enqueue(AskReserved(1, 10));
  EXPECT_TRUE(pool.scheduler.Cancel(first.id, pool.now));
  EXPECT_FALSE(pool.scheduler.Cancel(first.id, pool.now));
  pool.scheduler.CheckInvariants();
  EXPECT_EQ(pool.scheduler.StandingOf(ServiceClass::kSpillover).waiting, 1);
  EXPECT_EQ(pool.Next().request, 2U);
}

TEST(FairScheduler, ForgetsTenantsThatLeftForGood) {
  Pool pool(OneAtATime());
  for (uint32_t tenant = 1; tenant <= 1'000; ++tenant) {
    pool.Enqueue(Ask(tenant, 10));
    pool.Serve(1);
  }
  EXPECT_LT(pool.scheduler.FlowCount(ServiceClass::kDefault), 5U);
}

TEST(FairScheduler, ForgetsTenantsThatLeftThoughThePoolNeverRests) {
  Pool pool(OpenPool());
  pool.Enqueue(Ask(1'001, 10));
  for (uint32_t tenant = 1; tenant <= 1'000; ++tenant) {
    pool.Enqueue(Ask(tenant, 10));
    pool.Drain();
    pool.Finish(tenant);  // requests are numbered like the tenants, one behind: one always runs on
  }
  EXPECT_EQ(pool.scheduler.InFlight(), 1);
  EXPECT_LT(pool.scheduler.FlowCount(ServiceClass::kDefault), 10U);
}

// ---- forecasts

TEST(FairScheduler, WakesForPaceForDeadlinesAndForContractsAndOtherwiseNever) {
  Pool pool(PacedPool(100, 100));
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), Instant::Max());
  pool.Enqueue(Ask(1, 100));
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now) << "it may go right now";
  pool.Drain();
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), Instant::Max());
  pool.Enqueue(Ask(1, 50));
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Milliseconds(500));
  pool.Enqueue(WithDeadline(Ask(2, 50), pool.now + Milliseconds(200)));
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Milliseconds(200));
}

TEST(FairScheduler, DoesNotWakeForPaceWhileNoSlotIsFree) {
  PoolTerms terms = PacedPool(100, 100);
  terms.max_in_flight = 1;
  Pool pool(terms);
  pool.Enqueue(Ask(1, 100));
  pool.Enqueue(WithDeadline(Ask(1, 100), pool.now + Seconds(30)));
  pool.Drain();
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Seconds(30));
  pool.Finish(1);
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Seconds(1));
}

TEST(FairScheduler, ForecastsNothingWhenItWouldRunAndTheOwnLineOtherwise) {
  Pool pool(PacedPool(100, 100));
  EXPECT_EQ(pool.scheduler.ForecastWait(Ask(1, 100), Work::Zero(), pool.now), Duration::Zero());
  pool.EnqueueMany(3, Ask(1, 100));
  pool.Drain();
  EXPECT_EQ(pool.scheduler.ForecastWait(Ask(1, 100), Work::Zero(), pool.now), Seconds(2))
      << "200 nt before it, alone in the pool";
  pool.Enqueue(Ask(2, 100));
  EXPECT_EQ(pool.scheduler.ForecastWait(Ask(1, 100), Work::Zero(), pool.now), Seconds(4))
      << "half of the class is tenant 2's";
  pool.Enqueue(Ask(3, 100, ServiceClass::kFlex));
  EXPECT_EQ(pool.scheduler.ForecastWait(Ask(1, 100), Work::Zero(), pool.now), Seconds(8))
      << "half of the pool is flex'";
  EXPECT_EQ(pool.scheduler.ForecastWait(Ask(9, 100), Work::Zero(), pool.now), Seconds(1))
      << "nothing before it but pace";
}

TEST(FairScheduler, ExplainsADispatch) {
  Pool pool(OneAtATime());
  const ContractId contract = pool.scheduler.AddContract(Guarantee(2, 10, 10), pool.now);
  pool.EnqueueMany(2, Ask(1, 10));
  pool.Serve(1);
  const Dispatch second = pool.Next();
  EXPECT_EQ(second.reason.tenant_tag, NormalizedTokens(10).count());
  EXPECT_EQ(second.reason.tenant_virtual_time, second.reason.tenant_tag);
  EXPECT_EQ(second.reason.class_tag, NormalizedTokens(10).count());
  pool.Enqueue(AskReserved(2, 10));
  const Instant came = pool.now;
  pool.Tick(Seconds(3));
  pool.Finish(second.request);
  const Dispatch reserved = pool.Next();
  EXPECT_EQ(reserved.reason.contract, contract);
  EXPECT_EQ(reserved.reason.eligible_at, came);
  EXPECT_EQ(reserved.reason.contract_deadline, came + Seconds(1)) << "10 nt at 10 nt/s";
}

TEST(FairScheduler, ARestoredChargeTakesASlotAndGivesBackNothingElse) {
  PoolTerms terms = PacedPool(100, 100);
  terms.max_in_flight = 1;
  Pool pool(terms);
  Charge restored;
  restored.tenant = TenantId{1};
  restored.work = NormalizedTokens(1'000);
  pool.scheduler.OccupySlot(restored, pool.now);
  pool.Enqueue(Ask(2, 100));
  pool.Enqueue(Ask(2, 100));
  EXPECT_THAT(pool.Drain(), IsEmpty());
  pool.scheduler.Release(restored, pool.now);
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
  pool.Finish(1);
  pool.scheduler.TrueUp(restored, NormalizedTokens(10), {}, 0, pool.now);
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Seconds(1)) << "its pace was never taken here";
}

}  // namespace
}  // namespace penstock::admission
