// Work that waits: requests move out of busy windows into later ones, as their customer has decided (sim/demand/).
#pragma once

#include <memory>
#include <vector>

#include "sim/arrival.h"
#include "sim/demand/load_profile.h"
#include "sim/random.h"

namespace penstock::sim {

/// Every request takes one number from the stream, whether it can move or not. One that moves comes a whole number of
/// windows (the first begins at time 0) later. Holds what is under way. By time.
std::unique_ptr<ArrivalSource> Deferred(std::unique_ptr<ArrivalSource> source, Duration window,
                                        const std::vector<LoadShift>& deferrals, Random random);

}  // namespace penstock::sim
