// How the demo says times, shares and reasons.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "admission/vocabulary/work.h"

namespace penstock::cli::demo {

/// Three digits or so: "0.4 ms", "12 ms", "1.84 s".
std::string Spent(int64_t nanoseconds);
/// "37 %" of something; "0 %" of nothing; never "0 %" for a part that is there.
std::string Percent(int64_t part, int64_t whole);
/// The most frequent first: "queue full 412, wait expired 38".
std::string Reasons(const std::map<std::string, int64_t>& reasons);
/// Milli-nt (also per second) as whole nt, rounded down, digits grouped.
std::string WholeNt(int64_t milli_nt);

}  // namespace penstock::cli::demo
