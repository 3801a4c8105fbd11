// Jobs on several threads.
#pragma once

#include <cstddef>

#include "sim/tariffs/evaluation.h"

namespace penstock::sim {

/// As many threads as the machine has processors.
size_t Processors();

/// Runs jobs on up to `threads` threads (at least 1), in order of their numbers as threads become free.
Parallel OnThreads(size_t threads);

}  // namespace penstock::sim
