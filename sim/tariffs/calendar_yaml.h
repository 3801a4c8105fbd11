// The calendar of a tariff as its file spells it.
#pragma once

#include <absl/status/status.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "ledger/calendar.h"

namespace penstock::sim {

/// Appends time_zone, time_of_use and seasons, as far as the calendar has them. INVALID_ARGUMENT when a name cannot be
/// spelt in a file.
absl::Status AppendCalendarYaml(const ledger::Calendar& calendar, std::string& text);

/// One percentage for all months, or "{summer: 95, winter: 60}"; nothing when no season tells the months apart.
/// `skip_zero`: months at zero do not matter.
std::optional<std::string> PercentText(const std::array<int64_t, ledger::kMonths>& percent,
                                       const ledger::Calendar& calendar, bool skip_zero);

}  // namespace penstock::sim
