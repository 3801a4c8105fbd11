#include "sim/run/run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ledger/journal.h"
#include "sim/traffic/generators.h"
#include "tests/sim/run/small_scenario.h"

namespace penstock::sim {
namespace {

Run Ran(const Scenario& scenario, uint64_t seed = 1) {
  absl::StatusOr<Run> run = RunScenario(scenario, {.seed = seed});
  EXPECT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(Broken(run->figures), "");
  return *std::move(run);
}

TrafficFactory Poisson(double per_second, Duration length) {
  return [=](uint32_t tenant, double volume, const Streams& streams) {
    const Sender sender{tenant, length, AlwaysSize(Tokens(100), Tokens(10)), {}};
    return WithVolume(ArrivalsOf(PoissonProcess{per_second}, sender, streams), volume,
                      streams.Of(tenant, Purpose::kVolume));
  };
}

/// Everybody comes at random.
Scenario BusyScenario() {
  Scenario scenario = SmallScenario();
  scenario.length = Minutes(10);
  scenario.warm_up.reset();
  for (const char* tenant : {"acme", "tramp"}) {
    scenario.clients.push_back(
        {{.tenant = tenant, .max_wait = Seconds(5), .retries = 2, .late = Seconds(3)}, Poisson(1.2, scenario.length)});
  }
  return scenario;
}

TEST(RunScenario, TheSameSeedGivesTheSameJournalAndFigures) {
  const sim::Run once = Ran(BusyScenario(), 5);
  const sim::Run again = Ran(BusyScenario(), 5);
  EXPECT_EQ(once.figures.head, again.figures.head);
  EXPECT_EQ(once.figures.revenue, again.figures.revenue);
  EXPECT_EQ(once.figures.events, again.figures.events);
  EXPECT_GT(once.figures.counts.finished, 500);
  EXPECT_NE(once.figures.head, Ran(BusyScenario(), 6).figures.head) << "another seed is another world";
}

TEST(VirtualBroker, KeepingTheChainAloneGivesTheHeadOfAJournalThatKeepsAll) {
  const auto head = [](bool keeps_journal) {
    VirtualWorld world;
    world.settings = SmallScenario().settings;
    world.clients = {{.tenant = "acme", .max_wait = Seconds(5)}};
    world.traffic = ArrivalsOf(SmallRequests(Minutes(1), 200, Milliseconds(500)));
    world.fleets.push_back(SmallFleet().make());
    world.keeps_journal = keeps_journal;
    auto broker = VirtualBroker::Open(std::move(world), nullptr);
    EXPECT_TRUE(broker.ok()) << broker.status();
    (*broker)->RunUntil(Minutes(10));
    return (*broker)->engine().ledger().head();
  };
  EXPECT_EQ(head(false), head(true));
  EXPECT_GT(head(false).sequence, 200u);
}

/// The core alone, told what a watched broker tells its own.
class Echo final : public Watcher {
 public:
  explicit Echo(const core::EngineSettings& settings)
      : engine_(*core::Engine::Open(settings, ledger::NewMemoryJournal(), core::FairScheduling(), kWorldBegin)) {}
  void OnCommand(const core::Command& command, Instant now) override {
    core::Effects effects;
    engine_->Apply(command, now, &effects);
  }
  const core::Engine& engine() const { return *engine_; }

 private:
  std::unique_ptr<core::Engine> engine_;
};

TEST(VirtualBroker, ItsCommandsAloneMakeTheSameBooks) {
  Cast cast = CastOf(BusyScenario(), 3);
  Echo echo(cast.world.settings);
  const auto broker = VirtualBroker::Open(std::move(cast.world), &echo);
  ASSERT_TRUE(broker.ok());
  (*broker)->RunUntil(Minutes(10));
  EXPECT_GT((*broker)->requests(), 1'000u);
  EXPECT_EQ(echo.engine().ledger().posted_sequence(), (*broker)->engine().ledger().posted_sequence());
  EXPECT_TRUE(echo.engine().books() == (*broker)->engine().books());
}

TEST(RunScenario, AnEmptyWorldHolds) {
  const sim::Run run = Ran(SmallScenario());
  EXPECT_EQ(run.figures.counts.came, 0);
  EXPECT_TRUE(run.figures.revenue.IsZero());
  EXPECT_EQ(run.figures.ran, Hours(1));
  Scenario unknown_warm_up = SmallScenario();
  unknown_warm_up.warm_up.reset();
  EXPECT_EQ(Ran(unknown_warm_up).figures.warm_up, Duration::Zero());
}

TEST(RunScenario, TellsProgressUpToTheEnd) {
  std::vector<double> shares;
  const auto run =
      RunScenario(SmallScenario(), {.seed = 1, .progress = [&](double share) { shares.push_back(share); }});
  ASSERT_TRUE(run.ok());
  EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
  EXPECT_DOUBLE_EQ(shares.back(), 1);
}

TEST(RunScenario, WhatComesAfterTheLengthIsServedToo) {
  Scenario scenario = SmallScenario();
  std::vector<Arrival> arrivals = SmallRequests(Minutes(59), 70, Seconds(1));
  arrivals.push_back(SmallRequest(Hours(2)));
  AddTraffic("acme", arrivals, &scenario);
  const RunFigures figures = Ran(scenario).figures;
  EXPECT_EQ(figures.counts.came, 71) << "as deferred requests do";
  EXPECT_EQ(figures.counts.finished, 71);
  EXPECT_GE(figures.ran, Hours(2));
}

TEST(RunScenario, NobodyComesBackAfterTheEnd) {
  Scenario scenario = SmallScenario();
  scenario.settings.pools[0].terms.classes[static_cast<size_t>(ServiceClass::kFree)].max_waiting = 1;
  AddTraffic("tramp", SmallRequests(Hours(1) - Milliseconds(1), 20, {}), &scenario);
  scenario.clients[0].client.retries = 1'000;
  const RunFigures figures = Ran(scenario).figures;
  EXPECT_EQ(figures.counts.tries, 20);
  EXPECT_EQ(figures.counts.refused_pool, 17) << "two run, one waits";
  EXPECT_LT(figures.ran, Hours(1) + Minutes(2));
}

TEST(RunScenario, RequestsThatRunLongerThanTheirLeaseAreKeptAlive) {
  Scenario scenario = SmallScenario();
  scenario.settings.pools[0].lease = Seconds(20);
  scenario.settings.pools[0].settle_within = Seconds(60);
  scenario.fleets[0].make = [] {
    return std::make_unique<FixedTimes>(FixedTimesTerms{.start = Minutes(10)}, kWorldBegin);
  };
  AddTraffic("acme", SmallRequests(Minutes(1), 3, Seconds(1)), &scenario);
  scenario.clients[0].client.max_wait = Minutes(30);
  const RunFigures figures = Ran(scenario).figures;
  EXPECT_EQ(figures.counts.finished, 3);
  EXPECT_EQ(figures.revenue, kSmallRequestPrice * 3) << "billed, ten minutes after a lease of twenty seconds began";
  EXPECT_EQ(Of(figures, "acme").longest_wait, Minutes(10) - Seconds(2)) << "their slots stayed theirs";
}

TEST(RunScenario, ABudgetCutsAnswersShort) {
  Scenario scenario = SmallScenario();
  core::BudgetTerms budget;
  budget.name = "total";
  budget.amount = ledger::Money::FromPico(120'000'000);  // the prompt's 100 and five answered tokens
  scenario.settings.tenants[0].budgets = {budget};
  AddTraffic("acme", SmallRequests(Minutes(1), 2, Minutes(1)), &scenario);
  const RunFigures figures = Ran(scenario).figures;
  EXPECT_EQ(figures.counts.finished, 1);
  EXPECT_EQ(figures.counts.tokens[TokenKind::kOutput], Tokens(5));
  EXPECT_EQ(figures.counts.refused_yours, 1);
  EXPECT_EQ(figures.revenue, budget.amount);
}

TEST(RunScenario, GoesToTheNextCandidateWhereTheFirstIsFull) {
  Scenario scenario = SmallScenario();
  scenario.settings.pools.push_back(SmallPool("code"));
  scenario.settings.tariff.pools.push_back(SmallPrices("code"));
  scenario.fleets.push_back(SmallFleet());
  AddTraffic("acme", SmallRequests(Minutes(1), 4, {}), &scenario);
  scenario.clients[0].client.pools = {1, 0};
  scenario.clients[0].client.max_wait = Duration::Zero();
  const RunFigures figures = Ran(scenario).figures;
  EXPECT_EQ(figures.counts.finished, 4);
  EXPECT_EQ(figures.pools[1].served, Work(2 * 140'000)) << "its two slots first";
  EXPECT_EQ(figures.pools[0].served, Work(2 * 140'000));
}

TEST(RunScenario, AFleetThatNeverFinishesIsACheckThatFailsAndNoHang) {
  Scenario scenario = SmallScenario();
  scenario.fleets[0].make = [] {
    return std::make_unique<FixedTimes>(FixedTimesTerms{.start = Days(4'000)}, kWorldBegin);
  };
  AddTraffic("acme", SmallRequests(Minutes(1), 1, {}), &scenario);
  const auto run = RunScenario(scenario, {});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_FALSE(run->figures.Holds());
  EXPECT_EQ(run->figures.checks[0].what, "requests: came = finished + refused + failed");
  EXPECT_FALSE(run->figures.checks[0].holds);
}

TEST(RunScenario, SaysWhatTheEngineDoesNotTake) {
  Scenario scenario = SmallScenario();
  scenario.settings.tariff.pools.clear();
  EXPECT_EQ(RunScenario(scenario, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(RunScenario, SaysWhichPurchaseCannotBeHad) {
  Scenario scenario = SmallScenario();
  scenario.purchases = {{.tenant = "acme", .from_minute = 0, .to_minute = 60, .rate = NormalizedTokensPerSecond(1)}};
  const auto run = RunScenario(scenario, {});
  EXPECT_EQ(run.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(run.status().message().find("'acme' cannot buy 1 nt/s from minute 0 to 60"), std::string::npos)
      << run.status();
}

TEST(UnderTariff, NoOtherVersionTakesOverLater) {
  Scenario scenario = SmallScenario();
  ledger::Tariff later = scenario.settings.tariff;
  later.version = "small-2";
  later.effective = kWorldBegin + Minutes(10);
  ledger::Tariff pinned = later;
  pinned.version = "contract-1";
  scenario.settings.more_tariffs = {later, pinned};
  scenario.settings.tenants[0].tariff = "contract-1";
  ledger::Tariff candidate = scenario.settings.tariff;
  candidate.version = "candidate";
  const Scenario other = UnderTariff(scenario, candidate);
  EXPECT_EQ(other.settings.tariff.version, "candidate");
  ASSERT_EQ(other.settings.more_tariffs.size(), 1u);
  EXPECT_EQ(other.settings.more_tariffs[0].version, "contract-1") << "contracts hold";
}

// ---- Common random numbers, end to end.

/// What a customer's traffic was asked to be, and the requests that it gave.
struct Seen {
  std::map<std::string, std::vector<Arrival>> arrivals;  // by customer
};

class SeenArrivals final : public ArrivalSource {
 public:
  SeenArrivals(std::unique_ptr<ArrivalSource> source, std::vector<Arrival>* out)
      : source_(std::move(source)), out_(out) {}
  std::optional<Arrival> Next() override {
    std::optional<Arrival> next = source_->Next();
    if (next) out_->push_back(*next);
    return next;
  }

 private:
  std::unique_ptr<ArrivalSource> source_;
  std::vector<Arrival>* out_;
};

/// Ten customers that answer prices by leaving or staying, each with its own bend.
Scenario PricedScenario(Seen* seen) {
  Scenario scenario = SmallScenario();
  scenario.settings.tenants.clear();
  scenario.length = Minutes(10);
  Population& population = scenario.population;
  population.demand.reference_price = 1'000;
  population.demand.volume = VolumeModel::kFixed;
  population.demand.churn_per_period = 0.2;
  population.demand.churn_by_price = 0.4;
  for (int i = 0; i < 10; ++i) {
    const std::string name = "customer-" + std::to_string(i);
    population.customers.push_back(name);
    population.traffic.push_back(
        [name, seen, of = Poisson(0.1, scenario.length)](uint32_t tenant, double volume, const Streams& streams) {
          return std::make_unique<SeenArrivals>(of(tenant, volume, streams), &seen->arrivals[name]);
        });
  }
  return scenario;
}

TEST(RunScenario, ATariffThatDrivesSomeAwayChangesNoRequestOfThoseThatStay) {
  Seen cheap;
  const sim::Run first = Ran(PricedScenario(&cheap), 11);
  Seen dear;
  Scenario scenario = PricedScenario(&dear);
  for (ledger::TokenPrices& prices : scenario.settings.tariff.pools[0].by_class) {
    for (const TokenKind kind : kAllTokenKinds) prices[kind] *= 3;
  }
  const sim::Run second = Ran(scenario, 11);
  size_t left = 0;
  size_t stayed = 0;
  for (size_t i = 0; i < first.decisions.size(); ++i) {
    const std::string& name = scenario.population.customers[i];
    if (first.decisions[i].stays && !second.decisions[i].stays) ++left;
    if (!first.decisions[i].stays || !second.decisions[i].stays) continue;
    ++stayed;
    EXPECT_FALSE(cheap.arrivals[name].empty());
    EXPECT_EQ(cheap.arrivals[name], dear.arrivals[name]) << name;
  }
  EXPECT_GT(left, 0u) << "else this shows nothing; choose another seed";
  EXPECT_GT(stayed, 0u);
  EXPECT_EQ(first.figures.tenants.size(), second.figures.tenants.size());
}

}  // namespace
}  // namespace penstock::sim
