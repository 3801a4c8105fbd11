#include "sim/run/fleet_cost.h"

#include "sim/run/course.h"

namespace penstock::sim {

double MeanReplicas(const Scenario& scenario, size_t pool) {
  return ReplicaCourse(scenario.fleets[pool].replicas, scenario.capacity_changes, pool)
      .Mean(Duration::Zero(), scenario.length);
}

double FleetCostFor(const Scenario& scenario, Duration span) {
  const double hours = static_cast<double>(span.count()) / static_cast<double>(Hours(1).count());
  double cost = 0;
  for (size_t pool = 0; pool < scenario.fleets.size(); ++pool) {
    const double replica_hour = scenario.fleets[pool].replica_hour.pico().convert_to<double>() / 1e12;
    cost += replica_hour * MeanReplicas(scenario, pool) * hours;
  }
  return cost;
}

}  // namespace penstock::sim
