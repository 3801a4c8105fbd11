// Several iterations in a row that nobody joins or leaves, at once: every context grows by a token per iteration, so
// that their times form an arithmetic series.
#pragma once

#include <cstdint>

#include "admission/vocabulary/time.h"
#include "sim/fleet/iteration_law.h"

namespace penstock::sim {

/// What the first `iterations` take: the sum, rounded down to whole nanoseconds (once, not for each). `first`: the load
/// of the first of them; if there are others, nothing is prefilled.
Duration StretchTimeRoundDown(const IterationLaw& law, const IterationLoad& first, int64_t iterations);

/// The largest number of iterations, at most `most`, that are over after `elapsed`.
int64_t IterationsWithin(const IterationLaw& law, const IterationLoad& first, Duration elapsed, int64_t most);

}  // namespace penstock::sim
