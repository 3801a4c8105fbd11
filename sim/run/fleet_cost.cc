#include "sim/run/fleet_cost.h"

#include <algorithm>
#include <vector>

namespace penstock::sim {
namespace {

double Hours(Duration span) {
  return static_cast<double>(span.count()) / static_cast<double>(penstock::Hours(1).count());
}

}  // namespace

double MeanReplicas(const Scenario& scenario, size_t pool) {
  const int at_first = scenario.fleets[pool].replicas;
  std::vector<CapacityChange> changes;
  for (const CapacityChange& change : scenario.capacity_changes) {
    if (change.pool == pool && change.replicas > 0 && change.at < scenario.length) changes.push_back(change);
  }
  std::stable_sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  double more = 0;  // than at first, in replica-nanoseconds
  for (const CapacityChange& change : changes) {
    const auto next = &change == &changes.back() ? scenario.length : (&change + 1)->at;
    more += static_cast<double>(change.replicas - at_first) * static_cast<double>((next - change.at).count());
  }
  return at_first + more / static_cast<double>(scenario.length.count());
}

double FleetCostFor(const Scenario& scenario, Duration span) {
  double cost = 0;
  for (size_t pool = 0; pool < scenario.fleets.size(); ++pool) {
    const double replica_hour = scenario.fleets[pool].replica_hour.pico().convert_to<double>() / 1e12;
    cost += replica_hour * MeanReplicas(scenario, pool) * Hours(span);
  }
  return cost;
}

}  // namespace penstock::sim
