// How the demo says times, shares and reasons.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "admission/vocabulary/work.h"

namespace penstock::cli::demo {

/// Three digits or so: "0.4 ms", "12 ms", "1.84 s".
std::string Spent(int64_t nanoseconds);
/// "37 %" of something; "0 %" of nothing; never "0 %" for a part that is there.
std::string Percent(int64_t part, int64_t whole);
/// The most frequent first, in short words: "full 412, expired 38".
std::string Reasons(const std::map<std::string, int64_t>& reasons);
/// Milli-nt (also per second) as whole nt, rounded down, digits grouped.
std::string WholeNt(int64_t milli_nt);
/// The words of `text` in lines of at most kLineWidth columns, with a line end behind each.
constexpr size_t kLineWidth = 100;
std::string Wrapped(const std::string& text);

}  // namespace penstock::cli::demo
