// A day as an engine makes it: clients of a tenant with a hard budget ask for more than it pays, and use more than they
// were given.
#pragma once

#include <cstdint>

#include "tests/ledger/fault_harness.h"

namespace penstock::ledger {

Day EngineDay(uint64_t seed, int steps);

}  // namespace penstock::ledger
