// Time zones by name: the only place that asks the machine's zone database. Everybody else has shifts.
#pragma once

#include <absl/status/statusor.h>

#include <string_view>
#include <vector>

#include "ledger/calendar.h"

namespace penstock::config {

/// The shifts of a zone such as Europe/Berlin from the UTC day of `from` (not before 1970) to `to`; what holds last
/// holds for ever. None for UTC. InvalidArgument says what is wrong with the name and what to write.
absl::StatusOr<std::vector<ledger::ZoneShift>> ResolveZone(std::string_view name, Instant from, Instant to);

}  // namespace penstock::config
