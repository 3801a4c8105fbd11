// Routing over candidate pools, and places promised to those who were sent away.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/broker/core/engine_fixture.h"

namespace penstock::core {
namespace {

class TwoPools : public EngineWorld {
 public:
  explicit TwoPools(EngineSettings settings = WithPool(SmallWorld(), "annex")) : EngineWorld(std::move(settings)) {}

  Admit Either(const std::string& tenant, const std::string& id, int64_t input = 10) const {
    Admit admit = Request(tenant, id, input);
    admit.pools = {PoolNamed("chat"), PoolNamed("annex")};
    return admit;
  }
  /// Takes all slots of `chat`, and lets `waiting` requests of a tenant stand in line there.
  std::vector<Granted> FillChat(int waiting) {
    std::vector<Granted> running;
    for (int i = 0; i < 4; ++i) running.push_back(GrantNow(Request("tramp", "f" + std::to_string(i))));
    for (int i = 0; i < waiting; ++i) {
      Admit admit = Request("shop", "w" + std::to_string(i), 1'000);
      admit.max_wait = Seconds(600);
      Offer(admit);
    }
    return running;
  }
};

TEST(Routing, TakesTheFirstCandidateThatFits) {
  TwoPools world;
  const Granted granted = world.GrantNow(world.Either("shop", "r1"));
  EXPECT_EQ(granted.terms.pool, world.PoolNamed("chat"));
  EXPECT_EQ(granted.explanation.candidates[0], CandidateVerdict::kChosen);
  EXPECT_EQ(granted.explanation.candidates[1], CandidateVerdict::kNotConsidered);
}

TEST(Routing, PassesOverAPoolWithALongLine) {
  TwoPools world;
  world.FillChat(20);
  Admit admit = world.Either("shop", "r1");
  admit.max_wait = Seconds(2);
  world.Do(SetPlan{.predicted_outputs = {}, .wait_tables = {{world.PoolNamed("chat"), ServiceClass::kDefault, [] {
                                                               std::array<WaitRange, kWaitBuckets> buckets;
                                                               buckets.fill({Seconds(5), Seconds(10), Seconds(20)});
                                                               return buckets;
                                                             }()}}});
  const Granted granted = world.GrantNow(admit);
  EXPECT_EQ(granted.terms.pool, world.PoolNamed("annex"));
  EXPECT_EQ(granted.explanation.candidates[0], CandidateVerdict::kWaitTooLong);
  EXPECT_EQ(granted.explanation.candidates[1], CandidateVerdict::kChosen);
  admit.request_id = "patient";
  admit.max_wait = Seconds(60);
  EXPECT_FALSE(world.AnswerTo(world.Offer(admit)).has_value()) << "it may wait so long: it stands in line of the first";
}

TEST(Routing, NowOrNeverGoesWhereThereIsRoomNow) {
  TwoPools world;
  world.FillChat(0);
  Admit admit = world.Either("shop", "r1");
  admit.max_wait = Duration::Zero();
  const Granted granted = world.GrantNow(admit);
  EXPECT_EQ(granted.terms.pool, world.PoolNamed("annex"));
  EXPECT_EQ(granted.explanation.candidates[0], CandidateVerdict::kWaitTooLong);
}

TEST(Routing, ALineThatIsFullOrAPoolThatIsTooSmallIsPassedOver) {
  EngineSettings settings = WithPool(SmallWorld(), "annex");
  settings.pools[0].terms.kv_tokens = 500;
  settings.pools[0].terms.classes[static_cast<size_t>(ServiceClass::kDefault)].max_waiting = 1;
  TwoPools world(settings);
  const Granted large = world.GrantNow(world.Either("shop", "large", 600));
  EXPECT_EQ(large.terms.pool, world.PoolNamed("annex")) << "chat could never hold it";
  world.FillChat(0);
  EXPECT_FALSE(world.AnswerTo(world.Offer(world.Request("shop", "stands"))).has_value());
  const Granted next = world.GrantNow(world.Either("shop", "next"));
  EXPECT_EQ(next.terms.pool, world.PoolNamed("annex"));
  EXPECT_EQ(next.explanation.candidates[0], CandidateVerdict::kWaitTooLong);
  const Refused refused = world.RefuseNow(world.Request("shop", "alone"));
  EXPECT_EQ(refused.reason, RefusalReason::kQueueFull);
  EXPECT_TRUE(refused.promised);
  EXPECT_EQ(world.RefuseNow(world.Request("shop", "too large", 600)).reason, RefusalReason::kTooLarge);
  world.engine().CheckInvariants();
}

TEST(Routing, ABudgetThatCannotPayTheFirstMayPayTheSecond) {
  EngineSettings settings = WithPool(SmallWorld(), "annex");
  for (auto& prices : settings.tariff.pools[1].by_class) {
    for (const TokenKind kind : {TokenKind::kInput, TokenKind::kOutput, TokenKind::kReasoning}) prices[kind] /= 10;
  }
  settings.tenants[1].budgets.push_back(
      {.name = "total", .period = BudgetTerms::Period::kTotal, .amount = ledger::Money::FromPico(5'000'000)});
  TwoPools world(settings);
  const Granted granted = world.GrantNow(world.Either("shop", "r1"));
  EXPECT_EQ(granted.terms.pool, world.PoolNamed("annex"));
  EXPECT_EQ(granted.explanation.candidates[0], CandidateVerdict::kOverBudget);
}

TEST(Routing, WhenNoneFitsTheMostUsefulRefusalIsTold) {
  EngineSettings settings = WithPool(WithPool(SmallWorld(), "annex"), "villa");
  settings.tenants[1].pools = {"chat", "annex"};
  settings.tenants[1].keys[0].policy.max_output_price = 2'400'000;
  for (auto& prices : settings.tariff.pools[1].by_class) prices[TokenKind::kOutput] = 9'000'000;
  settings.tenants[1].limits.limits = {LimitOf("requests_per_minute", admission::Measure::kRequests, 1, Minutes(1))};
  TwoPools world(settings);
  Admit admit = world.Request("shop", "r1");
  admit.pools = {world.PoolNamed("villa"), world.PoolNamed("annex"), world.PoolNamed("chat")};
  world.GrantNow(admit);
  admit.request_id = "r2";
  const Refused refused = world.RefuseNow(admit);
  EXPECT_EQ(refused.reason, RefusalReason::kRateLimit) << "that is the one that time heals";
  EXPECT_EQ(refused.limit, "tenant.requests_per_minute");
  EXPECT_EQ(refused.explanation.candidates[0], CandidateVerdict::kNotAllowed);
  EXPECT_EQ(refused.explanation.candidates[1], CandidateVerdict::kTooDear);
  EXPECT_EQ(refused.explanation.candidates[2], CandidateVerdict::kLimited);
  admit.request_id = "r3";
  admit.pools.pop_back();
  EXPECT_EQ(world.RefuseNow(admit).limit, "key.max_output_price");
  admit.request_id = "r4";
  admit.pools.pop_back();
  EXPECT_EQ(world.RefuseNow(admit).limit, "pools");
}

TEST(Routing, ValidateOnlyRoutesAsWellAndTakesNothing) {
  TwoPools world;
  world.FillChat(0);
  Admit admit = world.Either("shop", "r1");
  admit.max_wait = Duration::Zero();
  admit.validate_only = true;
  const Outcome outcome = world.Ask(admit);
  ASSERT_TRUE(std::holds_alternative<Forecasted>(outcome));
  EXPECT_EQ(std::get<Forecasted>(outcome).pool, world.PoolNamed("annex"));
  EXPECT_EQ(world.engine().books().open_count(), 4u);
}

// ---- promises

/// `chat` serves one request at a time and has room for `line` in the line of class default.
EngineSettings Narrow(int64_t line) {
  EngineSettings settings = SmallWorld();
  settings.pools[0].terms.max_in_flight = 1;
  settings.pools[0].terms.classes[static_cast<size_t>(ServiceClass::kDefault)].max_waiting = line;
  TenantSettings rival = settings.tenants[1];
  rival.name = "rival";
  settings.tenants.push_back(rival);
  return settings;
}

TEST(Promise, WhoComesBackInTimeGetsInAndNewcomersDoNotTakeThePlace) {
  EngineWorld world(Narrow(100));
  // A line of ten seconds at 1,000 nt/s.
  Granted running = world.GrantNow(world.Request("shop", "runs", 800, 50));
  std::vector<Ticket> line;
  for (int i = 0; i < 10; ++i) {
    Admit admit = world.Request("shop", "w" + std::to_string(i), 800, 50);
    admit.max_wait = Seconds(60);
    line.push_back(world.Offer(admit));
  }
  world.Do(SetPlan{.predicted_outputs = {}, .wait_tables = {{PoolId{1}, ServiceClass::kDefault, [] {
                                                               std::array<WaitRange, kWaitBuckets> buckets;
                                                               for (size_t i = 0; i < kWaitBuckets; ++i) {
                                                                 const Duration wait = Milliseconds(int64_t{1} << i);
                                                                 buckets[i] = {wait, wait, wait * 2};
                                                               }
                                                               return buckets;
                                                             }()}}});
  Admit sent_away = world.Request("shop", "sent away", 800, 50);
  sent_away.max_wait = Seconds(6);
  const Refused refused = world.RefuseNow(sent_away);
  EXPECT_EQ(refused.reason, RefusalReason::kWaitTooLong);
  EXPECT_TRUE(refused.promised);
  EXPECT_GT(refused.retry_after, Duration::Zero());
  EXPECT_TRUE(MessageOf(refused).ends_with("; the same request_id has a place then"));
  // A newcomer of the same tenant may fill the line to half of what it may wait; a rival to all of it.
  Admit newcomer = world.Request("shop", "newcomer", 800, 50);
  newcomer.max_wait = Seconds(10);
  EXPECT_EQ(world.RefuseNow(newcomer).reason, RefusalReason::kWaitTooLong);
  Admit rival = world.Request("rival", "rival", 800, 50);
  rival.max_wait = Seconds(10);
  line.push_back(world.Offer(rival));
  EXPECT_FALSE(world.AnswerTo(line.back()).has_value()) << "it stands in line";
  // The line drains at the pool's pace: one a second.
  for (Duration left = refused.retry_after; left > Duration::Zero(); left -= std::min(left, Seconds(1))) {
    world.Tick(std::min(left, Seconds(1)));
    world.CompleteNow(running, 800, 50);
    for (const Ticket ticket : line) {
      if (const std::optional<Outcome> outcome = world.AnswerTo(ticket)) running = std::get<Granted>(*outcome);
    }
  }
  newcomer.request_id = "another newcomer";
  newcomer.max_wait = Seconds(3);
  EXPECT_EQ(world.RefuseNow(newcomer).reason, RefusalReason::kWaitTooLong) << "the place is not theirs";
  const Ticket back = world.Offer(sent_away);
  EXPECT_FALSE(world.AnswerTo(back).has_value()) << "it has a place";
}

TEST(Promise, IsThereInAFullLineToo) {
  EngineWorld world(Narrow(2));
  world.GrantNow(world.Request("shop", "runs"));
  for (int i = 0; i < 2; ++i) world.Offer(world.Request("shop", "w" + std::to_string(i)));
  const Refused refused = world.RefuseNow(world.Request("shop", "sent away"));
  EXPECT_EQ(refused.reason, RefusalReason::kQueueFull);
  ASSERT_TRUE(refused.promised);
  const Refused newcomer = world.RefuseNow(world.Request("shop", "newcomer"));
  EXPECT_EQ(newcomer.reason, RefusalReason::kQueueFull);
  world.Tick(refused.retry_after);
  const Ticket back = world.Offer(world.Request("shop", "sent away"));
  EXPECT_FALSE(world.AnswerTo(back).has_value()) << "the line is as full as before, but it has a place";
  EXPECT_EQ(world.RefuseNow(world.Request("shop", "another")).reason, RefusalReason::kQueueFull);
}

TEST(Promise, ComingBackTooEarlyOrTooLateHasNoPlace) {
  Promises promises;
  const auto key = [](const std::string& name) { return ledger::DigestOf(name); };
  const auto give = [&](const std::string& name, Instant due) {
    EXPECT_TRUE(promises.Give(key(name), TenantId{1}, ServiceClass::kDefault, Work(5), due, kStart));
  };
  for (const char* name : {"early", "in time", "just late", "late"}) give(name, kStart + Seconds(10));
  EXPECT_EQ(promises.Promised(TenantId{1}, ServiceClass::kDefault), Work(20));
  EXPECT_EQ(promises.Promised(TenantId{2}, ServiceClass::kDefault), Work::Zero()) << "each tenant for itself";
  EXPECT_EQ(promises.Promised(TenantId{1}, ServiceClass::kFlex), Work::Zero());
  EXPECT_FALSE(promises.Redeem(key("early"), kStart + Seconds(9)));
  EXPECT_TRUE(promises.Redeem(key("in time"), kStart + Seconds(10) - kPromiseSlack));
  EXPECT_FALSE(promises.Redeem(key("in time"), kStart + Seconds(10))) << "once";
  EXPECT_TRUE(promises.Redeem(key("just late"), kStart + Seconds(10) + kPromiseLapse));
  EXPECT_FALSE(promises.Redeem(key("late"), kStart + Seconds(10) + kPromiseLapse + Nanoseconds(1)));
  EXPECT_EQ(promises.size(), 0u);
  EXPECT_EQ(promises.Promised(TenantId{1}, ServiceClass::kDefault), Work::Zero());
}

TEST(Promise, WhatLapsedNoLongerKeepsNewcomersOut) {
  Promises promises;
  for (int i = 0; i < 8; ++i) {
    promises.Give(ledger::DigestOf(std::to_string(i)), TenantId{1}, ServiceClass::kDefault, Work(1), kStart, kStart);
  }
  const Instant later = kStart + kPromiseLapse + Seconds(1);
  promises.Redeem(ledger::DigestOf("a newcomer"), later);
  promises.Redeem(ledger::DigestOf("a second"), later);
  EXPECT_EQ(promises.Promised(TenantId{1}, ServiceClass::kDefault), Work::Zero())
      << "though nobody was sent away since";
}

TEST(Promise, ABoundedNumberIsKept) {
  Promises promises;
  for (size_t i = 0; i < kMaxPromises; ++i) {
    ASSERT_TRUE(promises.Give(ledger::DigestOf(std::to_string(i)), TenantId{1}, ServiceClass::kDefault, Work(1),
                              kStart + Seconds(60), kStart));
  }
  EXPECT_FALSE(promises.Give(ledger::DigestOf("more"), TenantId{1}, ServiceClass::kDefault, Work(1), kStart, kStart));
  EXPECT_EQ(promises.size(), kMaxPromises);
  // Lapsed ones make room by and by.
  int given = 0;
  for (int i = 0; i < 10; ++i) {
    given += promises.Give(ledger::DigestOf("later" + std::to_string(i)), TenantId{1}, ServiceClass::kDefault, Work(1),
                           kStart + Minutes(3), kStart + Minutes(2))
                 ? 1
                 : 0;
  }
  EXPECT_EQ(given, 10);
}

}  // namespace
}  // namespace penstock::core
