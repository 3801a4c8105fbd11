// Guardrails of runs: spend, requests, wall time, depth; approval; restart; oblivion.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/admission/seed.h"
#include "tests/broker/core/engine_fixture.h"

namespace penstock::core {
namespace {

ledger::Money OutputCost(int64_t tokens) { return ledger::Money::FromPico(2'400'000) * tokens; }

EngineSettings WithRuns(const RunTerms& terms) {
  EngineSettings settings = SmallWorld();
  settings.tenants[1].runs = terms;
  settings.pools[0].terms.max_in_flight = 100;
  settings.pools[0].terms.burst = NormalizedTokens(1'000'000);
  return settings;
}

Admit InRun(const EngineWorld& world, const std::string& id, int64_t max_output = 50, const std::string& run = "agent",
            int64_t depth = 0) {
  Admit admit = world.Request("shop", id, 0, max_output);
  admit.run = run;
  admit.depth = depth;
  return admit;
}

TEST(Run, TakesNoMoreRequestsThanItMay) {
  EngineWorld world(WithRuns({.max_spend = {}, .max_requests = 2, .max_wall_time = {}}));
  world.CompleteNow(world.GrantNow(InRun(world, "r1")), 0, 10);
  world.GrantNow(InRun(world, "r2"));
  const Refused refused = world.RefuseNow(InRun(world, "r3"));
  EXPECT_EQ(refused.reason, RefusalReason::kRunBound);
  EXPECT_EQ(refused.limit, "run.max_requests");
  EXPECT_TRUE(IsYours(refused.reason));
  world.GrantNow(InRun(world, "r4", 50, "another agent"));
  world.GrantNow(world.Request("shop", "r5"));  // no run at all
  world.engine().CheckInvariants();
}

TEST(Run, ThoseWhoWaitAreCountedWhenTheirTurnComes) {
  EngineSettings settings = WithRuns({.max_spend = {}, .max_requests = 3, .max_wall_time = {}});
  settings.pools[0].terms.max_in_flight = 1;
  EngineWorld world(settings);
  std::vector<Ticket> waiting;
  Granted running = world.GrantNow(InRun(world, "first"));
  for (int i = 0; i < 8; ++i) waiting.push_back(world.Offer(InRun(world, "r" + std::to_string(i))));
  int granted = 1;
  int refused = 0;
  for (int turn = 0; turn < 9; ++turn) {
    world.CompleteNow(running, 0, 1);
    for (const Ticket ticket : waiting) {
      const std::optional<Outcome> outcome = world.AnswerTo(ticket);
      if (!outcome) continue;
      if (const auto* one = std::get_if<Granted>(&*outcome)) {
        running = *one;
        ++granted;
      } else {
        EXPECT_EQ(std::get<Refused>(*outcome).limit, "run.max_requests");
        ++refused;
      }
    }
    if (world.engine().books().FindOpen(running.id) == nullptr) break;
  }
  EXPECT_EQ(granted, 3);
  EXPECT_EQ(refused, 6);
  EXPECT_EQ(world.engine().pools()[0]->scheduler().InFlight(), 0);
  world.engine().CheckInvariants();
}

TEST(Run, IsNotDeeperThanItMayBe) {
  EngineWorld world(WithRuns({.max_spend = {}, .max_wall_time = {}, .max_depth = 2}));
  world.GrantNow(InRun(world, "r1", 50, "agent", 2));
  EXPECT_EQ(world.RefuseNow(InRun(world, "r2", 50, "agent", 3)).limit, "run.max_depth");
  EXPECT_EQ(world.RefuseNow(InRun(world, "r3", 50, "", 3)).limit, "run.max_depth") << "a depth needs no name";
  world.GrantNow(InRun(world, "r4"));  // it does not tell
  world.Ask(ApproveRun{.tenant = world.TenantNamed("shop"), .run = "agent"});
  world.GrantNow(InRun(world, "r5", 50, "agent", 4));
  EXPECT_EQ(world.RefuseNow(InRun(world, "r6", 50, "agent", 5)).limit, "run.max_depth");
}

TEST(Run, StopsWhenItsTimeIsUp) {
  EngineWorld world(WithRuns({.max_spend = {}, .max_wall_time = Seconds(90)}));
  const Granted granted = world.GrantNow(InRun(world, "r1"));
  world.Tick(Seconds(50));
  EXPECT_FALSE(world.ProgressNow(granted, 0, 1).stop);
  world.Tick(Seconds(40));
  const Progressed progressed = world.ProgressNow(granted, 0, 2);
  EXPECT_TRUE(progressed.stop);
  EXPECT_FALSE(progressed.wait_for_approval);
  EXPECT_EQ(progressed.bound, "run.max_wall_time");
  EXPECT_EQ(world.RefuseNow(InRun(world, "r2")).limit, "run.max_wall_time");
}

TEST(Run, WaitsForApprovalWhereThePolicySaysSoAndGoesOnWhenItComesLate) {
  EngineWorld world(WithRuns({.max_spend = {}, .max_wall_time = Seconds(90), .ask_for_approval = true}));
  const Granted granted = world.GrantNow(InRun(world, "r1"));
  world.Tick(Seconds(59));
  world.ProgressNow(granted, 0, 1);
  world.Tick(Seconds(59));
  const Progressed asks = world.ProgressNow(granted, 0, 1);
  EXPECT_FALSE(asks.stop);
  EXPECT_TRUE(asks.wait_for_approval);
  EXPECT_EQ(asks.bound, "run.max_wall_time");
  world.Tick(Hours(2));  // operators sleep
  EXPECT_TRUE(
      std::holds_alternative<RunApproved>(world.Ask(ApproveRun{.tenant = world.TenantNamed("shop"), .run = "agent"})));
  world.GrantNow(InRun(world, "r2"));
  world.Tick(Seconds(89));
  world.GrantNow(InRun(world, "r3"));
  world.Tick(Seconds(1));
  EXPECT_EQ(world.RefuseNow(InRun(world, "r4")).limit, "run.max_wall_time") << "as much time again, not for ever";
}

TEST(Run, ApprovalOfARunThatNobodyKnowsIsAnError) {
  EngineWorld world(WithRuns({.max_spend = {}, .max_requests = 1, .max_wall_time = {}}));
  world.GrantNow(InRun(world, "r1"));
  const Outcome outcome = world.Ask(ApproveRun{.tenant = world.TenantNamed("acme"), .run = "agent"});
  ASSERT_TRUE(std::holds_alternative<Error>(outcome));
  EXPECT_EQ(std::get<Error>(outcome).reason, ErrorReason::kUnknownRun);
}

TEST(Run, SpendIsCutRefusedAndApproved) {
  EngineWorld world(WithRuns({.max_spend = OutputCost(200), .max_wall_time = {}, .ask_for_approval = true}));
  const Granted granted = world.GrantNow(InRun(world, "r1", 1'000));
  EXPECT_EQ(granted.output_cap, Tokens(100));
  EXPECT_EQ(world.ProgressNow(granted, 0, 100).output_cap, Tokens(150));
  EXPECT_EQ(world.ProgressNow(granted, 0, 150).output_cap, Tokens(200));
  const Progressed asks = world.ProgressNow(granted, 0, 200);
  EXPECT_TRUE(asks.wait_for_approval);
  EXPECT_FALSE(asks.stop);
  EXPECT_EQ(asks.bound, "run.max_spend");
  EXPECT_EQ(world.RefuseNow(InRun(world, "r2")).limit, "run.max_spend");
  world.Ask(ApproveRun{.tenant = world.TenantNamed("shop"), .run = "agent"});
  const Progressed goes_on = world.ProgressNow(granted, 0, 200);
  EXPECT_FALSE(goes_on.wait_for_approval);
  EXPECT_EQ(goes_on.output_cap, Tokens(300));
  EXPECT_EQ(world.CompleteNow(granted, 0, 310).charge, OutputCost(300)) << "never more than it holds";
  EXPECT_EQ(world.GrantNow(InRun(world, "r3", 1'000)).output_cap, Tokens(50));
  world.engine().CheckInvariants();
}

TEST(Run, SurvivesARestart) {
  EngineWorld world(WithRuns({.max_spend = OutputCost(400), .max_requests = 3, .max_wall_time = Hours(3)}));
  const Granted first = world.GrantNow(InRun(world, "r1"));
  world.Tick(Minutes(20));  // its hold ran out
  world.CompleteNow(world.GrantNow(InRun(world, "r2")), 0, 50);
  const Granted third = world.GrantNow(InRun(world, "r3", 300));
  world.Restart(Seconds(1));
  EXPECT_EQ(world.RefuseNow(InRun(world, "r4")).limit, "run.max_requests");
  EXPECT_EQ(world.CompleteNow(third, 0, 1'000).charge, third.hold);
  world.settings().tenants[1].runs.max_requests = 0;
  world.Restart();
  const Granted rest = world.GrantNow(InRun(world, "r5", 10'000));
  EXPECT_EQ(rest.output_cap, Tokens((400 - 50 - third.output_cap.count()) / 2));
  world.Tick(Hours(3) - Minutes(21));
  world.Restart();
  world.GrantNow(InRun(world, "r6", 1));
  world.Tick(Minutes(1));
  EXPECT_EQ(world.RefuseNow(InRun(world, "r7", 1)).limit, "run.max_wall_time") << "it began with r1";
  EXPECT_EQ(first.output_cap, Tokens(50));
  world.engine().CheckInvariants();
}

TEST(Run, WhatALongRunSpentADayAgoStillCountsAfterARestart) {
  EngineWorld world(WithRuns({.max_spend = OutputCost(400), .max_wall_time = {}}));
  for (int hour = 0; hour < 40; hour += 8) {
    world.CompleteNow(world.GrantNow(InRun(world, "r" + std::to_string(hour), 50)), 0, 50);
    world.Tick(Hours(8));
  }
  EXPECT_EQ(world.GrantNow(InRun(world, "live", 1'000)).output_cap, Tokens(75));
  world.Restart(Seconds(30));
  EXPECT_EQ(world.GrantNow(InRun(world, "again", 1'000)).output_cap, Tokens(50)) << "half of 75, yet 50 are predicted";
}

TEST(Run, IsForgottenADayAfterItsLastRequest) {
  EngineWorld world(WithRuns({.max_spend = {}, .max_requests = 1, .max_wall_time = {}}));
  const Instant granted = world.now();
  world.CompleteNow(world.GrantNow(InRun(world, "r1")), 0, 1);
  world.Tick(kRunHorizon - Seconds(1));
  EXPECT_EQ(world.RefuseNow(InRun(world, "r2")).limit, "run.max_requests");
  world.Restart();
  EXPECT_EQ(world.RefuseNow(InRun(world, "r2")).limit, "run.max_requests");
  world.Tick(Seconds(1));
  EXPECT_EQ(world.now(), granted + kRunHorizon);
  world.CompleteNow(world.GrantNow(InRun(world, "r2")), 0, 1);
  EXPECT_EQ(world.RefuseNow(InRun(world, "r3")).limit, "run.max_requests") << "a new life of the same name";
}

TEST(Runs, MemoryComesBackThoughTheOldestGoesOnForEver) {
  Runs runs;
  const RunKey eternal = RunKeyOf(TenantId{1}, "eternal");
  Instant now = kStart;
  runs.Admit(eternal, ledger::Money(), now);
  for (int i = 0; i < 20'000; ++i) {
    const RunKey key = RunKeyOf(TenantId{1}, std::to_string(i));
    runs.Admit(key, ledger::Money(), now);
    runs.Settle(key, ledger::Money(), ledger::Money(), now);
    now = now + Minutes(1);
  }
  EXPECT_LT(runs.size(), 6'000u) << "a day has 1,440 of them";
  EXPECT_NE(runs.Find(eternal, now), nullptr);
}

TEST(Run, UnboundedTenantsKeepNone) {
  EngineWorld world;
  world.GrantNow(InRun(world, "r1"));
  const Outcome outcome = world.Ask(ApproveRun{.tenant = world.TenantNamed("shop"), .run = "agent"});
  EXPECT_TRUE(std::holds_alternative<Error>(outcome));
}

TEST(Run, ManyAtOnceDoNotOverspendIt) {
  for (const uint64_t seed : TestSeeds(4)) {
    SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
    Dice dice(seed);
    const ledger::Money most = OutputCost(5'000);
    EngineWorld world(WithRuns({.max_spend = most, .max_requests = 400, .max_wall_time = {}}));
    std::vector<Granted> running;
    ledger::Money charged;
    int64_t grants = 0;
    for (int step = 0; step < 3'000; ++step) {
      if (dice.OneIn(2)) {
        const Outcome outcome = world.Ask(InRun(world, "r" + std::to_string(step), dice.Roll(1, 300)));
        if (const auto* granted = std::get_if<Granted>(&outcome)) {
          running.push_back(*granted);
          ++grants;
        }
      } else if (!running.empty()) {
        const size_t which = static_cast<size_t>(dice.Roll(0, static_cast<int64_t>(running.size()) - 1));
        if (dice.OneIn(3)) {
          world.Ask(Progress{.grant = running[which].id, .so_far = InputOutput(0, dice.Roll(0, 300))});
        } else {
          const ledger::OpenGrant* open = world.engine().books().FindOpen(running[which].id);
          const int64_t so_far = open == nullptr ? 0 : open->so_far[TokenKind::kOutput].count();
          const Outcome outcome =
              world.Ask(world.CompletionOf(running[which], dice.Roll(0, 20), so_far + dice.Roll(0, 300)));
          if (const auto* completed = std::get_if<Completed>(&outcome)) charged += completed->charge;
          running.erase(running.begin() + static_cast<std::ptrdiff_t>(which));
        }
      }
      if (step % 500 == 499) world.Restart();
      if (dice.OneIn(20)) world.Tick(Seconds(dice.Roll(1, 200)));
      ledger::Money held;
      for (const ledger::OpenGrant* open : world.engine().books().OpenInOrder()) held += open->grant.hold;
      ASSERT_LE(charged + held, most) << "step " << step;
      ASSERT_LE(grants, 400);
    }
    EXPECT_GT(charged + OutputCost(700), most) << "nearly all of it was used";
    world.engine().CheckInvariants();
  }
}

}  // namespace
}  // namespace penstock::core
