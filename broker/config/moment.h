// Moments as people write them in files: UTC, "2026-01-31T12:00:00Z", or "2026-01-31" for its first moment.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "admission/vocabulary/time.h"

namespace penstock::config {

/// Nothing on anything else, and outside 1970 to 2200.
std::optional<Instant> ParseInstant(std::string_view text);

/// "2026-01-31T12:00:00Z", to the second.
std::string FormatInstant(Instant t);

}  // namespace penstock::config
