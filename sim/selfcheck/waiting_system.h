// Customers who wait: servers, classes in order of priority (nobody is interrupted), Poisson arrivals. By events on
// sim/event_queue.h.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/selfcheck/replication.h"

namespace penstock::sim {

/// How long service takes, with mean 1.
enum class ServiceLaw : uint8_t {
  kExponential,
  kConstant,
  kHyperexponential,  // squared coefficient of variation 4, both branches with the same part of the work
};

struct WaitingSystem {
  int servers = 1;
  ServiceLaw service = ServiceLaw::kExponential;
  std::vector<double> load;  // by class, most urgent first; together below `servers`
  double long_sojourn = 0;   // count sojourns (wait and service) above this
};

struct WaitingFigures {
  std::vector<double> mean_wait;  // by class
  double share_waiting = 0;       // of all customers: who found every server busy
  double share_long = 0;          // of all customers: with a sojourn above long_sojourn
};

/// Counts customers as they begin service; the warm-up is counted likewise. Starts empty.
WaitingFigures Run(const WaitingSystem& system, const Replication& replication);

}  // namespace penstock::sim
