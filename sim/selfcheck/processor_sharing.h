// One server that all customers share at every moment, as requests of one batch do.
#pragma once

#include "sim/selfcheck/replication.h"

namespace penstock::sim {

/// Two thirds of the customers need half a unit of service, one third two units: mean 1.
struct SlowdownFigures {
  double small = 0;  // mean sojourn / service alone at the nominal rate
  double large = 0;
};

/// Poisson arrivals of this load (below 1). Counts customers as they leave; the warm-up is counted likewise.
SlowdownFigures RunProcessorSharing(double load, const Replication& replication);

}  // namespace penstock::sim
