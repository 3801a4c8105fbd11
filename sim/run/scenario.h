// A scenario: who uses what, on which fleet, for how long. Plain values and factories; sim/commands reads them from
// YAML.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admission/vocabulary/time.h"
#include "broker/core/settings.h"
#include "ledger/money.h"
#include "sim/arrival.h"
#include "sim/demand/response.h"
#include "sim/fleet/fleet_model.h"
#include "sim/random.h"
#include "sim/run/virtual_broker.h"

namespace penstock::sim {

/// Makes the arrivals of one client: `tenant` goes into Arrival::tenant, `volume` is a multiple of what the trace or
/// generator says.
using TrafficFactory =
    std::function<std::unique_ptr<ArrivalSource>(uint32_t tenant, double volume, const Streams& streams)>;

/// What a pool runs on.
struct FleetPlan {
  std::function<std::unique_ptr<FleetModel>()> make;  // starting at kWorldBegin
  std::string description;                            // for people: hardware, replicas, which model
  int replicas = 1;
  ledger::Money replica_hour;  // what one costs; zero: not told
  double joules_per_nt = 0;    // 0: not known
};

/// A client of a tenant that the settings name.
struct ClientPlan {
  Client client;
  TrafficFactory traffic;
};

/// Customers that choose: what they use, as what and how much follows from the tariff (sim/demand/). They become
/// tenants of the first pool.
struct Population {
  std::vector<std::string> customers;   // their names
  std::vector<TrafficFactory> traffic;  // of each
  DemandTerms demand;
  Duration flex_wait = Hours(1);  // how long requests of each kind of customer may stand in line
  Duration elastic_wait = Seconds(30);
};

struct Scenario {
  std::string name;
  std::string about;
  std::string attribution;               // of traces, which whoever passes them on must pass on too
  std::string text;                      // that it was read from: what a manifest hashes
  std::vector<std::string> trace_files;  // paths of traces that are none of the built-in ones; likewise
  std::vector<std::string> warnings;     // bad rows of traces, for people
  Duration length;                       // of the traffic
  std::optional<Duration> warm_up;       // left out of the times; nothing: MSER-5 finds it
  Duration target_wait = Seconds(2);     // paying requests that wait no longer are in time; flex, whenever served
  core::EngineSettings settings;         // its monthly prices are pro-rated to the length
  std::vector<FleetPlan> fleets;         // one for each pool
  std::vector<ClientPlan> clients;
  Population population;  // may be empty
  std::vector<CapacityChange> capacity_changes;
  std::vector<BoughtWindow> purchases;
};

}  // namespace penstock::sim
