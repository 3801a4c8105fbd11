// Alerts, soft budgets and raises: what is told is told once, and what was approved holds, whatever crashes.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/broker/core/engine_fixture.h"

namespace penstock::core {
namespace {

using ledger::BudgetScope;
using Period = BudgetTerms::Period;

constexpr int64_t kOutputPrice = 2'400'000;  // pico-units per token in SmallWorld

ledger::Money Cost(int64_t output) { return ledger::Money::FromPico(kOutputPrice) * output; }

BudgetTerms Soft(Period period, const ledger::Money& amount, std::vector<uint32_t> alert_at = {50, 80, 100}) {
  return {.name = "budget", .period = period, .amount = amount, .soft = true, .alert_at = std::move(alert_at)};
}
BudgetTerms Hard(Period period, const ledger::Money& amount, std::vector<uint32_t> alert_at = {80, 100}) {
  return {.name = "budget", .period = period, .amount = amount, .soft = false, .alert_at = std::move(alert_at)};
}

EngineSettings WithBudgets(std::vector<BudgetTerms> budgets) {
  EngineSettings settings = SmallWorld();
  settings.pools[0].predicted_output = Tokens(100'000);
  settings.pools[0].terms.burst = NormalizedTokens(1'000'000);
  settings.pools[0].terms.capacity = NormalizedTokensPerSecond(1'000'000);
  settings.tenants[1].budgets = std::move(budgets);
  return settings;
}

/// "tenant total 0: 80" and so on, oldest first.
std::vector<std::string> AlertsOf(EngineWorld& world) {
  static const char* const kScopes[] = {"tenant", "project", "key", "run"};
  static const char* const kPeriods[] = {"day", "month", "total"};
  std::vector<std::string> alerts;
  const ledger::BudgetRecords& records = world.engine().books().budget_records();
  for (uint64_t number = records.alerts_begin(); number < records.alerts_end(); ++number) {
    const ledger::AlertEntry& alert = records.AlertOf(number);
    std::string text = kScopes[static_cast<size_t>(alert.budget.scope)];
    text += std::string(" ") + kPeriods[static_cast<size_t>(alert.budget.period)];
    if (!alert.budget.run.empty()) text += " " + alert.budget.run;
    alerts.push_back(text + ": " + std::to_string(alert.threshold));
  }
  return alerts;
}

class Shop {
 public:
  explicit Shop(EngineWorld& world) : world_(world) {}
  /// A request that generates so much, in a run if it has a name.
  void Spend(int64_t output, const std::string& run = "") {
    Admit admit = world_.Request("shop", "r" + std::to_string(++asked_), 0, output);
    admit.run = run;
    world_.CompleteNow(world_.GrantNow(admit), 0, output);
  }

 private:
  EngineWorld& world_;
  int asked_ = 0;
};

using Texts = std::vector<std::string>;

TEST(SoftBudget, RefusesNothingAndTellsOfEachThresholdOnce) {
  EngineWorld world(WithBudgets({Soft(Period::kTotal, Cost(100))}));
  Shop shop(world);
  shop.Spend(49);
  EXPECT_EQ(AlertsOf(world), Texts{});
  shop.Spend(1);
  EXPECT_EQ(AlertsOf(world), Texts{"tenant total: 50"});
  const ledger::AlertEntry& alert = world.engine().books().budget_records().AlertOf(1);
  EXPECT_EQ(alert.spent, Cost(50));
  EXPECT_EQ(alert.amount, Cost(100));
  EXPECT_EQ(alert.budget.tenant, world.TenantNamed("shop"));
  shop.Spend(20);
  EXPECT_EQ(AlertsOf(world).size(), 1u);
  shop.Spend(200);
  EXPECT_EQ(AlertsOf(world), (Texts{"tenant total: 50", "tenant total: 80", "tenant total: 100"}));
  EXPECT_EQ(world.last_release(), Release::kSynced);
  shop.Spend(200);
  EXPECT_EQ(AlertsOf(world).size(), 3u);
  const Budgets* budgets = world.engine().accounts().BudgetsOf({.tenant = world.TenantNamed("shop")});
  EXPECT_EQ(budgets->StandingOf(Period::kTotal, world.now())->left(), Cost(-370));
  world.engine().CheckInvariants();
}

TEST(SoftBudget, DoesNotMakeAnAdmitWaitForASync) {
  EngineWorld world(WithBudgets({Soft(Period::kTotal, Cost(100))}));
  world.GrantNow(world.Request("shop", "r1"));
  EXPECT_EQ(world.last_release(), Release::kWritten);
}

TEST(HardBudget, AlertsAsWell) {
  EngineWorld world(WithBudgets({Hard(Period::kTotal, Cost(100))}));
  Shop shop(world);
  shop.Spend(80);
  shop.Spend(20);
  EXPECT_EQ(AlertsOf(world), (Texts{"tenant total: 80", "tenant total: 100"}));
  EXPECT_EQ(world.RefuseNow(world.Request("shop", "no", 0, 1)).reason, RefusalReason::kBudgetUsed);
}

TEST(Alerts, ComeAgainInTheNextPeriodAndNotAfterARestart) {
  EngineWorld world(WithBudgets({Soft(Period::kDay, Cost(100), {80})}));
  Shop shop(world);
  shop.Spend(90);
  world.Restart();
  EXPECT_EQ(AlertsOf(world).size(), 1u);
  shop.Spend(10);
  world.LoseProjections();
  world.Restart();
  shop.Spend(10);
  EXPECT_EQ(AlertsOf(world).size(), 1u);
  world.Tick(Days(1));
  shop.Spend(90);
  EXPECT_EQ(AlertsOf(world).size(), 2u);
}

TEST(Alerts, AGrantOfYesterdayAlertsForItsDay) {
  EngineWorld world(WithBudgets({Soft(Period::kDay, Cost(100), {80})}));
  world.Tick(NextPeriod(Period::kDay, world.now()) - world.now() - Seconds(10));
  const int64_t yesterday = PeriodNumber(Period::kDay, world.now());
  const Granted old = world.GrantNow(world.Request("shop", "old", 0, 90));
  world.Tick(Seconds(20));
  world.CompleteNow(world.GrantNow(world.Request("shop", "new", 0, 90)), 0, 90);
  world.CompleteNow(old, 0, 90);
  const ledger::BudgetRecords& records = world.engine().books().budget_records();
  ASSERT_EQ(records.alerts_end(), 3u);
  EXPECT_EQ(records.AlertOf(1).budget.number, yesterday + 1);
  EXPECT_EQ(records.AlertOf(2).budget.number, yesterday);
}

TEST(Alerts, AreForKeyProjectAndTenant) {
  EngineSettings settings = WithBudgets({Soft(Period::kMonth, Cost(100), {80})});
  TenantSettings& shop_settings = settings.tenants[1];
  shop_settings.keys[0].project = "search";
  shop_settings.keys[0].budgets = {Soft(Period::kDay, Cost(100), {70})};
  shop_settings.keys.push_back({.name = "dev", .project = "search"});
  shop_settings.projects = {{.name = "search", .budgets = {Soft(Period::kTotal, Cost(100), {90})}}};
  EngineWorld world(settings);
  Shop shop(world);
  Admit of_dev = world.Request("shop", "dev", 0, 30);
  of_dev.key = world.KeyNamed("shop", "dev");
  world.CompleteNow(world.GrantNow(of_dev), 0, 30);
  shop.Spend(60);
  EXPECT_EQ(AlertsOf(world), (Texts{"project total: 90", "tenant month: 80"}));
  world.Restart();
  shop.Spend(10);
  EXPECT_EQ(AlertsOf(world), (Texts{"project total: 90", "tenant month: 80", "key day: 70"}));
}

TEST(ProjectBudget, BoundsTheKeysOfItsProjectTogether) {
  EngineSettings settings = WithBudgets({});
  TenantSettings& shop_settings = settings.tenants[1];
  shop_settings.keys[0].project = "search";
  shop_settings.keys.push_back({.name = "dev", .project = "search"});
  shop_settings.keys.push_back({.name = "other"});
  shop_settings.projects = {{.name = "search", .budgets = {Hard(Period::kTotal, Cost(100))}}};
  EngineWorld world(settings);
  const auto ask = [&](const std::string& key, const std::string& id) {
    Admit admit = world.Request("shop", id, 0, 60);
    admit.key = world.KeyNamed("shop", key);
    return admit;
  };
  world.CompleteNow(world.GrantNow(ask("prod", "r1")), 0, 60);
  EXPECT_EQ(world.GrantNow(ask("dev", "r2")).output_cap, Tokens(40));
  world.Restart();
  const Refused refused = world.RefuseNow(ask("dev", "r3"));
  EXPECT_EQ(refused.limit, "project.budget.budget");
  EXPECT_EQ(world.GrantNow(ask("other", "r4")).output_cap, Tokens(60));
  world.engine().CheckInvariants();
}

TEST(ProjectBudget, KeepsWhatWasSpentOverAReload) {
  EngineSettings settings = WithBudgets({});
  settings.tenants[1].keys[0].project = "search";
  settings.tenants[1].projects = {{.name = "search", .budgets = {Hard(Period::kTotal, Cost(100))}}};
  EngineWorld world(settings);
  Shop shop(world);
  shop.Spend(60);
  const Granted running = world.GrantNow(world.Request("shop", "running", 0, 30));
  world.Ask(Reconfigure{.settings = std::make_shared<EngineSettings>(settings)});
  EXPECT_EQ(world.engine().accounts().MoneyLeft(running.terms.key, world.now()).left, Cost(10));
  world.CompleteNow(running, 0, 20);
  EXPECT_EQ(world.engine().accounts().MoneyLeft(running.terms.key, world.now()).left, Cost(20));
  world.engine().CheckInvariants();
}

TEST(ProjectBudget, CountsAKeyFromWhenItBelongsToIt) {
  EngineSettings settings = WithBudgets({});
  TenantSettings& shop_settings = settings.tenants[1];
  shop_settings.keys.push_back({.name = "dev", .project = "search"});
  shop_settings.projects = {{.name = "search", .budgets = {Hard(Period::kTotal, Cost(100))}}};
  EngineWorld world(settings);
  const Granted before = world.GrantNow(world.Request("shop", "r1", 0, 60));
  auto next = std::make_shared<EngineSettings>(settings);
  next->tenants[1].keys[0].project = "search";
  world.Ask(Reconfigure{.settings = next});
  world.CompleteNow(before, 0, 60);
  world.engine().CheckInvariants();
  world.Tick(Seconds(1));
  EXPECT_EQ(world.engine().accounts().MoneyLeft(before.terms.key, world.now()).left, Cost(100));
}

TEST(RunBudget, ASoftOneOnlyAlertsAndStaysToldOverARestart) {
  EngineSettings settings = WithBudgets({});
  settings.tenants[1].runs.max_spend = Cost(100);
  settings.tenants[1].runs.soft_spend = true;
  settings.tenants[1].runs.alert_at = {80, 100};
  EngineWorld world(settings);
  Shop shop(world);
  shop.Spend(90, "nightly");
  EXPECT_EQ(AlertsOf(world), Texts{"run total nightly: 80"});
  world.Restart();
  shop.Spend(9, "nightly");
  EXPECT_EQ(AlertsOf(world), Texts{"run total nightly: 80"});
  shop.Spend(100, "nightly");
  shop.Spend(85, "other");
  EXPECT_EQ(AlertsOf(world), (Texts{"run total nightly: 80", "run total nightly: 100", "run total other: 80"}));
  world.LoseProjections();
  world.Restart();
  shop.Spend(10, "other");
  EXPECT_EQ(AlertsOf(world).size(), 3u);
}

TEST(RunApproval, OutlivesARestart) {
  EngineSettings settings = WithBudgets({});
  settings.tenants[1].runs.max_spend = Cost(100);
  EngineWorld world(settings);
  Shop shop(world);
  shop.Spend(100, "nightly");
  const auto ask = [&](const std::string& id) {
    Admit admit = world.Request("shop", id, 0, 60);
    admit.run = "nightly";
    return admit;
  };
  EXPECT_EQ(world.RefuseNow(ask("a")).limit, "run.max_spend");
  world.Ask(ApproveRun{.tenant = world.TenantNamed("shop"), .run = "nightly", .by = "44d0a9ee"});
  EXPECT_EQ(world.last_release(), Release::kSynced);
  world.Restart();
  world.CompleteNow(world.GrantNow(ask("b")), 0, 60);
  world.LoseProjections();
  world.Restart();
  EXPECT_EQ(world.GrantNow(ask("c")).output_cap, Tokens(40));
}

// ---- raises

AskRaise Wish(EngineWorld& world, Period period, const ledger::Money& more, bool for_good) {
  AskRaise ask;
  ask.budget.tenant = world.TenantNamed("shop");
  ask.budget.period = period;
  ask.amount = more;
  ask.for_good = for_good;
  ask.by = "9c31d7b0";
  ask.reason = "launch";
  return ask;
}

uint32_t AskedFor(EngineWorld& world, const AskRaise& ask) {
  const Outcome outcome = world.Ask(ask);
  EXPECT_TRUE(std::holds_alternative<RaiseAsked>(outcome));
  EXPECT_EQ(world.last_release(), Release::kSynced);
  return std::holds_alternative<RaiseAsked>(outcome) ? std::get<RaiseAsked>(outcome).id : 0;
}

ErrorReason Wrong(const Outcome& outcome) {
  EXPECT_TRUE(std::holds_alternative<Error>(outcome));
  return std::holds_alternative<Error>(outcome) ? std::get<Error>(outcome).reason : ErrorReason::kUnknownKey;
}

DecideRaise Decision(uint32_t id, bool approve = true) { return {.id = id, .approve = approve, .by = "44d0a9ee"}; }

ledger::Money AmountOf(EngineWorld& world, Period period) {
  const Budgets* budgets = world.engine().accounts().BudgetsOf({.tenant = world.TenantNamed("shop")});
  return budgets->StandingOf(period, world.now())->amount;
}

TEST(Raise, IsInForceAtOnceAndOverRestartAndReload) {
  EngineWorld world(WithBudgets({Hard(Period::kTotal, Cost(100))}));
  Shop shop(world);
  shop.Spend(100);
  world.RefuseNow(world.Request("shop", "no", 0, 50));
  const uint32_t id = AskedFor(world, Wish(world, Period::kTotal, Cost(50), false));
  world.RefuseNow(world.Request("shop", "not yet", 0, 50));
  EXPECT_TRUE(std::holds_alternative<RaiseDecided>(world.Ask(Decision(id))));
  EXPECT_EQ(world.last_release(), Release::kSynced);
  shop.Spend(50);
  world.RefuseNow(world.Request("shop", "no more", 0, 50));
  world.Restart();
  EXPECT_EQ(AmountOf(world, Period::kTotal), Cost(150));
  world.LoseProjections();
  world.Restart();
  EXPECT_EQ(AmountOf(world, Period::kTotal), Cost(150));
  auto next = std::make_shared<EngineSettings>(WithBudgets({Hard(Period::kTotal, Cost(120))}));
  world.Ask(Reconfigure{.settings = next});
  EXPECT_EQ(AmountOf(world, Period::kTotal), Cost(170)) << "what the configuration says and what was approved";
  shop.Spend(20);
  world.engine().CheckInvariants();
}

TEST(Raise, IsAddedOnceHoweverOftenTheConfigurationIsRead) {
  const EngineSettings settings = WithBudgets({Hard(Period::kDay, Cost(100)), Hard(Period::kMonth, Cost(100))});
  EngineWorld world(settings);
  world.Ask(Decision(AskedFor(world, Wish(world, Period::kDay, Cost(5), false))));
  world.Ask(Decision(AskedFor(world, Wish(world, Period::kMonth, Cost(7), true))));
  auto without_shop = std::make_shared<EngineSettings>(settings);
  without_shop->tenants.erase(without_shop->tenants.begin() + 1);
  for (const auto& next : {std::make_shared<EngineSettings>(settings), without_shop, without_shop}) {
    EXPECT_TRUE(std::holds_alternative<Reconfigured>(world.Ask(Reconfigure{.settings = next})));
    EXPECT_EQ(AmountOf(world, Period::kDay), Cost(105));
    EXPECT_EQ(AmountOf(world, Period::kMonth), Cost(107));
  }
  auto without_month = std::make_shared<EngineSettings>(WithBudgets({Hard(Period::kDay, Cost(100))}));
  world.Ask(Reconfigure{.settings = without_month});
  world.Ask(Reconfigure{.settings = std::make_shared<EngineSettings>(settings)});
  EXPECT_EQ(AmountOf(world, Period::kDay), Cost(105));
  EXPECT_EQ(AmountOf(world, Period::kMonth), Cost(107)) << "also when the budget was away";
}

TEST(Raise, OfOnePeriodEndsWithItAndOneForGoodDoesNot) {
  EngineWorld world(WithBudgets({Hard(Period::kDay, Cost(100))}));
  world.Ask(Decision(AskedFor(world, Wish(world, Period::kDay, Cost(50), false))));
  world.Ask(Decision(AskedFor(world, Wish(world, Period::kDay, Cost(7), true))));
  EXPECT_EQ(AmountOf(world, Period::kDay), Cost(157));
  world.Restart();
  EXPECT_EQ(AmountOf(world, Period::kDay), Cost(157));
  world.Tick(Days(1));
  EXPECT_EQ(AmountOf(world, Period::kDay), Cost(107));
  world.Restart();
  EXPECT_EQ(AmountOf(world, Period::kDay), Cost(107));
}

TEST(Raise, ATotalThatIsAskedForIsWhatTheAmountWouldBe) {
  EngineWorld world(WithBudgets({Hard(Period::kDay, Cost(100))}));
  AskRaise ask = Wish(world, Period::kDay, Cost(250), true);
  ask.is_total = true;
  world.Ask(Decision(AskedFor(world, ask)));
  EXPECT_EQ(AmountOf(world, Period::kDay), Cost(250));
  EXPECT_EQ(Wrong(world.Ask(ask)), ErrorReason::kInvalidArgument) << "it has that";
}

TEST(Raise, WhatIsWrongIsNamed) {
  EngineWorld world(WithBudgets({Hard(Period::kDay, Cost(100))}));
  EXPECT_EQ(Wrong(world.Ask(Wish(world, Period::kMonth, Cost(1), false))), ErrorReason::kUnknownBudget);
  EXPECT_EQ(Wrong(world.Ask(Decision(1))), ErrorReason::kUnknownRaise);
  EXPECT_EQ(Wrong(world.Ask(Decision(0))), ErrorReason::kUnknownRaise);
  const uint32_t id = AskedFor(world, Wish(world, Period::kDay, Cost(1), false));
  EXPECT_EQ(AskedFor(world, Wish(world, Period::kDay, Cost(1), false)), id) << "the same wish is the same request";
  world.Ask(Decision(id));
  EXPECT_EQ(Wrong(world.Ask(Decision(id))), ErrorReason::kRaiseDecided);
  EXPECT_EQ(Wrong(world.Ask(Decision(id, /*approve=*/false))), ErrorReason::kRaiseDecided);
  EXPECT_EQ(AmountOf(world, Period::kDay), Cost(101)) << "once";
  const uint32_t late = AskedFor(world, Wish(world, Period::kDay, Cost(1), false));
  EXPECT_NE(late, id) << "the first one is decided";
  world.Tick(Days(1));
  EXPECT_EQ(Wrong(world.Ask(Decision(late))), ErrorReason::kPeriodOver);
  EXPECT_TRUE(std::holds_alternative<RaiseDecided>(world.Ask(Decision(late, /*approve=*/false))));
  EXPECT_EQ(AmountOf(world, Period::kDay), Cost(100));
  for (int64_t n = 1; n <= 16; ++n) AskedFor(world, Wish(world, Period::kDay, Cost(n), false));
  EXPECT_EQ(Wrong(world.Ask(Wish(world, Period::kDay, Cost(17), false))), ErrorReason::kTooManyRaises);
  AskedFor(world, Wish(world, Period::kDay, Cost(16), false));
}

TEST(Raise, AnAlertedThresholdIsNotToldAgainInThatPeriod) {
  EngineWorld world(WithBudgets({Soft(Period::kDay, Cost(100), {80})}));
  Shop shop(world);
  shop.Spend(80);
  world.Ask(Decision(AskedFor(world, Wish(world, Period::kDay, Cost(100), false))));
  shop.Spend(10);
  world.Restart();
  shop.Spend(100);
  EXPECT_EQ(AlertsOf(world), Texts{"tenant day: 80"});
}

}  // namespace
}  // namespace penstock::core
