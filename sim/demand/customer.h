// A customer before it has seen a tariff: what it would use if price and queues did not matter, and what it is like.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"

namespace penstock::sim {

/// Load by window of equal length, from the start of the scenario on.
struct LoadProfile {
  Duration window;                  // whole base windows (minutes)
  std::vector<double> tokens_of_kind[kTokenKindCount];  // by kind: tokens in each window
  std::vector<double> requests;                         // in each window
};

struct Customer {
  std::string name;
  LoadProfile load;
};

}  // namespace penstock::sim
