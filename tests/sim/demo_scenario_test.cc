#include "sim/demo_scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "admission/vocabulary/tiers.h"

namespace penstock::sim {
namespace {

using testing::Contains;
using testing::Ge;
using testing::Lt;

constexpr int64_t kSeconds = 45;

const DemoScenario& Demo() {
  static const DemoScenario scenario = BuildDemoScenario(kSeconds, 7);
  return scenario;
}

/// Work that arrives per second in [from, to), as a share of capacity.
double OfferedShare(const DemoScenario& scenario, Duration from, Duration to) {
  const core::PoolSettings& pool = scenario.settings.pools.at(0);
  Work work;
  for (const Arrival& arrival : scenario.arrivals) {
    if (arrival.at >= from && arrival.at < to) work += WorkOf(arrival.tokens, pool.burndown);
  }
  const double seconds = static_cast<double>((to - from).count()) / 1e9;
  return static_cast<double>(work.count()) / seconds / static_cast<double>(pool.terms.capacity.count());
}

TEST(DemoScenario, LoadFitsThePoolBeforeTheFloodAndExceedsItDuringTheFlood) {
  for (const uint64_t seed : {1u, 7u, 42u}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const DemoScenario scenario = BuildDemoScenario(kSeconds, seed);
    EXPECT_LT(OfferedShare(scenario, Duration::Zero(), scenario.flood.from), 0.95);
    EXPECT_GT(OfferedShare(scenario, scenario.flood.from, scenario.flood.to), 1.1);
    EXPECT_LT(OfferedShare(scenario, scenario.flood.to, Seconds(kSeconds)), 0.95);
  }
}

TEST(DemoScenario, WithoutFreeTrafficTheFloodWouldFit) {
  DemoScenario scenario = BuildDemoScenario(kSeconds, 7);
  std::erase_if(scenario.arrivals,
                [&](const Arrival& arrival) { return scenario.tenants[arrival.tenant].tier == Tier::kFree; });
  EXPECT_LT(OfferedShare(scenario, scenario.flood.from, scenario.flood.to), 0.85);
}

TEST(DemoScenario, EightTenantsStandOnThreeTiersAndOneFreeTenantFloods) {
  std::set<std::string> names;
  std::set<Tier> tiers;
  int reserved = 0;
  for (const DemoTenant& tenant : Demo().tenants) {
    names.insert(tenant.name);
    tiers.insert(tenant.tier);
    reserved += tenant.tier == Tier::kReserved ? 1 : 0;
  }
  EXPECT_EQ(names.size(), 8u);
  EXPECT_EQ(tiers.size(), kTierCount);
  EXPECT_EQ(reserved, 1);
  EXPECT_EQ(Demo().tenants.at(Demo().flooder).tier, Tier::kFree);
}

TEST(DemoScenario, SettingsAndTenantsAgree) {
  const core::EngineSettings& settings = Demo().settings;
  ASSERT_EQ(settings.tenants.size(), Demo().tenants.size());
  for (size_t i = 0; i < settings.tenants.size(); ++i) {
    const core::TenantSettings& tenant = settings.tenants[i];
    SCOPED_TRACE(tenant.name);
    EXPECT_EQ(tenant.name, Demo().tenants[i].name);
    EXPECT_EQ(tenant.tier, Demo().tenants[i].tier);
    EXPECT_EQ(!tenant.reservations.empty(), tenant.tier == Tier::kReserved);
    ASSERT_EQ(tenant.keys.size(), 1u);
    EXPECT_EQ(tenant.keys[0].name, kDemoKey);
    if (Demo().tenants[i].asks) {
      EXPECT_THAT(tenant.classes, Contains(*Demo().tenants[i].asks));
    }
  }
}

TEST(DemoScenario, EveryTenantSendsRequestsThatThePoolCanCount) {
  std::set<uint32_t> seen;
  const core::PoolSettings& pool = Demo().settings.pools.at(0);
  for (const Arrival& arrival : Demo().arrivals) {
    ASSERT_LT(arrival.tenant, Demo().tenants.size());
    seen.insert(arrival.tenant);
    EXPECT_THAT(arrival.max_output_tokens, Ge(Generated(arrival.tokens).count()));
    for (TokenKind kind : kAllTokenKinds) {
      if (pool.burndown[kind] == 0) {
        EXPECT_EQ(arrival.tokens[kind], Tokens::Zero()) << Name(kind);
      }
    }
  }
  EXPECT_EQ(seen.size(), Demo().tenants.size());
}

TEST(DemoScenario, TheContractCarriesTheReservedTenantsMeanLoad) {
  DemoScenario scenario = BuildDemoScenario(kSeconds, 7);
  const core::TenantSettings& reserved = scenario.settings.tenants.at(0);
  std::erase_if(scenario.arrivals, [](const Arrival& arrival) { return arrival.tenant != 0; });
  const double offered = OfferedShare(scenario, Duration::Zero(), Seconds(kSeconds));
  const double bought = static_cast<double>(reserved.reservations.at(0).rate.quantity) /
                        static_cast<double>(scenario.settings.pools[0].terms.capacity.count());
  EXPECT_THAT(offered, Lt(bought));
  EXPECT_THAT(offered, Ge(bought / 2));
}

TEST(DemoScenario, TheTariffPricesEveryKindInEveryClassAndNothingForFree) {
  const ledger::Tariff& tariff = Demo().settings.tariff;
  ASSERT_NE(tariff.PricesOf(kDemoPool), nullptr);
  EXPECT_GT(tariff.PricesOf(kDemoPool)->demand.at(0).steps.at(0).price, 0);
  const BurndownRates& burndown = Demo().settings.pools.at(0).burndown;
  for (size_t c = 0; c < kServiceClassCount; ++c) {
    const auto served = static_cast<ServiceClass>(c);
    for (TokenKind kind : kAllTokenKinds) {
      const int64_t price = tariff.TokenPricesOf(kDemoPool, served)[kind];
      SCOPED_TRACE(testing::Message() << Name(served) << " " << Name(kind));
      EXPECT_EQ(price > 0, burndown[kind] > 0 && served != ServiceClass::kFree);
    }
  }
}

TEST(DemoScenario, SlotsAreHeldBackForThoseWhoPaidAhead) {
  const admission::PoolTerms& terms = Demo().settings.pools.at(0).terms;
  for (size_t c = 0; c < kShareClassCount; ++c) EXPECT_GT(terms.classes[c].holdback_slots, 0);
  EXPECT_GT(terms.classes[0].holdback_slots, terms.classes[2].holdback_slots);
}

TEST(DemoScenario, TheSameSeedGivesTheSameArrivals) {
  EXPECT_EQ(BuildDemoScenario(10, 3).arrivals, BuildDemoScenario(10, 3).arrivals);
  EXPECT_NE(BuildDemoScenario(10, 3).arrivals, BuildDemoScenario(10, 4).arrivals);
}

TEST(DemoScenario, TheShortestRunStillFloods) {
  const DemoScenario scenario = BuildDemoScenario(kShortestDemoSeconds, 7);
  EXPECT_GT(OfferedShare(scenario, scenario.flood.from, scenario.flood.to), 1.1);
}

}  // namespace
}  // namespace penstock::sim
