// Every decision can say what produced it, and what would have helped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/broker/core/engine_fixture.h"

namespace penstock::core {
namespace {

using testing::ElementsAre;

Decision RefusedBy(RefusalReason reason, const char* limit = "", Duration retry_after = Duration::Zero()) {
  Decision decision;
  decision.refusal.reason = reason;
  decision.refusal.limit = limit;
  decision.refusal.retry_after = retry_after;
  decision.came = decision.decided = kStart;
  return decision;
}

TEST(Remedies, ReadAsSentences) {
  EXPECT_THAT(Remedies(RefusedBy(RefusalReason::kRateLimit, "tier.requests_per_minute", Milliseconds(1'250))),
              ElementsAre("asking 1.250 s later, or a higher tier.requests_per_minute"));
  EXPECT_THAT(Remedies(RefusedBy(RefusalReason::kParallelLimit, "key.parallel_requests")),
              ElementsAre("one request less at a time, or a higher key.parallel_requests"));
  EXPECT_THAT(Remedies(RefusedBy(RefusalReason::kReservationUsed)),
              ElementsAre("a larger reservation, or overrun: spill"));
  EXPECT_THAT(Remedies(RefusedBy(RefusalReason::kNotAllowed, "pools")),
              ElementsAre("a policy of the key that allows it: pools"));
  EXPECT_THAT(Remedies(RefusedBy(RefusalReason::kBudgetUsed, "key.budget.day")),
              ElementsAre("more money in budget key.budget.day"));
  EXPECT_THAT(Remedies(RefusedBy(RefusalReason::kRunBound, "run.max_spend")),
              ElementsAre("an approval of the run, or a higher run.max_spend"));
  EXPECT_THAT(Remedies(RefusedBy(RefusalReason::kDuplicate)),
              ElementsAre("another content, or duplicates: hint in the key's policy"));
  EXPECT_THAT(Remedies(RefusedBy(RefusalReason::kTooLarge)), ElementsAre("a shorter context"));
  EXPECT_THAT(Remedies(RefusedBy(RefusalReason::kQueueFull, "", Seconds(3))), ElementsAre("coming back 3.000 s later"));
  Decision input = RefusedBy(RefusalReason::kInputTooLarge);
  input.refusal.remaining = 8'000;
  EXPECT_THAT(Remedies(input), ElementsAre("an input of at most 8000 tokens"));
  Decision wait = RefusedBy(RefusalReason::kWaitTooLong, "", Seconds(2));
  wait.explanation.forecast_wait.high = Seconds(12);
  wait.explanation.gate = admission::Gate::kSlots;
  EXPECT_THAT(Remedies(wait), ElementsAre("a max_wait of about 12.000 s instead", "coming back 2.000 s later",
                                          "a free slot: all of the pool's max_in_flight were taken when it came"));
}

TEST(Remedies, SayWhatAGrantWaitedFor) {
  Decision decision;
  decision.grant = {1, 1};
  decision.came = decision.decided = kStart;
  decision.stood_as = ServiceClass::kFlex;
  decision.explanation.gate = admission::Gate::kPace;
  EXPECT_THAT(Remedies(decision), ElementsAre()) << "it did not wait";
  decision.decided = kStart + Seconds(1);
  EXPECT_THAT(Remedies(decision), ElementsAre("more capacity: the pool's rate of work was used up when it came"));
  decision.explanation.gate = admission::Gate::kKvTokens;
  EXPECT_THAT(Remedies(decision), ElementsAre("more KV memory: the pool's kv_tokens were taken when it came"));
  decision.explanation.gate = admission::Gate::kClassCap;
  EXPECT_THAT(Remedies(decision), ElementsAre("a higher cap of class flex"));
  decision.explanation.gate = admission::Gate::kHoldback;
  EXPECT_THAT(Remedies(decision), ElementsAre("a smaller holdback of class flex: the rest was kept for others"));
  decision.explanation.gate = admission::Gate::kOthersFirst;
  EXPECT_THAT(Remedies(decision), ElementsAre("a larger weight, or a reservation: others had the earlier claim"));
}

TEST(Explain, AGrantIsFoundByItsIdAndByItsRequest) {
  EngineWorld world;
  const Granted granted = world.GrantNow(world.Request("shop", "r1"));
  const Decision* by_grant = world.engine().FindDecision(granted.id);
  ASSERT_NE(by_grant, nullptr);
  EXPECT_EQ(world.engine().FindDecision(world.TenantNamed("shop"), "r1"), by_grant);
  EXPECT_EQ(world.engine().FindDecision(world.TenantNamed("tramp"), "r1"), nullptr) << "each tenant for itself";
  EXPECT_EQ(by_grant->grant, granted.id);
  EXPECT_EQ(by_grant->pool, PoolId{1});
  EXPECT_EQ(by_grant->stood_as, ServiceClass::kDefault);
  EXPECT_EQ(by_grant->served, ServiceClass::kDefault);
  EXPECT_EQ(by_grant->tariff, 1u);
  EXPECT_EQ(by_grant->output_cap, Tokens(100));
  EXPECT_EQ(by_grant->hold, granted.hold);
  EXPECT_EQ(by_grant->explanation.predicted_output, Tokens(50));
  EXPECT_EQ(by_grant->explanation.estimated_work, NormalizedTokens(10 + 4 * 50));
  EXPECT_THAT(Remedies(*by_grant), ElementsAre());
}

TEST(Explain, AReservedGrantNamesItsContract) {
  EngineWorld world;
  const Granted granted = world.GrantNow(world.Request("acme", "r1"));
  const Decision& decision = *world.engine().FindDecision(granted.id);
  EXPECT_EQ(decision.stood_as, ServiceClass::kSpillover);
  EXPECT_EQ(decision.served, ServiceClass::kReserved);
  EXPECT_NE(decision.explanation.dispatch.contract, 0u);
  EXPECT_EQ(decision.explanation.dispatch.eligible_at, kStart);
  EXPECT_GT(decision.explanation.dispatch.contract_deadline, kStart);
}

TEST(Explain, ASharedGrantShowsItsTags) {
  EngineWorld world;
  world.CompleteNow(world.GrantNow(world.Request("shop", "r0")), 10, 50);
  std::vector<Granted> running;
  for (int i = 1; i <= 4; ++i) running.push_back(world.GrantNow(world.Request("shop", "r" + std::to_string(i))));
  const Ticket first = world.Offer(world.Request("shop", "w1"));
  world.Offer(world.Request("shop", "w2"));
  world.Tick(Seconds(1));
  world.CompleteNow(running[0], 10, 50);
  const std::optional<Outcome> outcome = world.AnswerTo(first);
  ASSERT_TRUE(outcome && std::holds_alternative<Granted>(*outcome));
  const Decision& decision = *world.engine().FindDecision(world.TenantNamed("shop"), "w1");
  EXPECT_EQ(decision.came, kStart);
  EXPECT_EQ(decision.decided, kStart + Seconds(1));
  EXPECT_EQ(decision.explanation.position, 0);
  EXPECT_EQ(decision.explanation.gate, admission::Gate::kSlots);
  EXPECT_GT(decision.explanation.line_forecast, Duration::Zero());
  EXPECT_EQ(decision.explanation.dispatch.contract, 0u);
  EXPECT_GE(decision.explanation.dispatch.tenant_tag, 0);
  EXPECT_GE(decision.explanation.dispatch.tenant_virtual_time, decision.explanation.dispatch.tenant_tag);
  EXPECT_THAT(Remedies(decision), ElementsAre("a free slot: all of the pool's max_in_flight were taken when it came"));
  world.Tick(Seconds(10));
  const Decision& second = *world.engine().FindDecision(world.TenantNamed("shop"), "w2");
  EXPECT_EQ(second.explanation.position, 1);
  EXPECT_EQ(second.refusal.reason, RefusalReason::kWaitExpired);
  EXPECT_EQ(second.grant.epoch, 0u);
}

TEST(Explain, ARefusalNamesItsLimitAndTheLatestDecisionCounts) {
  EngineSettings settings = SmallWorld();
  settings.tenants[1].limits.limits = {LimitOf("requests_per_minute", admission::Measure::kRequests, 1, Minutes(1))};
  EngineWorld world(settings);
  world.GrantNow(world.Request("shop", "r1"));
  world.RefuseNow(world.Request("shop", "r2"));
  const Decision* decision = world.engine().FindDecision(world.TenantNamed("shop"), "r2");
  ASSERT_NE(decision, nullptr);
  EXPECT_EQ(decision->refusal.limit, "tenant.requests_per_minute");
  EXPECT_THAT(Remedies(*decision), ElementsAre("asking 60.000 s later, or a higher tenant.requests_per_minute"));
  world.Tick(Minutes(1));
  const Granted granted = world.GrantNow(world.Request("shop", "r2"));
  EXPECT_EQ(world.engine().FindDecision(world.TenantNamed("shop"), "r2")->grant, granted.id);
}

TEST(Explain, ValidateOnlyLeavesNoDecision) {
  EngineWorld world;
  Admit admit = world.Request("shop", "r1");
  admit.validate_only = true;
  world.Ask(admit);
  EXPECT_EQ(world.engine().FindDecision(world.TenantNamed("shop"), "r1"), nullptr);
}

TEST(DecisionLog, KeepsTheLatestAndForgetsTheOldest) {
  DecisionLog log;
  constexpr size_t kMore = 1'000;
  const auto request = [](size_t i) { return ledger::DigestOf(std::to_string(i)); };
  for (size_t i = 0; i < kDecisionsKept + kMore; ++i) {
    Decision decision;
    decision.request = request(i);
    if (i % 2 == 0) decision.grant = {1, i + 1};
    log.Add(decision);
  }
  for (size_t i = 0; i < kDecisionsKept + kMore; ++i) {
    const bool kept = i >= kMore;
    ASSERT_EQ(log.Find(request(i)) != nullptr, kept) << i;
    ASSERT_EQ(log.Find(GrantId{1, i + 1}) != nullptr, kept && i % 2 == 0) << i;
    if (kept) {
      ASSERT_EQ(log.Find(request(i))->request, request(i));
    }
  }
}

TEST(DecisionLog, AnOldDecisionThatIsForgottenDoesNotTakeTheNewOneWithIt) {
  DecisionLog log;
  Decision asked_again;
  asked_again.request = ledger::DigestOf("again");
  log.Add(asked_again);
  Decision other;
  for (size_t i = 0; i < kDecisionsKept - 1; ++i) {
    if (i == 10) {
      asked_again.grant = {1, 7};
      log.Add(asked_again);
      continue;
    }
    other.request = ledger::DigestOf(std::to_string(i));
    log.Add(other);
  }
  other.request = ledger::DigestOf("one more");
  log.Add(other);  // in place of the first
  ASSERT_NE(log.Find(asked_again.request), nullptr);
  EXPECT_EQ(log.Find(asked_again.request)->grant, (GrantId{1, 7}));
}

}  // namespace
}  // namespace penstock::core
