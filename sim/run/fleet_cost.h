// What fleets cost: replicas by the hour, as many as there are at each moment.
#pragma once

#include <cstddef>

#include "admission/vocabulary/time.h"
#include "sim/run/scenario.h"

namespace penstock::sim {

/// Of a pool's fleet, over the scenario's traffic, with its changes of capacity.
double MeanReplicas(const Scenario& scenario, size_t pool);
/// Of all fleets for so long at their mean size, in currency units; 0 where no `replica_hour` is told.
double FleetCostFor(const Scenario& scenario, Duration span);

}  // namespace penstock::sim
