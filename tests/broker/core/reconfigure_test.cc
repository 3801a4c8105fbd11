// New settings while traffic runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/admission/seed.h"
#include "tests/broker/core/engine_fixture.h"

namespace penstock::core {
namespace {

Outcome Apply(EngineWorld& world, const EngineSettings& settings) {
  return world.Ask(Reconfigure{.settings = std::make_shared<EngineSettings>(settings)});
}

void Accepts(EngineWorld& world, const EngineSettings& settings) {
  const Outcome outcome = Apply(world, settings);
  EXPECT_TRUE(std::holds_alternative<Reconfigured>(outcome));
  if (const auto* error = std::get_if<Error>(&outcome)) ADD_FAILURE() << error->message;
  world.engine().CheckInvariants();
}

/// Refused whole: says so, and posts nothing.
std::string Refuses(EngineWorld& world, const EngineSettings& settings) {
  const uint64_t before = world.engine().ledger().posted_sequence();
  const Outcome outcome = Apply(world, settings);
  EXPECT_TRUE(std::holds_alternative<Error>(outcome));
  EXPECT_EQ(world.engine().ledger().posted_sequence(), before);
  if (!std::holds_alternative<Error>(outcome)) return "";
  EXPECT_EQ(std::get<Error>(outcome).reason, ErrorReason::kFailedPrecondition);
  return std::get<Error>(outcome).message;
}

TEST(Reconfigure, ANewTenantKeyAndPoolCanBeUsedAtOnce) {
  EngineWorld world;
  EngineSettings next = WithPool(SmallWorld(), "annex");
  next.tariff.version = "test-2";
  next.tenants.push_back(next.tenants[1]);
  next.tenants.back().name = "boutique";
  next.tenants[1].keys.push_back({.name = "dev"});
  Accepts(world, next);
  world.GrantNow(world.Request("boutique", "r1"));
  Admit admit = world.Request("shop", "r1");
  admit.key = world.KeyNamed("shop", "dev");
  admit.pools = {world.PoolNamed("annex")};
  EXPECT_EQ(world.GrantNow(admit).terms.pool, world.PoolNamed("annex"));
}

TEST(Reconfigure, AKeyThatIsGoneMayAskNoMoreAndItsGrantsSettle) {
  EngineWorld world;
  const Granted running = world.GrantNow(world.Request("shop", "r1"));
  for (int i = 0; i < 3; ++i) world.GrantNow(world.Request("tramp", "t" + std::to_string(i)));
  const Ticket waits = world.Offer(world.Request("shop", "waits"));
  const Admit asks = world.Request("shop", "r2");
  EngineSettings next = SmallWorld();
  next.tenants[1].keys[0].name = "rotated";
  Accepts(world, next);
  const Outcome outcome = world.Ask(asks);
  ASSERT_TRUE(std::holds_alternative<Error>(outcome));
  EXPECT_EQ(std::get<Error>(outcome).reason, ErrorReason::kUnknownKey);
  EXPECT_FALSE(world.ProgressNow(running, 10, 5).stop);
  EXPECT_TRUE(world.CompleteNow(running, 10, 20).billed);
  const std::optional<Outcome> turn = world.AnswerTo(waits);
  ASSERT_TRUE(turn && std::holds_alternative<Granted>(*turn)) << "who waits stays";
  world.CompleteNow(std::get<Granted>(*turn), 10, 20);
  Accepts(world, SmallWorld());
  world.GrantNow(asks);
}

TEST(Reconfigure, ATenantThatIsGoneLosesItsContractsAndItsGrantsSettle) {
  EngineWorld world;
  const Granted inside = world.GrantNow(world.Request("acme", "r1"));
  EXPECT_EQ(inside.terms.served, ServiceClass::kReserved);
  EngineSettings next = SmallWorld();
  next.tenants.pop_back();
  Accepts(world, next);
  EXPECT_TRUE(world.CompleteNow(inside, 10, 20).billed);
  EXPECT_TRUE(std::holds_alternative<Error>(world.Ask(world.Request("acme", "r2"))));
  world.engine().CheckInvariants();
}

TEST(Reconfigure, ContractsAreAddedChangedAndRemoved) {
  EngineWorld world;
  const auto served = [&](const std::string& id) {
    const Granted granted = world.GrantNow(world.Request("acme", id));
    const ServiceClass as = granted.terms.served;
    world.CompleteNow(granted, 10, 50);
    return as;
  };
  // 210 nt each of a burst of 800: three fit.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(served("r" + std::to_string(i)), ServiceClass::kReserved);
  EXPECT_EQ(served("beyond"), ServiceClass::kSpillover);
  Accepts(world, SmallWorld());
  EXPECT_EQ(served("still beyond"), ServiceClass::kSpillover) << "what was used stays used";
  EngineSettings larger = SmallWorld();
  larger.tenants[2].reservations[0].rate.burst = NormalizedTokens(1'200).count();
  Accepts(world, larger);
  EXPECT_EQ(served("fits again"), ServiceClass::kReserved);
  EXPECT_EQ(served("one more"), ServiceClass::kReserved);
  EXPECT_EQ(served("no more"), ServiceClass::kSpillover);
  EngineSettings moved = WithPool(larger, "annex");
  moved.tariff.version = "test-2";
  moved.tenants[2].reservations[0].pool = "annex";
  Accepts(world, moved);
  world.Tick(Seconds(10));
  EXPECT_EQ(served("not here"), ServiceClass::kSpillover);
  Admit there = world.Request("acme", "there");
  there.pools = {world.PoolNamed("annex")};
  EXPECT_EQ(world.GrantNow(there).terms.served, ServiceClass::kReserved);
  world.engine().CheckInvariants();
}

TEST(Reconfigure, WeightsHoldFromTheNextRequestOn) {
  EngineSettings settings = SmallWorld();
  settings.pools[0].terms.max_in_flight = 1;
  settings.tenants.push_back(settings.tenants[1]);
  settings.tenants.back().name = "rival";
  EngineWorld world(settings);
  settings.tenants[1].weight = 9;
  Accepts(world, settings);
  Granted running = world.GrantNow(world.Request("tramp", "runs"));
  std::vector<std::pair<Ticket, bool>> line;
  for (int i = 0; i < 40; ++i) {
    for (const char* tenant : {"shop", "rival"}) {
      Admit admit = world.Request(tenant, "r" + std::to_string(i));
      admit.max_wait = Seconds(600);
      line.emplace_back(world.Offer(admit), std::string(tenant) == "shop");
    }
  }
  int shop = 0;
  for (int turn = 0; turn < 20; ++turn) {
    world.CompleteNow(running, 10, 50);
    world.Tick(Seconds(1));
    for (const auto& [ticket, is_shop] : line) {
      const std::optional<Outcome> outcome = world.AnswerTo(ticket);
      if (!outcome) continue;
      running = std::get<Granted>(*outcome);
      shop += is_shop ? 1 : 0;
    }
  }
  EXPECT_GE(shop, 17) << "nine of ten";
}

TEST(Reconfigure, CapacitySlotsAndMemoryChangeLive) {
  EngineWorld world;
  for (int i = 0; i < 4; ++i) world.GrantNow(world.Request("shop", "r" + std::to_string(i)));
  const Ticket waiting = world.Offer(world.Request("shop", "waits"));
  EngineSettings next = SmallWorld();
  next.pools[0].terms.max_in_flight = 5;
  next.pools[0].terms.kv_tokens = 400;
  Accepts(world, next);
  ASSERT_TRUE(std::holds_alternative<Granted>(*world.AnswerTo(waiting)));
  EXPECT_EQ(world.RefuseNow(world.Request("shop", "large", 500)).reason, RefusalReason::kTooLarge);
  next.pools[0].terms.max_in_flight = 1;
  Accepts(world, next);
  EXPECT_FALSE(world.AnswerTo(world.Offer(world.Request("shop", "next"))).has_value());
  EXPECT_EQ(world.engine().books().open_count(), 5u) << "running requests go on";
}

TEST(Reconfigure, APoolThatIsGoneIsRefusedWhole) {
  EngineWorld world(WithPool(SmallWorld(), "annex"));
  EngineSettings next = SmallWorld();  // without the annex
  next.tariff = WithPool(SmallWorld(), "annex").tariff;
  next.tenants[1].keys[0].name = "rotated";
  EXPECT_THAT(Refuses(world, next), testing::HasSubstr("pool 'annex' is in use"));
  world.GrantNow(world.Request("shop", "r1"));
  EXPECT_FALSE(world.engine().books().IdOf(ledger::NameKind::kKey, world.TenantNamed("shop").value, "rotated"));
}

TEST(Reconfigure, AKeyKeepsTheProjectItGot) {
  EngineWorld world;
  const auto project = [&world] { return world.engine().books().ProjectOf(world.KeyNamed("shop", "prod")); };
  EXPECT_EQ(project(), ProjectId());
  EngineSettings next = SmallWorld();
  next.tenants[1].keys[0].project = "search";
  Accepts(world, next);
  EXPECT_EQ(project(), ProjectId{1});
  for (const std::string other : {"chat", ""}) {
    next.tenants[1].keys[0].project = other;
    EXPECT_THAT(Refuses(world, next), testing::HasSubstr("belongs to project 'search' for ever"));
  }
  world.settings().tenants[1].keys[0].project = "search";
  world.Restart();
  EXPECT_EQ(project(), ProjectId{1});
}

TEST(Reconfigure, AChangedPriceUnderTheSameVersionIsRefusedWhole) {
  EngineWorld world;
  EngineSettings next = SmallWorld();
  next.tariff.pools[0].by_class[static_cast<size_t>(ServiceClass::kDefault)][TokenKind::kInput] = 1;
  next.pools[0].terms.max_in_flight = 1;
  next.tenants[1].limits.max_parallel = 1;
  EXPECT_THAT(Refuses(world, next), testing::HasSubstr("give the changed tariff a new version"));
  for (int i = 0; i < 4; ++i) world.GrantNow(world.Request("shop", "r" + std::to_string(i)));
}

TEST(Reconfigure, NewerZoneDataDoesNotChangePrices) {
  EngineWorld world;
  EngineSettings next = SmallWorld();
  next.tariff.calendar.shifts = {{Instant(), 3'600}};
  Accepts(world, next);
  next.tariff.calendar.zone = "Europe/Paris";
  EXPECT_THAT(Refuses(world, next), testing::HasSubstr("give the changed tariff a new version"));
}

TEST(Reconfigure, APoolWithoutPricesAndAnotherCurrencyAreRefusedWhole) {
  EngineWorld world;
  EngineSettings unpriced = WithPool(SmallWorld(), "annex");
  unpriced.tariff = SmallWorld().tariff;
  EXPECT_THAT(Refuses(world, unpriced), testing::HasSubstr("no prices for pool 'annex'"));
  world.GrantNow(world.Request("shop", "r1"));
  EngineSettings euros = SmallWorld();
  euros.tariff.version = "test-2";
  euros.tariff.currency = "EUR";
  EXPECT_THAT(Refuses(world, euros), testing::HasSubstr("a tenant keeps its currency"));
}

TEST(Reconfigure, ANewPriceIsForNewGrants) {
  EngineWorld world;
  const Granted before = world.GrantNow(world.Request("shop", "r1"));
  EngineSettings next = SmallWorld();
  next.tariff.version = "test-2";
  next.tariff.pools[0].by_class[static_cast<size_t>(ServiceClass::kDefault)][TokenKind::kInput] = 900'000;
  Accepts(world, next);
  EXPECT_EQ(world.CompleteNow(before, 10, 0).charge, Usd("0.000006"));
  EXPECT_EQ(world.CompleteNow(world.GrantNow(world.Request("shop", "r2")), 10, 0).charge, Usd("0.000009"));
}

TEST(ReconfigureProperty, WhateverChangesWhileTrafficRunsTheInvariantsHold) {
  for (const uint64_t seed : TestSeeds(5)) {
    SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
    Dice dice(seed);
    EngineWorld world(WithPool(SmallWorld(), "annex"));
    std::vector<Ticket> tickets;
    std::vector<Granted> running;
    int64_t settled = 0;
    const auto random_settings = [&] {
      EngineSettings next = WithPool(SmallWorld(), "annex");
      for (PoolSettings& pool : next.pools) {
        pool.terms.max_in_flight = dice.Roll(1, 12);
        pool.terms.kv_tokens = dice.OneIn(3) ? dice.Roll(200, 2'000) : 0;
        pool.terms.capacity = NormalizedTokensPerSecond(dice.Roll(100, 5'000));
      }
      TenantSettings& shop = next.tenants[1];
      shop.weight = dice.Roll(1, 20);
      if (dice.OneIn(2)) shop.limits.max_parallel = dice.Roll(1, 6);
      if (dice.OneIn(2))
        shop.limits.limits = {LimitOf("t", admission::Measure::kTokens, dice.Roll(500, 9'000), Minutes(1))};
      if (dice.OneIn(2))
        shop.budgets = {{.name = "day", .period = BudgetTerms::Period::kDay, .amount = Usd("0.01") * dice.Roll(1, 9)}};
      if (dice.OneIn(2))
        shop.keys[0].budgets = {{.name = "total", .period = BudgetTerms::Period::kTotal, .amount = Usd("0.05")}};
      if (dice.OneIn(2))
        shop.runs = {
            .max_spend = Usd("0.005"), .max_requests = dice.Roll(0, 20), .max_wall_time = Seconds(dice.Roll(0, 90))};
      if (dice.OneIn(3)) shop.tier = Tier::kFree;
      if (dice.OneIn(3)) next.tier_limits[1].max_parallel = dice.Roll(1, 9);
      if (dice.OneIn(4)) next.tenants[2].reservations.push_back(next.tenants[2].reservations[0]);
      if (dice.OneIn(4)) next.tenants[2].reservations[0].pool = "annex";
      if (dice.OneIn(4)) next.tenants[2].reservations[0].overrun = Overrun::kWait;
      if (dice.OneIn(5)) next.tenants[1].keys[0].name = "rotated";
      if (dice.OneIn(5)) next.tenants.pop_back();
      return next;
    };
    for (int step = 0; step < 2'500; ++step) {
      const int64_t what = dice.Roll(1, 100);
      if (what <= 45) {
        static const char* const kTenants[] = {"tramp", "shop", "acme"};
        Admit admit =
            world.Request(kTenants[dice.Roll(0, 2)], "r" + std::to_string(step), dice.Roll(0, 300), dice.Roll(1, 200));
        if (dice.OneIn(2)) admit.pools = {PoolId{2}, PoolId{1}};
        if (dice.OneIn(2)) admit.run = "run" + std::to_string(dice.Roll(1, 3));
        admit.max_wait = Milliseconds(dice.Roll(0, 9'000));
        tickets.push_back(world.Offer(admit));
      } else if (what <= 80 && !running.empty()) {
        const size_t which = static_cast<size_t>(dice.Roll(0, static_cast<int64_t>(running.size()) - 1));
        const TokenCounts tokens = InputOutput(dice.Roll(0, 300), dice.Roll(0, 200));
        if (dice.OneIn(3)) {
          world.Ask(Progress{.grant = running[which].id, .so_far = tokens});
        } else {
          const Outcome outcome = world.Ask(world.CompletionOf(running[which], tokens[TokenKind::kInput].count(),
                                                               tokens[TokenKind::kOutput].count()));
          settled += std::holds_alternative<Completed>(outcome) ? 1 : 0;
          running.erase(running.begin() + static_cast<std::ptrdiff_t>(which));
        }
      } else if (what <= 92) {
        world.Tick(Milliseconds(dice.Roll(0, dice.OneIn(50) ? 1'000'000 : 3'000)));
      } else if (what <= 98) {
        const EngineSettings next = random_settings();
        Accepts(world, next);
        world.settings() = next;
      } else {
        world.Restart(Milliseconds(dice.Roll(0, 500)));
        tickets.clear();
      }
      std::erase_if(tickets, [&](Ticket ticket) {
        const std::optional<Outcome> outcome = world.AnswerTo(ticket);
        if (!outcome) return false;
        if (const auto* granted = std::get_if<Granted>(&*outcome)) running.push_back(*granted);
        return true;
      });
      world.engine().CheckInvariants();
    }
    EXPECT_GT(settled, 50);
    world.Tick(Hours(2));
    EXPECT_EQ(world.engine().books().open_count(), 0u);
    for (const auto& pool : world.engine().pools()) EXPECT_EQ(pool->scheduler().InFlight(), 0);
    const auto verified = ledger::Verify(world.journal().journal());
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_TRUE(verified->books == world.engine().books());
  }
}

}  // namespace
}  // namespace penstock::core
