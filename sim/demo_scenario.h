// What `penstock demo` plays: one pool, eight tenants on three tiers, one of them floods. Pure: the same length and
// seed give the same scenario.
//
// Assumptions, where the traces say nothing (see also sim/traffic.h): who the tenants are and what they may do, the
// cached and reasoning shares, the caps asked for, all prices.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "broker/core/settings.h"
#include "sim/fleet/fleet.h"
#include "sim/traffic/traffic.h"

namespace penstock::sim {

constexpr char kDemoPool[] = "chat";
constexpr char kDemoKey[] = "prod";             // every tenant's one key
constexpr int64_t kShortestDemoSeconds = 3;     // below, the flood is too short to be seen
constexpr int64_t kLongestDemoSeconds = 3'000;  // the traces are about an hour long

struct DemoTenant {
  std::string name;
  Tier tier = Tier::kElastic;
  std::optional<ServiceClass> asks;  // nothing: what its tier gives
  Duration max_wait;                 // how long its requests may stand in line
};

struct DemoScenario {
  core::EngineSettings settings;
  FleetTerms fleet;
  std::vector<DemoTenant> tenants;  // Arrival::tenant is an index into these
  std::vector<Arrival> arrivals;
  uint32_t flooder = 0;     // index of the tenant that floods
  Burst flood;              // the middle third
  std::string hardware;     // what the fleet models, for people
  std::string attribution;  // of the traces, which whoever passes them on must pass on too
  std::string assumptions;  // what the traces do not say
};

/// `seconds`: kShortestDemoSeconds to kLongestDemoSeconds.
DemoScenario BuildDemoScenario(int64_t seconds, uint64_t seed);

}  // namespace penstock::sim
