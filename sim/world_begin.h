// When every simulated world begins.
#pragma once

#include "admission/vocabulary/time.h"

namespace penstock::sim {

/// Monday, 1 June 2026, 0:00 UTC: the start of an hour, a day, a week and a billing month of 30 days, so that hours of the
/// week are those of a tariff's time-of-use bands.
constexpr Instant kWorldBegin(1'780'272'000'000'000'000);

}  // namespace penstock::sim
