// What requests turn out to be that were never granted then, or had not ended: assumed.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/replay/recording.h"

namespace penstock::sim {

/// Of all requests of a recording, by their places.
struct Outcomes {
  std::vector<TokenCounts> tokens;
  std::shared_ptr<const std::vector<MeasuredTime>> took;
  // How many were not measured, by whose medians stand in for them.
  int64_t as_tenant = 0;
  int64_t as_pool = 0;
  int64_t as_all = 0;

  int64_t assumed() const { return as_tenant + as_pool + as_all; }
};

/// Measured outcomes as they are. The others: input as they said, and the median tokens and speed of the finished
/// requests of their tenant; if it has none, of the pool that granted them or that they asked first; else of all. Never
/// more tokens than they asked for. FAILED_PRECONDITION when some have to be assumed and no request finished.
absl::StatusOr<Outcomes> OutcomesOf(const Recording& recording);

}  // namespace penstock::sim
