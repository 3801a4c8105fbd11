// A scenario small enough to add up by hand: one pool, a fleet of fixed times, listed requests.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/fleet/fixed_times.h"
#include "sim/run/run.h"
#include "sim/traffic/volume.h"

namespace penstock::sim {

/// 100 prompt tokens and 10 answered: 140 nt in SmallScenario's pool, and 1.19 s of its fleet.
inline Arrival SmallRequest(Duration at) {
  Arrival arrival;
  arrival.at = at;
  arrival.tokens[TokenKind::kInput] = Tokens(100);
  arrival.tokens[TokenKind::kOutput] = Tokens(10);
  arrival.max_output_tokens = 20;
  return arrival;
}

/// `count` requests, `gap` apart.
inline std::vector<Arrival> SmallRequests(Duration first, int count, Duration gap) {
  std::vector<Arrival> arrivals;
  for (int i = 0; i < count; ++i) arrivals.push_back(SmallRequest(first + gap * i));
  return arrivals;
}

/// The same in every replication.
inline TrafficFactory Listed(std::vector<Arrival> arrivals) {
  return [arrivals](uint32_t tenant, double volume, const Streams& streams) {
    std::vector<Arrival> own = arrivals;
    for (Arrival& arrival : own) arrival.tenant = tenant;
    return WithVolume(ArrivalsOf(std::move(own)), volume, streams.Of(tenant, Purpose::kVolume));
  };
}

inline core::PoolSettings SmallPool(const std::string& name) {
  core::PoolSettings pool;
  pool.name = name;
  pool.model = "small";
  pool.terms.capacity = NormalizedTokensPerSecond(1'000);
  pool.terms.burst = NormalizedTokens(10'000);
  pool.terms.max_in_flight = 2;
  for (auto& terms : pool.terms.classes) terms.max_waiting = 100;
  pool.burndown[TokenKind::kInput] = 1'000;
  pool.burndown[TokenKind::kOutput] = 4'000;
  pool.predicted_output = Tokens(10);
  return pool;
}

/// A token costs a millionth of a dollar going in and four coming out, whoever pays; free is free.
inline ledger::PoolPrices SmallPrices(const std::string& pool) {
  ledger::PoolPrices prices;
  prices.pool = pool;
  for (size_t c = 0; c < kServiceClassCount; ++c) {
    if (static_cast<ServiceClass>(c) == ServiceClass::kFree) continue;
    prices.by_class[c][TokenKind::kInput] = 1'000'000;
    prices.by_class[c][TokenKind::kOutput] = 4'000'000;
  }
  return prices;
}
inline const ledger::Money kSmallRequestPrice = ledger::Money::FromPico(140'000'000);

inline core::TenantSettings SmallTenant(const std::string& name, Tier tier) {
  core::TenantSettings tenant;
  tenant.name = name;
  tenant.tier = tier;
  tenant.keys = {{.name = "prod"}};
  return tenant;
}

inline FleetPlan SmallFleet() {
  FleetPlan plan;
  plan.make = [] {
    const FixedTimesTerms terms{
        .start = Seconds(1), .per_input_token = Milliseconds(1), .per_output_token = Milliseconds(10)};
    return std::make_unique<FixedTimes>(terms, kWorldBegin);
  };
  return plan;
}

/// An hour without any traffic: elastic `acme` and free `tramp`.
inline Scenario SmallScenario() {
  Scenario scenario;
  scenario.name = "small";
  scenario.length = Hours(1);
  scenario.warm_up = Duration::Zero();
  scenario.settings.pools = {SmallPool("chat")};
  scenario.settings.tariff.version = "small-1";
  scenario.settings.tariff.currency = "USD";
  scenario.settings.tariff.pools = {SmallPrices("chat")};
  scenario.settings.tenants = {SmallTenant("acme", Tier::kElastic), SmallTenant("tramp", Tier::kFree)};
  scenario.fleets = {SmallFleet()};
  return scenario;
}

inline void AddTraffic(const std::string& tenant, std::vector<Arrival> arrivals, Scenario* scenario) {
  scenario->clients.push_back({{.tenant = tenant, .max_wait = Seconds(30)}, Listed(std::move(arrivals))});
}

inline const TenantFigures& Of(const RunFigures& figures, const std::string& name) {
  for (const TenantFigures& tenant : figures.tenants) {
    if (tenant.name == name) return tenant;
  }
  PENSTOCK_CHECK(false);
}

/// What is not as it must be; empty when everything holds.
inline std::string Broken(const RunFigures& figures) {
  std::string broken;
  for (const Check& check : figures.checks) {
    if (!check.holds) broken += check.what + ": expected " + check.expected + ", found " + check.found + "\n";
  }
  return broken;
}

}  // namespace penstock::sim
