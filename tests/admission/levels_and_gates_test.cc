// What FairScheduler does beyond plain shares and single contracts: keys, KV tokens, floors, caps, shedding, several
// contracts a tenant, promised places, and what keeps a class waiting.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "admission/fair_scheduler.h"
#include "tests/admission/pool_driver.h"

namespace penstock::admission {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Pool = PoolDriver<FairScheduler>;

PoolTerms PacedPool(int64_t nt_per_s, int64_t burst_nt) {
  PoolTerms terms = OpenPool();
  terms.capacity = NormalizedTokensPerSecond(nt_per_s);
  terms.burst = NormalizedTokens(burst_nt);
  return terms;
}

PoolTerms KvPool(int64_t kv_tokens) {
  PoolTerms terms = OpenPool();
  terms.kv_tokens = kv_tokens;
  return terms;
}

/// How many of so many dispatches in a row each key got.
std::map<uint32_t, int> ServeKeys(Pool& pool, int dispatches) {
  std::map<uint32_t, int> served;
  for (int i = 0; i < dispatches; ++i) {
    const Dispatch dispatch = pool.Next();
    if (dispatch.request == 0) break;
    ++served[dispatch.charge.key.value];
    pool.Finish(dispatch.request);
  }
  return served;
}
using Served = std::map<uint32_t, int>;

// ---- keys

TEST(Keys, ShareTheirTenantsPartByWeight) {
  Pool pool(OneAtATime());
  pool.EnqueueMany(30, Under(1, Ask(1, 10), 1));
  pool.EnqueueMany(30, Under(2, Ask(1, 10), 2));
  pool.EnqueueMany(60, Under(3, Ask(2, 10)));
  const Served served = ServeKeys(pool, 60);
  EXPECT_EQ(served.at(3), 30) << "two keys get their tenant no more";
  EXPECT_NEAR(served.at(1), 10, 1);
  EXPECT_NEAR(served.at(2), 20, 1);
}

TEST(Keys, ALateOneIsLiftedAndAFloodOfAnotherDoesNotDelayIt) {
  Pool pool(OneAtATime());
  pool.EnqueueMany(100, Under(1, Ask(1, 10)));
  pool.Serve(50);
  pool.EnqueueMany(20, Under(2, Ask(1, 10)));
  EXPECT_THAT(ServeKeys(pool, 20), ElementsAre(testing::Pair(1, 10), testing::Pair(2, 10)));
}

TEST(Keys, AreTruedUp) {
  PoolTerms terms = OpenPool();
  terms.max_in_flight = 2;
  Pool pool(terms);
  pool.EnqueueMany(30, Under(1, Ask(1, 10)));
  pool.EnqueueMany(30, Under(2, Ask(1, 10)));
  EXPECT_THAT(pool.Drain(), ElementsAre(1, 31));
  pool.FinishHavingUsed(1, 110);
  pool.Finish(31);
  EXPECT_EQ(ServeKeys(pool, 10), (Served{{2, 10}})) << "key 1 owes 100 nt";
}

TEST(Keys, CostNothingWhileOneWaitsAtATimeAndAreForgottenWithTheirTenant) {
  Pool pool(OneAtATime());
  for (uint32_t key = 1; key <= 10; ++key) {
    pool.Enqueue(Under(key, Ask(1, 10)));
    pool.Serve(1);
  }
  EXPECT_EQ(pool.scheduler.KeyFlowCount(ServiceClass::kDefault), 0U);
  for (uint32_t key = 1; key <= 10; ++key) pool.Enqueue(Under(key, Ask(1, 10)));
  EXPECT_EQ(pool.scheduler.KeyFlowCount(ServiceClass::kDefault), 10U);
  pool.Serve(10);
  for (uint32_t tenant = 2; tenant <= 20; ++tenant) {
    pool.Enqueue(Ask(tenant, 10));
    pool.Serve(1);
  }
  EXPECT_EQ(pool.scheduler.KeyFlowCount(ServiceClass::kDefault), 0U);
}

TEST(Keys, AreCancelledOutOfTheMiddle) {
  Pool pool(OneAtATime());
  std::vector<WaitingId> ids;
  for (int i = 0; i < 12; ++i) ids.push_back(pool.Enqueue(Under(static_cast<uint32_t>(i % 3), Ask(1, 10))).id);
  for (const int i : {0, 4, 8, 1}) EXPECT_TRUE(pool.scheduler.Cancel(ids[static_cast<size_t>(i)], pool.now));
  pool.scheduler.CheckInvariants();
  EXPECT_EQ(ServeKeys(pool, 12), (Served{{0, 3}, {1, 2}, {2, 3}}));
}

// ---- KV tokens

TEST(Kv, TheChosenOneWaitsForItAndNobodySmallerPasses) {
  Pool pool(KvPool(100));
  pool.Enqueue(WithKv(60, Ask(1, 10)));
  pool.Enqueue(WithKv(60, Ask(2, 10)));
  pool.Enqueue(WithKv(10, Ask(3, 10)));
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
  EXPECT_EQ(pool.scheduler.KvInUse(), 60);
  EXPECT_EQ(pool.scheduler.GateOf(ServiceClass::kDefault, pool.now), Gate::kKvTokens);
  EXPECT_GT(pool.scheduler.NextWake(pool.now), pool.now + Minutes(59)) << "nothing but a deadline to wake for";
  pool.Finish(1);
  EXPECT_THAT(pool.Drain(), ElementsAre(2, 3));
  EXPECT_EQ(pool.scheduler.KvInUse(), 70);
}

TEST(Kv, IsTruedUpAndReturned) {
  Pool pool(KvPool(100));
  pool.Enqueue(WithKv(60, Ask(1, 10)));
  pool.Enqueue(WithKv(60, Ask(2, 10)));
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
  pool.scheduler.TrueUp(pool.running.at(1), NormalizedTokens(10), {}, 40, pool.now);
  EXPECT_EQ(pool.scheduler.KvInUse(), 40);
  EXPECT_THAT(pool.Drain(), ElementsAre(2));
  pool.Finish(1);
  pool.Finish(2);
  EXPECT_EQ(pool.scheduler.KvInUse(), 0);
}

TEST(Kv, WhatThePoolOrTheClassCouldNeverHoldIsRefused) {
  PoolTerms terms = KvPool(100);
  Of(terms, ServiceClass::kFree).holdback_kv = 50;
  Pool pool(terms);
  EXPECT_EQ(pool.Enqueue(WithKv(101, Ask(1, 10))).refusal, EnqueueRefusal::kTooLarge);
  EXPECT_FALSE(pool.Enqueue(WithKv(100, Ask(1, 10))).refusal);
  EXPECT_EQ(pool.Enqueue(WithKv(51, Ask(1, 10, ServiceClass::kFree))).refusal, EnqueueRefusal::kTooLarge);
  EXPECT_FALSE(pool.Enqueue(WithKv(50, Ask(1, 10, ServiceClass::kFree))).refusal);
}

TEST(Kv, HoldbackKeepsTokensThatOnlyOthersMayTake) {
  PoolTerms terms = KvPool(100);
  Of(terms, ServiceClass::kFree).holdback_kv = 50;
  Pool pool(terms);
  pool.EnqueueMany(3, WithKv(25, Ask(1, 10, ServiceClass::kFree)));
  EXPECT_THAT(pool.Drain(), ElementsAre(1, 2));
  EXPECT_EQ(pool.scheduler.GateOf(ServiceClass::kFree, pool.now), Gate::kHoldback);
  pool.Enqueue(WithKv(50, Ask(2, 10)));
  EXPECT_THAT(pool.Drain(), ElementsAre(4));
}

TEST(Kv, NothingNewStartsUntilEnoughCameBackFromAPoolThatShrank) {
  Pool pool(KvPool(100));
  pool.EnqueueMany(4, WithKv(30, Ask(1, 10)));
  EXPECT_THAT(pool.Drain(), ElementsAre(1, 2, 3));
  pool.scheduler.SetTerms(KvPool(50), pool.now);
  pool.Finish(1);
  pool.Finish(2);
  EXPECT_THAT(pool.Drain(), IsEmpty());
  pool.Finish(3);
  EXPECT_THAT(pool.Drain(), ElementsAre(4));
  pool.scheduler.SetTerms(KvPool(100), pool.now);
  pool.Enqueue(WithKv(80, Ask(1, 10)));
  pool.Enqueue(WithKv(10, Ask(1, 10)));
  pool.scheduler.SetTerms(KvPool(50), pool.now);
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now);
  EXPECT_THAT(pool.Drain(), ElementsAre(6)) << "whom the pool can no longer hold stands in nobody's way";
  EXPECT_THAT(pool.Departed(), ElementsAre(5));
}

TEST(Kv, AChargeOfAnEarlierRunOccupiesIt) {
  Pool pool(KvPool(100));
  Charge restored;
  restored.tenant = TenantId{1};
  restored.kv_tokens = 90;
  pool.scheduler.OccupySlot(restored, pool.now);
  pool.Enqueue(WithKv(20, Ask(2, 10)));
  EXPECT_THAT(pool.Drain(), IsEmpty());
  pool.scheduler.Release(restored, pool.now);
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
}

// ---- floors and caps

TEST(Floors, AClassBelowItsFloorGoesFirst) {
  PoolTerms terms = PacedPool(100, 10);
  Of(terms, ServiceClass::kPriority).weight = 1'000;
  Of(terms, ServiceClass::kFree).floor = NormalizedTokensPerSecond(20);
  Pool pool(terms);
  pool.EnqueueMany(400, Ask(1, 10, ServiceClass::kPriority));
  pool.EnqueueMany(400, Ask(2, 10, ServiceClass::kFree));
  Served served;
  for (int i = 0; i < 100; ++i) {  // 10 s
    pool.Tick(Milliseconds(100));
    const Dispatch dispatch = pool.Next();
    EXPECT_EQ(dispatch.reason.by_floor, dispatch.charge.tenant.value == 2);
    ++served[dispatch.charge.tenant.value];
  }
  EXPECT_NEAR(served[2], 20, 1);
  EXPECT_NEAR(served[1], 80, 1);
}

TEST(Floors, WhatAClassGotBeyondItsFloorYesterdayDoesNotCostItToday) {
  PoolTerms terms = PacedPool(100, 10);
  Of(terms, ServiceClass::kPriority).weight = 1'000;
  Of(terms, ServiceClass::kFree).floor = NormalizedTokensPerSecond(20);
  Pool pool(terms);
  pool.EnqueueMany(300, Ask(2, 10, ServiceClass::kFree));
  for (int i = 0; i < 200; ++i) {
    pool.Tick(Milliseconds(100));
    EXPECT_NE(pool.Next().request, 0U) << "alone it gets the whole pool";
  }
  pool.EnqueueMany(400, Ask(1, 10, ServiceClass::kPriority));
  Served served;
  for (int i = 0; i < 50; ++i) {
    pool.Tick(Milliseconds(100));
    ++served[pool.Next().charge.tenant.value];
  }
  EXPECT_NEAR(served[2], 10, 2);
}

TEST(Floors, OverestimatesThatAreGivenBackDoNotBuyPriority) {
  PoolTerms terms = PacedPool(1'000, 100);
  Of(terms, ServiceClass::kPriority).weight = 9;
  Of(terms, ServiceClass::kFree).floor = NormalizedTokensPerSecond(100);
  Pool pool(terms);
  pool.EnqueueMany(3'000, Ask(1, 10, ServiceClass::kPriority));
  pool.EnqueueMany(3'000, Ask(2, 100, ServiceClass::kFree));  // uses a tenth of that
  int64_t used[3] = {0, 0, 0};
  for (int i = 0; i < 2'000; ++i) {
    pool.Tick(Milliseconds(10));
    for (const uint64_t request : pool.Drain()) {
      ++used[pool.running.at(request).tenant.value];
      pool.FinishHavingUsed(request, 10);
    }
  }
  EXPECT_NEAR(static_cast<double>(used[2]) / static_cast<double>(used[1] + used[2]), 0.1, 0.05);
}

TEST(Caps, AClassGetsNoMoreWhateverIsIdle) {
  PoolTerms terms = PacedPool(1'000, 100);
  Of(terms, ServiceClass::kFree).cap = NormalizedTokensPerSecond(100);
  Pool pool(terms);
  pool.EnqueueMany(100, Ask(1, 10, ServiceClass::kFree));
  EXPECT_THAT(pool.Drain(), ElementsAre(1)) << "a tenth of the pool, a tenth of its burst";
  EXPECT_EQ(pool.scheduler.GateOf(ServiceClass::kFree, pool.now), Gate::kClassCap);
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Milliseconds(100));
  pool.Enqueue(Ask(2, 10));
  EXPECT_THAT(pool.Drain(), ElementsAre(101)) << "others go on";
  size_t served = 0;
  for (int i = 0; i < 100; ++i) {
    pool.Tick(Milliseconds(50));
    served += pool.Drain().size();
  }
  EXPECT_EQ(served, 50U);
}

TEST(Caps, AreTruedUp) {
  PoolTerms terms = PacedPool(1'000, 100);
  Of(terms, ServiceClass::kFree).cap = NormalizedTokensPerSecond(100);
  Pool pool(terms);
  pool.EnqueueMany(2, Ask(1, 10, ServiceClass::kFree));
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
  pool.FinishHavingUsed(1, 4);
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Milliseconds(40));
}

// ---- controlled delay

/// Free traffic at a multiple of the capacity, from one heavy tenant and one light one; pool of 100 requests a second.
struct Flood {
  int light_shed = 0;
  int heavy_shed = 0;
  int light_run = 0;
  Duration last_heavy_wait;  // of the last second
};

Flood RunFlood(Duration target, Duration interval) {
  PoolTerms terms = PacedPool(1'000, 10);
  Of(terms, ServiceClass::kFree).codel_target = target;
  Of(terms, ServiceClass::kFree).codel_interval = interval;
  Of(terms, ServiceClass::kFree).max_waiting = 1'000'000;
  Pool pool(terms);
  Flood flood;
  std::map<uint64_t, Instant> came;
  constexpr int kSteps = 20'000;  // 10 ms each: one request's worth of pace
  std::vector<uint64_t> light;
  for (int i = 0; i < kSteps; ++i) {
    pool.Tick(Milliseconds(10));
    const int arrivals = i % 2 == 0 ? 1 : 2;  // 1.5 times the capacity
    for (int n = 0; n < arrivals; ++n) {
      Offer offer = Ask(1, 10, ServiceClass::kFree);
      offer.request = ++pool.last_request;
      offer.deadline = pool.now + Hours(1);
      pool.scheduler.Enqueue(offer, pool.now);
      came[pool.last_request] = pool.now;
    }
    if (i % 10 == 0) {
      Offer offer = Ask(2, 10, ServiceClass::kFree);
      offer.request = ++pool.last_request;
      offer.deadline = pool.now + Hours(1);
      pool.scheduler.Enqueue(offer, pool.now);
      light.push_back(pool.last_request);
    }
    while (const auto dispatch = pool.scheduler.PopDispatch(pool.now)) {
      pool.scheduler.Release(dispatch->charge, pool.now);
      if (dispatch->charge.tenant.value == 2) ++flood.light_run;
      if (dispatch->charge.tenant.value == 1 && i > kSteps - 100) {
        flood.last_heavy_wait = std::max(flood.last_heavy_wait, pool.now - came.at(dispatch->request));
      }
    }
    while (const auto departure = pool.scheduler.PopDeparture(pool.now)) {
      EXPECT_EQ(departure->why, Departure::Why::kShed);
      ++(came.contains(departure->request) ? flood.heavy_shed : flood.light_shed);
    }
  }
  pool.scheduler.CheckInvariants();
  return flood;
}

TEST(Codel, ShedsTheHeavyTenantOfAStandingLineDownToItsTargetAndNotTheLightOne) {
  const Flood unshed = RunFlood(Duration::Zero(), Duration::Zero());
  EXPECT_EQ(unshed.heavy_shed, 0);
  EXPECT_GT(unshed.last_heavy_wait, Seconds(60));
  const Flood shed = RunFlood(Milliseconds(200), Milliseconds(200));
  EXPECT_EQ(shed.light_shed, 0);
  EXPECT_EQ(shed.light_run, 2'000);
  EXPECT_GT(shed.heavy_shed, 8'000);
  EXPECT_LT(shed.last_heavy_wait, Milliseconds(500));
  EXPECT_GT(shed.last_heavy_wait, Milliseconds(50)) << "a line stands: nothing is shed for no reason";
}

TEST(Codel, SparesWhomAContractMayStillServe) {
  PoolTerms terms = PacedPool(100, 10);
  Of(terms, ServiceClass::kSpillover).codel_target = Milliseconds(10);
  Of(terms, ServiceClass::kSpillover).codel_interval = Milliseconds(10);
  Pool pool(terms);
  pool.scheduler.AddContract(Guarantee(1, 1, 10), pool.now);
  pool.EnqueueMany(50, AskReserved(1, 10));
  for (int i = 0; i < 60; ++i) {
    pool.Tick(Milliseconds(100));
    pool.Drain();
  }
  EXPECT_THAT(pool.Departed(Departure::Why::kShed), IsEmpty());
}

TEST(Codel, RootsAreRoundedDown) {
  for (const uint64_t n : {0ULL, 1ULL, 2ULL, 3ULL, 4ULL, 99ULL, 100ULL, 1ULL << 32, (1ULL << 32) - 1, ~0ULL}) {
    const uint64_t root = SquareRootRoundDown(n);
    EXPECT_LE(root * root, n);
    EXPECT_TRUE(root == UINT32_MAX || (root + 1) * (root + 1) > n);
  }
}

// ---- several contracts

ContractTerms OnKind(uint32_t tenant, TokenKind kind, int64_t per_s, int64_t burst, Overrun overrun) {
  return ContractTerms{.tenant = TenantId{tenant},
                       .kind = kind,
                       .rate = {.quantity = per_s, .period = Seconds(1), .burst = burst},
                       .overrun = overrun};
}

TEST(SeveralContracts, EachRequestGoesOnTheOneThatLetsItGoFirst) {
  Pool pool(OpenPool());
  const ContractId one = pool.scheduler.AddContract(Guarantee(1, 10, 10, Overrun::kWait), pool.now);
  const ContractId two = pool.scheduler.AddContract(Guarantee(1, 5, 10, Overrun::kWait), pool.now);
  pool.EnqueueMany(5, AskReserved(1, 10));
  EXPECT_EQ(pool.Next().charge.contract, one);
  EXPECT_EQ(pool.Next().charge.contract, two);
  EXPECT_EQ(pool.Next().request, 0U);
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Seconds(1));
  pool.Tick(Seconds(1));
  EXPECT_EQ(pool.Next().charge.contract, one);
  pool.Tick(Seconds(1));
  EXPECT_EQ(pool.Next().charge.contract, one);
  EXPECT_EQ(pool.Next().charge.contract, two);
}

TEST(SeveralContracts, MayCountDifferentThings) {
  Pool pool(OpenPool());
  const ContractId work = pool.scheduler.AddContract(Guarantee(1, 10, 10, Overrun::kWait), pool.now);
  const ContractId output =
      pool.scheduler.AddContract(OnKind(1, TokenKind::kOutput, 100, 200, Overrun::kWait), pool.now);
  TokenCounts tokens;
  tokens[TokenKind::kOutput] = Tokens(100);
  Offer offer = AskReserved(1, 10);
  offer.tokens = PackedCounts(tokens);
  pool.EnqueueMany(4, offer);
  const Dispatch first = pool.Next();
  EXPECT_EQ(first.charge.contract, work);
  EXPECT_EQ(first.charge.contract_amount, 10'000);
  const Dispatch second = pool.Next();
  EXPECT_EQ(second.charge.contract, output);
  EXPECT_EQ(second.charge.contract_amount, 100);
  EXPECT_EQ(pool.Next().charge.contract, output);
  EXPECT_EQ(pool.Next().request, 0U);
  tokens[TokenKind::kOutput] = Tokens(50);
  pool.scheduler.TrueUp(pool.running.at(second.request), NormalizedTokens(10), PackedCounts(tokens), 0, pool.now);
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Milliseconds(500));
}

TEST(SeveralContracts, TheMostLenientPolicyHolds) {
  Pool pool(OneAtATime());
  pool.scheduler.AddContract(Guarantee(1, 1, 10, Overrun::kRefuse), pool.now);
  EXPECT_FALSE(pool.Enqueue(AskReserved(1, 10)).refusal);
  EXPECT_EQ(pool.Enqueue(AskReserved(1, 10)).refusal, EnqueueRefusal::kContractExhausted);
  const ContractId spilling = pool.scheduler.AddContract(Guarantee(1, 1, 1, Overrun::kSpill), pool.now);
  EXPECT_FALSE(pool.Enqueue(AskReserved(1, 10)).refusal);
  EXPECT_FALSE(pool.Enqueue(AskReserved(1, 10)).refusal);
  pool.scheduler.RemoveContract(spilling, pool.now);
  EXPECT_TRUE(pool.Enqueue(AskReserved(1, 10)).refusal);
  EXPECT_EQ(pool.Serve(9), (Served{{1, 3}})) << "who spilled keeps its place";
}

TEST(SeveralContracts, OneThatComesServesWhoWaitsAlready) {
  PoolTerms terms = PacedPool(100, 10);
  Pool pool(terms);
  pool.Enqueue(Ask(9, 10));
  pool.Drain();
  pool.EnqueueMany(50, Ask(9, 10, ServiceClass::kPriority));
  pool.EnqueueMany(2, AskReserved(1, 10));  // nobody sold it anything yet
  pool.scheduler.AddContract(Guarantee(1, 50, 50), pool.now);
  pool.Tick(Milliseconds(100));
  const Dispatch dispatch = pool.Next();
  EXPECT_EQ(dispatch.charge.tenant, TenantId{1});
  EXPECT_EQ(dispatch.charge.served, ServiceClass::kReserved);
}

TEST(SeveralContracts, AFasterRateHoldsAtOnceAndUsedStaysUsed) {
  Pool pool(OpenPool());
  const ContractId id = pool.scheduler.AddContract(Guarantee(1, 10, 10, Overrun::kWait), pool.now);
  pool.EnqueueMany(3, AskReserved(1, 10));
  pool.Drain();
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Seconds(1));
  pool.scheduler.SetContract(id, Guarantee(1, 100, 10, Overrun::kWait), pool.now);
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Milliseconds(100));
}

TEST(SeveralContracts, RefundsKeepTheDeadlinesOfAnOverestimatedContractHonest) {
  // Both use 10 nt a request; tenant 1's are thought to be ten times that. Each gets the half that it bought.
  Pool pool(PacedPool(100, 100));
  pool.scheduler.AddContract(Guarantee(1, 50, 100, Overrun::kWait), pool.now);
  pool.scheduler.AddContract(Guarantee(2, 50, 100, Overrun::kWait), pool.now);
  Served served;
  for (int i = 0; i < 4'000; ++i) {
    if (pool.scheduler.StandingOf(ServiceClass::kSpillover).waiting < 20) {
      pool.EnqueueMany(5, AskReserved(1, 100));
      pool.EnqueueMany(5, AskReserved(2, 10));
    }
    pool.Tick(Milliseconds(20));
    for (const uint64_t request : pool.Drain()) {
      ++served[pool.running.at(request).tenant.value];
      pool.FinishHavingUsed(request, 10);
    }
  }
  EXPECT_GT(served[1], 200);
  EXPECT_GT(served[2], 200);
}

// ---- places and gates

TEST(Promised, PlacesExistBeyondAFullLine) {
  PoolTerms terms = OneAtATime();
  Of(terms, ServiceClass::kDefault).max_waiting = 2;
  Pool pool(terms);
  pool.EnqueueMany(2, Ask(1, 10));
  EXPECT_EQ(pool.Enqueue(Ask(1, 10)).refusal, EnqueueRefusal::kQueueFull);
  Offer promised = Ask(1, 10);
  promised.promised = true;
  EXPECT_FALSE(pool.Enqueue(promised).refusal);
  EXPECT_FALSE(pool.Enqueue(promised).refusal);
  EXPECT_EQ(pool.Enqueue(promised).refusal, EnqueueRefusal::kQueueFull);
}

TEST(Promised, WorkLengthensTheForecast) {
  Pool pool(PacedPool(100, 100));
  EXPECT_EQ(pool.scheduler.ForecastWait(Ask(1, 10), Work::Zero(), pool.now), Duration::Zero());
  EXPECT_EQ(pool.scheduler.ForecastWait(Ask(1, 10), NormalizedTokens(200), pool.now), Seconds(2));
}

TEST(Gates, SayWhatKeepsAClassWaiting) {
  PoolTerms terms = PacedPool(100, 10);
  terms.max_in_flight = 3;
  Of(terms, ServiceClass::kFlex).max_in_flight = 1;
  Of(terms, ServiceClass::kFree).holdback_slots = 2;
  Pool pool(terms);
  EXPECT_EQ(pool.scheduler.GateOf(ServiceClass::kFlex, pool.now), Gate::kOpen) << "nobody waits";
  pool.Enqueue(Ask(1, 10, ServiceClass::kFlex));
  EXPECT_EQ(pool.scheduler.GateOf(ServiceClass::kFlex, pool.now), Gate::kOpen) << "it may go";
  pool.Drain();
  pool.Enqueue(Ask(1, 10, ServiceClass::kFlex));
  pool.Enqueue(Ask(2, 10, ServiceClass::kFree));
  EXPECT_EQ(pool.scheduler.GateOf(ServiceClass::kFlex, pool.now), Gate::kClassCap);
  EXPECT_EQ(pool.scheduler.GateOf(ServiceClass::kFree, pool.now), Gate::kHoldback);
  pool.Enqueue(Ask(3, 10, ServiceClass::kDefault));
  pool.Enqueue(Ask(4, 10, ServiceClass::kPriority));
  EXPECT_EQ(pool.scheduler.GateOf(ServiceClass::kDefault, pool.now), Gate::kPace);
  EXPECT_EQ(pool.scheduler.GateOf(ServiceClass::kPriority, pool.now), Gate::kOthersFirst);
  pool.Tick(Seconds(1));
  pool.Drain();
  pool.Tick(Seconds(1));
  pool.Drain();
  EXPECT_EQ(pool.scheduler.GateOf(ServiceClass::kFlex, pool.now), Gate::kSlots);
}

}  // namespace
}  // namespace penstock::admission
