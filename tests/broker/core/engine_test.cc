#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/core/engine_fixture.h"

namespace penstock::core {
namespace {

ErrorReason ReasonOf(const Outcome& outcome) {
  EXPECT_TRUE(std::holds_alternative<Error>(outcome)) << "expected an error, got outcome " << outcome.index();
  return std::holds_alternative<Error>(outcome) ? std::get<Error>(outcome).reason : ErrorReason::kOverloaded;
}

RefusalReason RefusalOf(const Outcome& outcome) {
  EXPECT_TRUE(std::holds_alternative<Refused>(outcome)) << "expected a refusal, got outcome " << outcome.index();
  return std::holds_alternative<Refused>(outcome) ? std::get<Refused>(outcome).reason : RefusalReason::kQueueFull;
}

EngineSettings WithLimit(admission::LimitTerms limit) {
  EngineSettings settings = SmallWorld();
  settings.tenants[1].limits.limits.push_back(std::move(limit));
  return settings;
}

admission::LimitTerms RequestsPer(Duration period, int64_t quantity) {
  return {.name = "requests", .measure = admission::Measure::kRequests, .rate = {quantity, period, quantity}};
}

TEST(Engine, GrantsAtOnceWhenThereIsRoom) {
  EngineWorld world;
  const Granted granted = world.GrantNow(world.Request("shop", "r1", 10, 100));
  EXPECT_EQ(granted.waited, Duration::Zero());
  EXPECT_EQ(granted.terms.served, ServiceClass::kDefault);
  EXPECT_EQ(granted.output_cap, Tokens(100));
  EXPECT_EQ(granted.lease_deadline, kStart + Seconds(60));
  EXPECT_EQ(granted.settle_deadline, kStart + Seconds(600));
  // 10 x 0.60 + 100 x 2.40 dollars per million tokens.
  EXPECT_EQ(granted.hold.ToDecimal(), "0.000246000000");
  world.engine().CheckInvariants();
}

TEST(Engine, ChargesWhatWasDeliveredAtThePinnedPrice) {
  EngineWorld world;
  const Granted granted = world.GrantNow(world.Request("shop", "r1", 10, 100));
  world.Tick(Seconds(2));
  const Completed completed = world.CompleteNow(granted, 10, 20);
  EXPECT_EQ(completed.charge.ToDecimal(), "0.000054000000");
  EXPECT_EQ(completed.work, NormalizedTokens(10 + 4 * 20));
  EXPECT_TRUE(completed.billed);
  EXPECT_TRUE(world.engine().books().open_count() == 0);
  EXPECT_EQ(world.engine().pools()[0]->scheduler().InFlight(), 0);
  world.engine().CheckInvariants();
}

TEST(Engine, FreeTrafficIsChargedNothingButCounted) {
  EngineWorld world;
  const Granted granted = world.GrantNow(world.Request("tramp", "r1"));
  EXPECT_EQ(granted.terms.served, ServiceClass::kFree);
  EXPECT_TRUE(world.CompleteNow(granted, 10, 20).charge.IsZero());
  EXPECT_EQ(world.engine().books().meters().buckets().size(), 1u);
}

TEST(Engine, AReservedTenantIsServedInsideItsContractAndSpillsBeyondIt) {
  EngineWorld world;
  // 10 + 4 x 50 = 210 nt each; the contract's burst of 800 holds three.
  EXPECT_EQ(world.GrantNow(world.Request("acme", "r1")).terms.served, ServiceClass::kReserved);
  EXPECT_EQ(world.GrantNow(world.Request("acme", "r2")).terms.served, ServiceClass::kReserved);
  EXPECT_EQ(world.GrantNow(world.Request("acme", "r3")).terms.served, ServiceClass::kReserved);
  EXPECT_EQ(world.GrantNow(world.Request("acme", "r4")).terms.served, ServiceClass::kSpillover);
  world.engine().CheckInvariants();
}

TEST(Engine, TheSameRequestIdReturnsTheSameLiveGrant) {
  EngineWorld world;
  const Granted first = world.GrantNow(world.Request("shop", "r1"));
  const Granted again = world.GrantNow(world.Request("shop", "r1"));
  EXPECT_EQ(first.id, again.id);
  EXPECT_EQ(world.engine().books().open_count(), 1u);
}

TEST(Engine, TheSameRequestIdWithAnotherBodyIsAnError) {
  EngineWorld world;
  world.GrantNow(world.Request("shop", "r1", 10));
  EXPECT_EQ(ReasonOf(world.Ask(world.Request("shop", "r1", 11))), ErrorReason::kRequestIdReused);
  EXPECT_EQ(world.engine().books().open_count(), 1u);
}

TEST(Engine, TwoTenantsMayUseTheSameRequestId) {
  EngineWorld world;
  EXPECT_NE(world.GrantNow(world.Request("shop", "r1")).id, world.GrantNow(world.Request("tramp", "r1")).id);
}

TEST(Engine, ARetryTakesTheWaitingCallsPlace) {
  EngineWorld world;
  std::vector<Granted> running;
  for (int i = 0; i < 4; ++i) running.push_back(world.GrantNow(world.Request("shop", "r" + std::to_string(i))));
  const Ticket first = world.Offer(world.Request("shop", "waits"));
  EXPECT_FALSE(world.AnswerTo(first).has_value());
  const Ticket retry = world.Offer(world.Request("shop", "waits"));
  EXPECT_EQ(ReasonOf(*world.AnswerTo(first)), ErrorReason::kSuperseded);
  world.CompleteNow(running[0], 10, 10);
  EXPECT_TRUE(std::holds_alternative<Granted>(*world.AnswerTo(retry)));
  world.engine().CheckInvariants();
}

TEST(Engine, WaitsNoLongerThanItMay) {
  EngineWorld world;
  for (int i = 0; i < 4; ++i) world.GrantNow(world.Request("shop", "r" + std::to_string(i)));
  const Ticket waiting = world.Offer(world.Request("shop", "waits"));
  EXPECT_EQ(world.engine().NextWake(), kStart + Seconds(5));
  world.Tick(Seconds(5));
  EXPECT_EQ(RefusalOf(*world.AnswerTo(waiting)), RefusalReason::kWaitExpired);
  world.engine().CheckInvariants();
}

TEST(Engine, NowOrNeverDoesNotWait) {
  EngineWorld world;
  for (int i = 0; i < 4; ++i) world.GrantNow(world.Request("shop", "r" + std::to_string(i)));
  Admit admit = world.Request("shop", "now");
  admit.max_wait = Duration::Zero();
  const Ticket ticket = world.Offer(admit);
  world.Tick(Nanoseconds(1));
  EXPECT_EQ(RefusalOf(*world.AnswerTo(ticket)), RefusalReason::kWaitExpired);
}

TEST(Engine, ACallerWhoLeavesIsOutOfTheLineAtOnce) {
  EngineWorld world;
  const Granted running = world.GrantNow(world.Request("shop", "r0"));
  for (int i = 1; i < 4; ++i) world.GrantNow(world.Request("shop", "r" + std::to_string(i)));
  const Ticket left = world.Offer(world.Request("shop", "left"));
  const Ticket stays = world.Offer(world.Request("shop", "stays"));
  world.Do(Abandon{left});
  EXPECT_EQ(ReasonOf(*world.AnswerTo(left)), ErrorReason::kAbandoned);
  world.CompleteNow(running, 10, 10);
  EXPECT_TRUE(world.AnswerTo(stays).has_value());
  world.engine().CheckInvariants();
}

TEST(Engine, ALimitRefusesWithItsNameAndConsumesNothing) {
  EngineWorld world(WithLimit(RequestsPer(Minutes(1), 2)));
  world.CompleteNow(world.GrantNow(world.Request("shop", "r1")), 1, 1);
  world.CompleteNow(world.GrantNow(world.Request("shop", "r2")), 1, 1);
  for (int i = 0; i < 5; ++i) {
    const Outcome outcome = world.Ask(world.Request("shop", "r3"));
    ASSERT_EQ(RefusalOf(outcome), RefusalReason::kRateLimit);
    EXPECT_EQ(std::get<Refused>(outcome).limit, "tenant.requests");
    EXPECT_EQ(std::get<Refused>(outcome).retry_after, Seconds(30));
  }
  world.Tick(Seconds(30));
  world.GrantNow(world.Request("shop", "r3"));
}

TEST(Engine, ARequestThatNeverRanGivesItsLimitsBack) {
  EngineWorld world(WithLimit(RequestsPer(Minutes(1), 5)));
  for (int i = 0; i < 4; ++i) world.GrantNow(world.Request("shop", "r" + std::to_string(i)));
  const Ticket left = world.Offer(world.Request("shop", "left"));
  EXPECT_EQ(RefusalOf(world.Ask(world.Request("shop", "one too many"))), RefusalReason::kRateLimit);
  world.Do(Abandon{left});
  const Ticket fits = world.Offer(world.Request("shop", "fits"));
  EXPECT_FALSE(world.AnswerTo(fits).has_value()) << "it stands in line";
}

TEST(Engine, ADailyLimitSurvivesARestart) {
  EngineWorld world(WithLimit(RequestsPer(Days(1), 2)));
  world.CompleteNow(world.GrantNow(world.Request("shop", "r1")), 1, 1);
  world.CompleteNow(world.GrantNow(world.Request("shop", "r2")), 1, 1);
  world.Restart();
  EXPECT_EQ(RefusalOf(world.Ask(world.Request("shop", "r3"))), RefusalReason::kRateLimit);
}

TEST(Engine, ParallelRequestsAreBounded) {
  EngineSettings settings = SmallWorld();
  settings.tenants[1].limits.max_parallel = 1;
  EngineWorld world(settings);
  const Granted granted = world.GrantNow(world.Request("shop", "r1"));
  EXPECT_EQ(RefusalOf(world.Ask(world.Request("shop", "r2"))), RefusalReason::kParallelLimit);
  world.CompleteNow(granted, 1, 1);
  world.GrantNow(world.Request("shop", "r2"));
}

TEST(Engine, ValidateOnlyForecastsAndTakesNothing) {
  EngineWorld world(WithLimit(RequestsPer(Minutes(1), 1)));
  Admit admit = world.Request("shop", "r1", 10, 100);
  admit.validate_only = true;
  for (int i = 0; i < 3; ++i) {
    const Outcome outcome = world.Ask(admit);
    ASSERT_TRUE(std::holds_alternative<Forecasted>(outcome));
    EXPECT_EQ(std::get<Forecasted>(outcome).max_cost.ToDecimal(), "0.000246000000");
    EXPECT_EQ(std::get<Forecasted>(outcome).expected_cost.ToDecimal(), "0.000126000000");
  }
  world.GrantNow(world.Request("shop", "r1"));
}

TEST(Engine, EstimatedInputIsHeldWithItsError) {
  EngineSettings settings = SmallWorld();
  settings.pools[0].estimator_error_thousandths = 250;
  EngineWorld world(settings);
  Admit admit = world.Request("shop", "r1", 0, 1);
  admit.input[TokenKind::kCachedInput] = Tokens(101);
  admit.estimated[TokenKind::kCachedInput] = true;
  const Granted granted = world.GrantNow(admit);
  // 101 x 1.25 = 126.25 -> 127 uncached, and one token of output.
  EXPECT_EQ(granted.explanation.estimated_work, NormalizedTokens(127 + 4));
}

TEST(Engine, ACompleteIsAnsweredOnceAndRepeated) {
  EngineWorld world;
  const Granted granted = world.GrantNow(world.Request("shop", "r1"));
  const Completed first = world.CompleteNow(granted, 10, 20);
  const Completed again = world.CompleteNow(granted, 10, 20);
  EXPECT_FALSE(first.repeated);
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(first.charge, again.charge);
  EXPECT_EQ(ReasonOf(world.Ask(world.CompletionOf(granted, 10, 21))), ErrorReason::kGrantEnded);
  EXPECT_EQ(world.engine().books().accounts().currencies().at(0).revenue, first.charge);
}

TEST(Engine, AGrantIsItsTenantsOnly) {
  EngineWorld world;
  const Granted granted = world.GrantNow(world.Request("shop", "r1"));
  Complete complete = world.CompletionOf(granted, 10, 20);
  complete.on_behalf_of = world.TenantNamed("acme");
  EXPECT_EQ(ReasonOf(world.Ask(complete)), ErrorReason::kForeignGrant);
  Progress progress{.grant = granted.id, .on_behalf_of = world.TenantNamed("acme")};
  EXPECT_EQ(ReasonOf(world.Ask(progress)), ErrorReason::kForeignGrant);
  EXPECT_EQ(world.engine().books().open_count(), 1u);
}

TEST(Engine, CountsOnlyGrow) {
  EngineWorld world;
  const Granted granted = world.GrantNow(world.Request("shop", "r1"));
  world.Tick(Seconds(1));
  EXPECT_TRUE(
      std::holds_alternative<Progressed>(world.Ask(Progress{.grant = granted.id, .so_far = InputOutput(10, 5)})));
  EXPECT_EQ(ReasonOf(world.Ask(Progress{.grant = granted.id, .so_far = InputOutput(10, 4)})),
            ErrorReason::kInvalidArgument);
  EXPECT_EQ(ReasonOf(world.Ask(world.CompletionOf(granted, 10, 4))), ErrorReason::kInvalidArgument);
  world.CompleteNow(granted, 10, 6);
}

TEST(Engine, AKindThatThePoolDoesNotHaveIsAnError) {
  EngineWorld world;
  Admit admit = world.Request("shop", "r1");
  admit.input[TokenKind::kImage] = Tokens(3);
  EXPECT_EQ(ReasonOf(world.Ask(admit)), ErrorReason::kUnknownTokenKind);
}

TEST(Engine, ProgressExtendsTheDeadlinesAndStopsAtTheCap) {
  EngineWorld world;
  const Granted granted = world.GrantNow(world.Request("shop", "r1", 10, 30));
  world.Tick(Seconds(50));
  const Outcome outcome = world.Ask(Progress{.grant = granted.id, .so_far = InputOutput(10, 29)});
  EXPECT_EQ(std::get<Progressed>(outcome).lease_deadline, kStart + Seconds(110));
  EXPECT_FALSE(std::get<Progressed>(outcome).stop);
  world.Tick(Seconds(50));
  EXPECT_EQ(world.engine().pools()[0]->scheduler().InFlight(), 1) << "the lease was extended";
  EXPECT_TRUE(std::get<Progressed>(world.Ask(Progress{.grant = granted.id, .so_far = InputOutput(10, 30)})).stop);
}

TEST(Engine, SlotComesBackAtTheLeaseDeadlineAndMoneyAtTheSettleDeadline) {
  EngineWorld world;
  const Granted granted = world.GrantNow(world.Request("shop", "r1"));
  world.Tick(Seconds(60));
  EXPECT_EQ(world.engine().pools()[0]->scheduler().InFlight(), 0);
  EXPECT_EQ(world.engine().books().balances().at(world.TenantNamed("shop")).pending, granted.hold);
  world.engine().CheckInvariants();
  world.Tick(Seconds(540));
  EXPECT_TRUE(world.engine().books().balances().at(world.TenantNamed("shop")).pending.IsZero());
  world.engine().CheckInvariants();
}

TEST(Engine, ACompleteAfterTheLeaseIsStillBilled) {
  EngineWorld world;
  const Granted granted = world.GrantNow(world.Request("shop", "r1"));
  world.Tick(Seconds(61));
  EXPECT_TRUE(world.CompleteNow(granted, 10, 20).billed);
  world.engine().CheckInvariants();
}

TEST(Engine, ACompleteAfterTheSettleDeadlineIsCountedNotBilledAndOnlyOnce) {
  EngineWorld world;
  const Granted granted = world.GrantNow(world.Request("shop", "r1"));
  world.Tick(Seconds(601));
  const Completed late = world.CompleteNow(granted, 10, 20);
  EXPECT_FALSE(late.billed);
  EXPECT_TRUE(late.charge.IsZero());
  EXPECT_TRUE(world.CompleteNow(granted, 10, 20).repeated);
  EXPECT_TRUE(world.engine().books().accounts().currencies().at(0).revenue.IsZero());
  world.engine().CheckInvariants();
}

TEST(Engine, AnUndeliverableGrantIsVoided) {
  EngineWorld world;
  const Ticket ticket = world.Offer(world.Request("shop", "r1"));
  const Granted granted = std::get<Granted>(*world.AnswerTo(ticket));
  world.Do(Undeliverable{ticket, granted.id});
  EXPECT_TRUE(world.engine().books().open_count() == 0);
  EXPECT_EQ(ReasonOf(world.Ask(world.CompletionOf(granted, 10, 20))), ErrorReason::kGrantEnded);
  world.engine().CheckInvariants();
}

TEST(Engine, AGrantThatARetryPickedUpIsNotVoided) {
  EngineWorld world;
  const Ticket lost = world.Offer(world.Request("shop", "r1"));
  const Granted granted = std::get<Granted>(*world.AnswerTo(lost));
  world.GrantNow(world.Request("shop", "r1"));
  world.Do(Undeliverable{lost, granted.id});
  EXPECT_EQ(world.engine().books().open_count(), 1u);
}

TEST(Engine, DrainSendsWaitersAwayAndLetsSettlementsGoOn) {
  EngineWorld world;
  std::vector<Granted> running;
  for (int i = 0; i < 4; ++i) running.push_back(world.GrantNow(world.Request("shop", "r" + std::to_string(i))));
  const Ticket waiting = world.Offer(world.Request("shop", "waits"));
  world.Do(Drain{});
  EXPECT_EQ(ReasonOf(*world.AnswerTo(waiting)), ErrorReason::kDraining);
  EXPECT_EQ(ReasonOf(world.Ask(world.Request("shop", "new"))), ErrorReason::kDraining);
  for (const Granted& granted : running) world.CompleteNow(granted, 10, 10);
  world.engine().CheckInvariants();
}

TEST(Engine, GrantsOfAnEarlierBootKeepTheirSlotsUntilTheirLeasesEnd) {
  EngineWorld world;
  const Granted granted = world.GrantNow(world.Request("shop", "r1"));
  world.Restart(Seconds(10));
  EXPECT_EQ(world.engine().pools()[0]->scheduler().InFlight(), 1);
  EXPECT_EQ(world.engine().pools()[0]->slots_of_earlier_boot(), 1);
  world.engine().CheckInvariants();
  EXPECT_TRUE(world.CompleteNow(granted, 10, 20).billed);
  EXPECT_EQ(world.engine().pools()[0]->slots_of_earlier_boot(), 0);
  world.engine().CheckInvariants();
}

TEST(Engine, AGrantWhoseRecordWasLostSettlesExactlyOnce) {
  EngineWorld world;
  Granted lost = world.GrantNow(world.Request("shop", "r1"));
  lost.id.sequence = 7;  // as if the journal had been cut off before it
  world.Restart();
  const Completed completed = world.CompleteNow(lost, 10, 20);
  EXPECT_TRUE(completed.billed);
  EXPECT_EQ(completed.charge.ToDecimal(), "0.000054000000");
  EXPECT_TRUE(world.CompleteNow(lost, 10, 20).repeated);
  EXPECT_EQ(world.engine().books().accounts().currencies().at(0).revenue, completed.charge);
  world.engine().CheckInvariants();
}

TEST(Engine, AGrantThatWasNeverGivenIsUnknown) {
  EngineWorld world;
  Granted invented = world.GrantNow(world.Request("shop", "r1"));
  invented.id.sequence = 2;
  EXPECT_EQ(ReasonOf(world.Ask(world.CompletionOf(invented, 1, 1))), ErrorReason::kUnknownGrant);
  invented.id.epoch = 9;
  EXPECT_EQ(ReasonOf(world.Ask(world.CompletionOf(invented, 1, 1))), ErrorReason::kUnknownGrant);
}

TEST(Engine, AnExpiredLostGrantIsCountedNotBilled) {
  EngineWorld world;
  Granted lost = world.GrantNow(world.Request("shop", "r1"));
  lost.id.sequence = 7;
  world.Restart(Hours(1));
  EXPECT_FALSE(world.CompleteNow(lost, 10, 20).billed);
  world.engine().CheckInvariants();
}

TEST(Engine, ATariffVersionWhosePricesChangedIsRefused) {
  EngineWorld world;
  EngineSettings changed = SmallWorld();
  changed.tariff.pools[0].demand[0].steps[0].price += 1;
  const auto engine = Engine::Open(changed, world.journal().Handle(), FairScheduling(), kStart);
  ASSERT_EQ(engine.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(engine.status().message()), testing::HasSubstr("new version"));
}

TEST(Engine, APriceChangeDoesNotTouchGrantsThatPinnedTheOldOne) {
  EngineWorld world;
  const Granted granted = world.GrantNow(world.Request("shop", "r1"));
  world.settings().tariff.version = "test-2";
  world.settings().tariff.pools[0].by_class[static_cast<size_t>(ServiceClass::kDefault)][TokenKind::kInput] = 900'000;
  world.Restart();
  EXPECT_EQ(world.CompleteNow(granted, 10, 0).charge.ToDecimal(), "0.000006000000");
  const Granted newer = world.GrantNow(world.Request("shop", "r2"));
  EXPECT_EQ(world.CompleteNow(newer, 10, 0).charge.ToDecimal(), "0.000009000000");
}

TEST(Engine, CapacityChangesLive) {
  EngineWorld world;
  for (int i = 0; i < 4; ++i) world.GrantNow(world.Request("shop", "r" + std::to_string(i)));
  const Ticket waiting = world.Offer(world.Request("shop", "waits"));
  EXPECT_FALSE(world.AnswerTo(waiting).has_value());
  world.Ask(SetCapacity{.pool = PoolId{1}, .capacity = NormalizedTokensPerSecond(2'000), .max_in_flight = 5});
  EXPECT_TRUE(std::holds_alternative<Granted>(*world.AnswerTo(waiting)));
}

TEST(Engine, APlanReplacesTheColdStartPrediction) {
  EngineWorld world;
  EXPECT_EQ(world.GrantNow(world.Request("shop", "r1")).explanation.predicted_output, Tokens(50));
  world.Do(SetPlan{{{world.TenantNamed("shop"), PoolId{1}, Tokens(80)}}});
  EXPECT_EQ(world.GrantNow(world.Request("shop", "r2")).explanation.predicted_output, Tokens(80));
  EXPECT_EQ(world.GrantNow(world.Request("shop", "r3", 10, 20)).explanation.predicted_output, Tokens(20));
}

TEST(Engine, TheLargestRequestWithEveryKindEstimatedIsHeldWithinBounds) {
  EngineSettings settings = SmallWorld();
  settings.pools[0].estimator_error_thousandths = 1'000;
  settings.pools[0].burndown[TokenKind::kImage] = 1'000'000;
  EngineWorld world(settings);
  Admit admit = world.Request("shop", "largest", 1'000'000'000, 1'000'000'000);
  for (const TokenKind kind : {TokenKind::kInput, TokenKind::kCachedInput, TokenKind::kImage}) {
    admit.input[kind] = Tokens(1'000'000'000);
    admit.estimated[kind] = true;
  }
  const Granted granted = world.GrantNow(admit);
  EXPECT_GT(granted.hold, ledger::Money());
  world.CompleteNow(granted, 1'000'000'000, 1'000'000'000);
  world.engine().CheckInvariants();
}

}  // namespace
}  // namespace penstock::core
