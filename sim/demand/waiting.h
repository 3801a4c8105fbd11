// Work that waits for a better time: what a customer defers when it keeps below a cap in each window.
#pragma once

#include <span>
#include <vector>

#include "admission/vocabulary/time.h"
#include "sim/demand/load_profile.h"

namespace penstock::sim {

struct Waiting {
  std::vector<LoadShift> load_shifts;  // ascending by the window that the work goes to
  double share = 0;                 // of all work: what waits
  double hours = 0;                 // mean over all work, what does not wait too
};

/// Work goes first come, first served: in each window as much as its cap lets through, of what waits and what comes.
/// But nothing waits longer than `longest` or beyond the last window: it goes then, above the cap. Caps are in units of
/// the load and not negative; infinity: none.
Waiting WaitBelow(std::span<const double> load, std::span<const double> caps, Duration window, Duration longest);

}  // namespace penstock::sim
