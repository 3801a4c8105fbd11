// The same queues, but who goes next and who is lost is decided by the scheduler that runs in production
// (admission/fair_scheduler.h): servers are its dispatch slots, held-back servers are a class's holdback slots.
#pragma once

#include <vector>

#include "sim/selfcheck/loss_system.h"
#include "sim/selfcheck/replication.h"

namespace penstock::sim {

/// As LostShares of sim/selfcheck/loss_system.h: requests wait for nothing. Every class takes one unit; up to three
/// classes, dearest first.
std::vector<double> LostSharesByAdmission(const LossSystem& system, const Replication& replication);

/// One class with a line that has no end: the share that had to wait.
double ShareWaitingByAdmission(int servers, double load, const Replication& replication);

}  // namespace penstock::sim
