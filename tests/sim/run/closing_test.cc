// What a run is charged, added up by hand, and checks that notice when something got lost.
#include "sim/run/closing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/sim/run/small_scenario.h"

namespace penstock::sim {
namespace {

using ledger::Money;
using ledger::rating::LineKind;

constexpr int64_t kCapacityPrice = 1'000'000;   // pico-units per milli-nt/s and hour
constexpr int64_t kDemandOfMonth = 720'000;     // pico-units per milli-nt: of an hour it is a 720th

RunFigures Ran(const Scenario& scenario) {
  const absl::StatusOr<Run> run = RunScenario(scenario, {.seed = 1});
  EXPECT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(Broken(run->figures), "");
  return run->figures;
}

const Money& Component(const TenantFigures& tenant, LineKind kind) {
  return tenant.by_component[static_cast<size_t>(kind)];
}

/// `big` has reserved 500 nt/s; demand is charged by the busiest minute.
Scenario WithReservation() {
  Scenario scenario = SmallScenario();
  core::TenantSettings big = SmallTenant("big", Tier::kReserved);
  big.reservations = {{.pool = "chat",
                       .kind = std::nullopt,
                       .rate = {.quantity = 500'000, .period = Seconds(1), .burst = 1'000'000},
                       .overrun = Overrun::kSpill}};
  big.subscription.reservations = {{.pool = "chat",
                                    .rate = NormalizedTokensPerSecond(500),
                                    .from = kWorldBegin,
                                    .to = kWorldBegin + scenario.length}};
  scenario.settings.tenants.push_back(big);
  ledger::PoolPrices& prices = scenario.settings.tariff.pools[0];
  prices.capacity_price = kCapacityPrice;
  prices.demand = {ledger::BusiestMinute(kDemandOfMonth)};
  return scenario;
}

TEST(CloseRun, BillsTokensCapacityAndDemandOfAReservedTenant) {
  Scenario scenario = WithReservation();
  // Two requests in one minute, one in each of four others.
  std::vector<Arrival> arrivals = SmallRequests(Minutes(5) + Seconds(10), 2, Seconds(5));
  for (const Arrival& more : SmallRequests(Minutes(10) + Seconds(10), 4, Minutes(1))) arrivals.push_back(more);
  AddTraffic("big", arrivals, &scenario);
  const RunFigures figures = Ran(scenario);
  const TenantFigures& big = Of(figures, "big");
  EXPECT_EQ(big.counts.finished, 6);
  EXPECT_EQ(Component(big, LineKind::kTokens), kSmallRequestPrice * 6);
  EXPECT_EQ(Component(big, LineKind::kCapacity), Money::FromPico(500'000 * kCapacityPrice));
  EXPECT_EQ(big.peak, Work(2 * 140'000));
  EXPECT_EQ(Component(big, LineKind::kDemand), Money::FromPico(2 * 140'000 * (kDemandOfMonth / 720)));
  EXPECT_EQ(big.peak_at, kWorldBegin + Minutes(5));
  EXPECT_DOUBLE_EQ(big.load_factor, 6.0 / 60 / 2);
}

TEST(CloseRun, ARatchetBillsItsMinimumWhereUsageIsLower) {
  Scenario scenario = WithReservation();
  ledger::Ratchet& ratchet = scenario.settings.tariff.pools[0].demand[0].ratchet;
  ratchet.look_back = 1;
  ratchet.percent.fill(50);
  ratchet.own_percent.fill(100);
  ratchet.minimum = 1'000'000;
  AddTraffic("big", SmallRequests(Minutes(5), 1, Minutes(1)), &scenario);
  const TenantFigures big = Of(Ran(scenario), "big");
  EXPECT_EQ(Component(big, LineKind::kDemand), Money::FromPico(1'000'000 * (kDemandOfMonth / 720)));
}

TEST(CloseRun, ComponentsAddUpToBillsAndBillsToRevenue) {
  Scenario scenario = WithReservation();
  AddTraffic("big", SmallRequests(Minutes(5), 30, Seconds(20)), &scenario);
  AddTraffic("acme", SmallRequests(Minutes(6), 40, Seconds(10)), &scenario);
  AddTraffic("tramp", SmallRequests(Minutes(6), 10, Seconds(10)), &scenario);
  const RunFigures figures = Ran(scenario);
  Money bills;
  std::array<Money, ledger::rating::kLineKindCount> components{};
  for (const TenantFigures& tenant : figures.tenants) {
    Money lines;
    for (size_t i = 0; i < components.size(); ++i) {
      lines += tenant.by_component[i];
      components[i] += tenant.by_component[i];
    }
    EXPECT_EQ(lines, tenant.bill) << tenant.name;
    bills += tenant.bill;
  }
  EXPECT_EQ(bills, figures.revenue);
  EXPECT_EQ(components, figures.by_component);
  EXPECT_EQ(figures.currency, "USD");
  EXPECT_TRUE(Of(figures, "tramp").bill.IsZero());
}

TEST(CloseRun, StatementsReachToAWholeHourAfterTheLastRequest) {
  Scenario scenario = SmallScenario();
  AddTraffic("acme", SmallRequests(Minutes(59) + Milliseconds(59'500), 1, {}), &scenario);
  const RunFigures figures = Ran(scenario);
  EXPECT_GT(figures.ran, Hours(1));
  EXPECT_EQ(figures.billed, Hours(2));
  EXPECT_EQ(figures.revenue, kSmallRequestPrice) << "what ends after the traffic is billed too";
  EXPECT_EQ(Ran(SmallScenario()).billed, Hours(1)) << "and no longer than need be";
}

TEST(CloseRun, UtilisationIsOfTheCapacityThereWas) {
  Scenario scenario = SmallScenario();
  AddTraffic("acme", SmallRequests(Seconds(1), 360, Seconds(10)), &scenario);  // 14 nt/s
  const double whole = Ran(scenario).pools[0].utilisation;
  EXPECT_NEAR(whole, 0.014, 1e-5);
  scenario.capacity_changes = {{.at = Minutes(30), .capacity = NormalizedTokensPerSecond(500)}};
  const RunFigures halved = Ran(scenario);
  EXPECT_NEAR(halved.pools[0].utilisation, 0.014 / 0.75, 1e-5) << "half the time half of it was gone";
  EXPECT_NEAR(halved.pools[0].peak_utilisation, 0.028, 1e-3) << "in a minute with half the capacity";
  EXPECT_EQ(halved.pools[0].capacity, NormalizedTokensPerSecond(500));
}

TEST(CloseRun, SeveralPoolsHaveTheirOwnLoadAndTenantsAllOfIt) {
  Scenario scenario = SmallScenario();
  scenario.settings.pools.push_back(SmallPool("code"));
  scenario.settings.tariff.pools.push_back(SmallPrices("code"));
  scenario.fleets.push_back(SmallFleet());
  AddTraffic("acme", SmallRequests(Minutes(1), 1, {}), &scenario);
  AddTraffic("acme", SmallRequests(Minutes(1), 2, Seconds(5)), &scenario);
  scenario.clients.back().client.pools = {1};
  const RunFigures figures = Ran(scenario);
  ASSERT_EQ(figures.pools.size(), 2u);
  EXPECT_EQ(figures.pools[0].served, Work(140'000));
  EXPECT_EQ(figures.pools[1].served, Work(2 * 140'000));
  EXPECT_EQ(Of(figures, "acme").peak, Work(3 * 140'000)) << "of both in one minute";
  EXPECT_DOUBLE_EQ(Of(figures, "acme").load_factor, 1.0 / 60);
  EXPECT_EQ(Of(figures, "acme").in_busiest, Work(3 * 140'000));
}

TEST(CloseRun, AFleetIsBusyForItsShareOfTheTrafficHoweverEarlyItsWorkCame) {
  Scenario scenario = SmallScenario();
  AddTraffic("acme", SmallRequests(Seconds(1), 60, Seconds(6)), &scenario);  // 1.19 s each, in the first six minutes
  EXPECT_NEAR(Ran(scenario).pools[0].fleet_busy, 60 * 1.19 / 3'600, 1e-9);
}

// ---- Conservation: each check notices.

/// The names of checks that do not hold.
std::vector<std::string> Noticed(const BooksTotals& books, RunFigures figures) {
  figures.checks.clear();
  CheckConservation(books, &figures);
  std::vector<std::string> broken;
  for (const Check& check : figures.checks) {
    if (!check.holds) broken.push_back(check.what);
    EXPECT_EQ(check.holds, check.expected == check.found);
  }
  EXPECT_EQ(figures.Holds(), broken.empty());
  return broken;
}

/// A run that holds, and what its books hold.
struct Sound {
  RunFigures figures;
  BooksTotals books;
};

Sound SoundRun() {
  Scenario scenario = WithReservation();
  AddTraffic("acme", SmallRequests(Minutes(6), 20, Seconds(10)), &scenario);
  Sound sound{.figures = Ran(scenario), .books = {}};
  sound.books.requests = sound.figures.counts.finished;
  sound.books.tokens = sound.figures.counts.tokens;
  sound.books.work = sound.books.work_by_minute = sound.figures.counts.work;
  sound.books.statements = sound.books.rated_again = sound.books.receivable = sound.figures.revenue;
  return sound;
}

using Names = std::vector<std::string>;

TEST(Conservation, HoldsInASoundRun) {
  const Sound sound = SoundRun();
  EXPECT_EQ(Noticed(sound.books, sound.figures), Names{});
  EXPECT_EQ(sound.figures.checks.size(), 10u);
  EXPECT_EQ(sound.figures.counts.finished, 20);
}

TEST(Conservation, NoticesARequestThatCameAndNeverEnded) {
  Sound sound = SoundRun();
  ++sound.figures.counts.came;
  EXPECT_EQ(Noticed(sound.books, sound.figures), Names{"requests: came = finished + refused + failed"});
}

TEST(Conservation, NoticesARequestThatWasMeteredTwiceOrNever) {
  for (const int64_t change : {-1, 1}) {
    Sound sound = SoundRun();
    sound.books.requests += change;
    EXPECT_EQ(Noticed(sound.books, sound.figures), Names{"requests: finished = metered"});
  }
}

TEST(Conservation, NoticesATokenOfEveryKind) {
  for (const TokenKind kind : kAllTokenKinds) {
    Sound sound = SoundRun();
    sound.books.tokens[kind] += Tokens(1);
    EXPECT_EQ(Noticed(sound.books, sound.figures), Names{"tokens by kind: finished = metered"}) << Name(kind);
  }
}

TEST(Conservation, NoticesWorkThatIsNotTokensTimesBurndown) {
  Sound sound = SoundRun();
  sound.figures.counts.work += Work(1);
  EXPECT_EQ(Noticed(sound.books, sound.figures), Names{"work (milli-nt): tokens x burndown = hour buckets"});
}

TEST(Conservation, NoticesWorkThatIsInNoMinute) {
  Sound sound = SoundRun();
  sound.books.work_by_minute -= Work(1);
  EXPECT_EQ(Noticed(sound.books, sound.figures), Names{"work (milli-nt): hour buckets = minutes"});
}

TEST(Conservation, NoticesAPicoUnitOnABillOfNoStatement) {
  Sound sound = SoundRun();
  sound.figures.revenue += Money::FromPico(1);
  EXPECT_EQ(Noticed(sound.books, sound.figures), Names{"money: sum of bills = sum of statements"});
}

TEST(Conservation, NoticesAStatementThatIsNotWhatTheTariffMakesOfTheMeters) {
  Sound sound = SoundRun();
  sound.books.rated_again -= Money::FromPico(1);
  EXPECT_EQ(Noticed(sound.books, sound.figures), Names{"money: sum of statements = meters x tariff, rated again"});
}

TEST(Conservation, NoticesAPostingThatIsOnNoStatement) {
  Sound sound = SoundRun();
  sound.books.receivable += Money::FromPico(1);
  EXPECT_EQ(Noticed(sound.books, sound.figures), Names{"money: sum of statements = what was posted to receivables"});
}

TEST(Conservation, NoticesBooksThatDoNotBalanceAndGrantsThatStayOpen) {
  Sound sound = SoundRun();
  sound.books.invariants = absl::DataLossError("debits are not credits");
  sound.books.open_grants = 1;
  EXPECT_EQ(Noticed(sound.books, sound.figures),
            (Names{"books: debits = credits, charges = tokens x pinned prices", "grants: all ended"}));
}

TEST(Conservation, NoticesWorkDoneAfterThePeriodThatWasClosed) {
  // Closed as if it had ended after an hour, though somebody comes while the period waits for its close.
  Scenario scenario = SmallScenario();
  VirtualWorld world;
  world.settings = scenario.settings;
  world.clients = {{.tenant = "acme", .max_wait = Seconds(30)}};
  world.traffic = ArrivalsOf({SmallRequest(Minutes(1)), SmallRequest(Minutes(65))});
  world.fleets.push_back(scenario.fleets[0].make());
  auto broker = VirtualBroker::Open(std::move(world), nullptr);
  ASSERT_TRUE(broker.ok()) << broker.status();
  (*broker)->RunUntil(Minutes(50));
  RunFigures figures;
  figures.length = Hours(1);
  for (const core::TenantSettings& tenant : scenario.settings.tenants) {
    figures.tenants.emplace_back().name = tenant.name;
  }
  CloseRun(**broker, Minutes(50), &figures);
  const BooksTotals books = TotalsOf(**broker);
  EXPECT_EQ(books.requests, 2);
  EXPECT_EQ(books.statements, kSmallRequestPrice);
  EXPECT_EQ(books.receivable, kSmallRequestPrice * 2);
  EXPECT_TRUE(books.invariants.ok());
}

TEST(Conservation, AStatementThatTheEngineRefusesIsACheckThatDoesNotHold) {
  Scenario scenario = SmallScenario();
  VirtualWorld world;
  world.settings = scenario.settings;
  world.traffic = ArrivalsOf({});
  world.fleets.push_back(scenario.fleets[0].make());
  auto broker = VirtualBroker::Open(std::move(world), nullptr);
  ASSERT_TRUE(broker.ok()) << broker.status();
  RunFigures figures;
  figures.length = Hours(1);
  figures.tenants.emplace_back().name = "acme";
  CloseRun(**broker, Hours(1), &figures);
  EXPECT_EQ(figures.checks.size(), 0u);
  CloseRun(**broker, Hours(2), &figures);  // overlaps the first
  ASSERT_EQ(figures.checks.size(), 1u);
  EXPECT_EQ(figures.checks[0].what, "statement of acme");
  EXPECT_FALSE(figures.Holds());
}

}  // namespace
}  // namespace penstock::sim
