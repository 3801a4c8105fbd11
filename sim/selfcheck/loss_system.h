// Customers who do not wait: who finds too few units free is lost. Erlang's loss system, its several-unit cousin, and
// trunk reservation.
#pragma once

#include <vector>

#include "sim/selfcheck/replication.h"

namespace penstock::sim {

struct LossClass {
  double load = 0;    // arrivals per mean service time
  int units = 1;      // that each takes
  int held_back = 0;  // units that must stay free behind it
};

struct LossSystem {
  int units = 1;
  std::vector<LossClass> classes;
};

/// The share of each class that was lost. Arrivals are counted, of all classes together; the warm-up likewise. Every
/// arrival draws its (exponential) service time whether it is let in or not, so that runs with the same streams and
/// different rules see the same customers. Starts empty.
std::vector<double> LostShares(const LossSystem& system, const Replication& replication);

}  // namespace penstock::sim
