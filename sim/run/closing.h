// The end of a run: every tenant's statement is closed through the engine, and what went in must have come out.
#pragma once

#include "admission/vocabulary/time.h"
#include "sim/run/figures.h"
#include "sim/run/virtual_broker.h"

namespace penstock::sim {

/// Closes the period from the world's begin to the whole hour at or after `ran`, with the tariff in force for each
/// tenant, and fills bills, revenue, peaks, load and head. `figures` holds what the collector has counted. Lets time
/// pass until the period can be closed. A statement that the engine refuses is a check that does not hold.
void CloseRun(VirtualBroker& broker, Duration ran, RunFigures* figures);

/// Requests, tokens, work and money: what came in equals what came out, by independent counts. Appends to
/// figures->checks; called after CloseRun.
void CheckConservation(const VirtualBroker& broker, RunFigures* figures);

}  // namespace penstock::sim
