// Closing periods, subscriptions, credits and tariffs, as the engine keeps them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "ledger/statement.h"
#include "tests/broker/core/engine_fixture.h"

namespace penstock::core {
namespace {

using testing::HasSubstr;

const Instant kHour = WindowStart(kStart, Hours(1));

/// Gathers and rates as the daemon does.
CloseStatement Closing(const EngineWorld& world, TenantId tenant, Instant from, Instant to) {
  Engine& engine = const_cast<EngineWorld&>(world).engine();
  const ledger::TariffEntry& tariff = engine.TariffAt(tenant, from);
  CloseStatement close;
  const ledger::StatementInput input = ledger::GatherStatement(engine.books(), tenant, from, to, tariff.tariff);
  close.fingerprint = ledger::FingerprintOf(input);
  close.rated = std::make_shared<ledger::StatementEntry>(ledger::RateStatement(input, tariff.id));
  return close;
}

ledger::rating::Credit Prepaid(const std::string& name, const std::string& amount) {
  ledger::rating::Credit credit;
  credit.name = name;
  credit.amount = Usd(amount);
  return credit;
}

TEST(Closing, APeriodIsClosedOnceItIsOverAndItsWatermarkHasPassed) {
  EngineWorld world;
  const TenantId shop = world.TenantNamed("shop");
  world.CompleteNow(world.GrantNow(world.Request("shop", "r1")), 10, 50);
  world.Advance(kHour + Hours(1) - world.now() + Minutes(9));
  Outcome early = world.Ask(Closing(world, shop, kHour, kHour + Hours(1)));
  ASSERT_TRUE(std::holds_alternative<Error>(early));
  EXPECT_EQ(std::get<Error>(early).reason, ErrorReason::kPeriodNotClosable);
  EXPECT_THAT(std::get<Error>(early).message, HasSubstr("10 minutes after its end"));

  world.Advance(Minutes(1));
  const Outcome closed = world.Ask(Closing(world, shop, kHour, kHour + Hours(1)));
  ASSERT_TRUE(std::holds_alternative<StatementClosed>(closed));
  EXPECT_EQ(std::get<StatementClosed>(closed).id, 1u);
  EXPECT_EQ(world.last_release(), Release::kSynced);
  EXPECT_EQ(world.engine().books().accounts().ClosedUntil(shop), kHour + Hours(1));

  const Outcome overlap = world.Ask(Closing(world, shop, kHour - Hours(1), kHour + Hours(1)));
  ASSERT_TRUE(std::holds_alternative<Error>(overlap));
  EXPECT_THAT(std::get<Error>(overlap).message, HasSubstr("overlaps one that is closed"));
  world.Restart(Minutes(1));
  EXPECT_EQ(world.engine().books().accounts().statements().size(), 1u);
}

TEST(Closing, WhatWasRatedBeforeLateWorkCameIsStale) {
  EngineSettings settings = SmallWorld();
  settings.pools[0].settle_within = Hours(3);
  EngineWorld world(settings);
  const TenantId shop = world.TenantNamed("shop");
  const Granted slow = world.GrantNow(world.Request("shop", "slow"));
  world.Advance(kHour + Hours(1) - world.now() + Minutes(10));
  const CloseStatement close = Closing(world, shop, kHour, kHour + Hours(1));
  Complete complete = world.CompletionOf(slow, 10, 70);
  complete.first_token_at = kStart + Seconds(1);
  complete.ended_at = kStart + Seconds(20);
  EXPECT_TRUE(std::holds_alternative<Completed>(world.Ask(complete)));
  EXPECT_TRUE(std::holds_alternative<StatementStale>(world.Ask(close)));
  const Outcome again = world.Ask(Closing(world, shop, kHour, kHour + Hours(1)));
  EXPECT_TRUE(std::holds_alternative<StatementClosed>(again));
}

TEST(Closing, SubscriptionsAndCreditsAreJournalledOnceAndCreditsNeverChange) {
  EngineSettings settings = SmallWorld();
  settings.tenants[1].subscription.minimum = Usd("5.000000000000");
  settings.tenants[1].subscription.credits = {Prepaid("gift", "2.000000000000")};
  EngineWorld world(settings);
  const TenantId shop = world.TenantNamed("shop");
  const uint64_t before = world.engine().ledger().posted_sequence();
  (void)world.Ask(Reconfigure{.settings = std::make_shared<EngineSettings>(settings)});
  EXPECT_EQ(world.engine().ledger().posted_sequence(), before) << "nothing is new";
  const ledger::Accounts& accounts = world.engine().books().accounts();
  EXPECT_EQ(accounts.FindCredit(shop, "gift")->left, Usd("2.000000000000"));
  EXPECT_EQ(accounts.SubscriptionOf(shop).minimum, Usd("5.000000000000"));

  settings.tenants[1].subscription.credits[0].amount = Usd("3.000000000000");
  const Outcome refused = world.Ask(Reconfigure{.settings = std::make_shared<EngineSettings>(settings)});
  ASSERT_TRUE(std::holds_alternative<Error>(refused));
  EXPECT_THAT(std::get<Error>(refused).message, HasSubstr("credit 'gift' of tenant 'shop' is already in the journal"));
}

TEST(Closing, ALaterVersionTakesOverWhenItBecomesEffectiveAndAContractPinsItsOwn) {
  EngineSettings settings = SmallWorld();
  ledger::Tariff later = settings.tariff;
  later.version = "later";
  later.effective = kStart + Minutes(5);
  for (auto& prices : later.pools[0].by_class) prices[TokenKind::kOutput] = 1;
  ledger::Tariff euros = settings.tariff;
  euros.version = "euros";
  euros.currency = "EUR";
  settings.more_tariffs = {later, euros};
  settings.tenants[2].tariff = "euros";
  EngineWorld world(settings);
  const auto version_of = [&](const Granted& granted) {
    return world.engine().books().tariffs()[granted.terms.tariff - 1].tariff.version;
  };
  EXPECT_EQ(version_of(world.GrantNow(world.Request("shop", "r1"))), settings.tariff.version);
  EXPECT_EQ(version_of(world.GrantNow(world.Request("acme", "r1"))), "euros");
  EXPECT_EQ(world.engine().books().accounts().CurrencyOf(world.TenantNamed("acme")), "EUR");
  world.Advance(Minutes(5));
  EXPECT_EQ(version_of(world.GrantNow(world.Request("shop", "r2"))), "later");
  EXPECT_EQ(version_of(world.GrantNow(world.Request("acme", "r2"))), "euros");
  EXPECT_EQ(world.engine().TariffAt(world.TenantNamed("shop"), kStart).tariff.version, settings.tariff.version);

  settings.tenants[2].tariff = "";
  Outcome refused = world.Ask(Reconfigure{.settings = std::make_shared<EngineSettings>(settings)});
  ASSERT_TRUE(std::holds_alternative<Error>(refused));
  EXPECT_THAT(std::get<Error>(refused).message, HasSubstr("a tenant keeps its currency"));
  settings.tenants[2].tariff = "francs";
  refused = world.Ask(Reconfigure{.settings = std::make_shared<EngineSettings>(settings)});
  EXPECT_THAT(std::get<Error>(refused).message, HasSubstr("pins tariff 'francs'"));
  world.Restart();
  EXPECT_EQ(version_of(world.GrantNow(world.Request("shop", "r3"))), "later");
}

TEST(Closing, ATenantThatIsGoneCanStillBeBilledInItsCurrency) {
  EngineSettings settings = SmallWorld();
  ledger::Tariff euros = settings.tariff;
  euros.version = "euros";
  euros.currency = "EUR";
  settings.more_tariffs = {euros};
  settings.tenants[2].tariff = "euros";
  EngineWorld world(settings);
  const TenantId acme = world.TenantNamed("acme");
  world.CompleteNow(world.GrantNow(world.Request("acme", "r1")), 10, 5);
  world.settings().tenants.erase(world.settings().tenants.begin() + 2);
  world.settings().more_tariffs.clear();
  world.Restart(Minutes(1));
  EXPECT_EQ(world.engine().TariffAt(acme, kStart).tariff.version, "euros");
  world.Advance(kHour + Hours(1) - world.now() + Minutes(10));
  EXPECT_TRUE(std::holds_alternative<StatementClosed>(world.Ask(Closing(world, acme, kHour, kHour + Hours(1)))));
}

}  // namespace
}  // namespace penstock::core
