// What a customer knows of itself: the load that its requests have made, window by window, with all its chance.
#pragma once

#include "sim/arrival.h"
#include "sim/demand/customer.h"

namespace penstock::sim {

/// Of all requests of the source that come before `length`, which must be a whole number of windows.
LoadProfile ObservedLoad(ArrivalSource& source, Duration window, Duration length);

}  // namespace penstock::sim
