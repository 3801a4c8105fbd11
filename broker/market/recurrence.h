// Recurring windows: "on weekdays from 8:00 to 20:00, from 1 March to 30 June, in Berlin" as a list of windows in UTC.
//
// What the clocks do twice a year:
//   - a time that is skipped (in spring) does not exist: this is refused, or the occurrence is left out if asked for.
//     Only the first moment of what is skipped may be an end: that is when the clocks are moved
//   - a time that comes twice (in autumn) is its first occurrence
//   - so a window across a change lasts as much shorter or longer as the clocks are moved
// Two occurrences never overlap; they may touch.
#pragma once

#include <bitset>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ledger/calendar.h"

namespace penstock::market {

constexpr size_t kMaxOccurrences = 2'048;
constexpr int kMinutesPerDay = 24 * 60;

/// Monday is 0.
using Weekdays = std::bitset<7>;

/// "daily", "weekdays", "weekends", or a list such as "mon,wed"; nothing on anything else.
std::optional<Weekdays> ParseWeekdays(std::string_view text);

struct Recurrence {
  // Local dates of the occurrences' beginnings, 1970 to 2200, both included.
  std::chrono::year_month_day first_day;
  std::optional<std::chrono::year_month_day> last_day;
  /// No occurrence ends later. This or a last day is needed; with both, both hold.
  std::optional<Instant> until;
  Weekdays weekdays;
  // Local minutes of the day: from 0 to 1,439, and to 0 to 1,440. `to` not after `from` is on the next day.
  int from_minute = 0;
  int to_minute = 0;
  /// Leave an occurrence out that begins or ends at a local time that does not exist that day.
  bool skip_missing = false;
};

struct Occurrence {
  Instant from;
  Instant to;
  friend bool operator==(const Occurrence&, const Occurrence&) = default;
};

struct RecurrenceProblem {
  enum class Reason {
    kInvalid,      // a date, minute or set of weekdays that is none, or no end
    kNone,         // no occurrence at all
    kTooMany,      // more than kMaxOccurrences
    kMissingTime,  // begins or ends when the clocks skip
  };
  Reason reason = Reason::kInvalid;
  /// The first day of the occurrence it is about, if it is about one.
  std::optional<std::chrono::year_month_day> day;
  std::string message;  // what, why and what to do, for a person
};

/// In order, at least one. The shifts are those of the zone (ledger/calendar.h; none: UTC) and must reach to the last
/// occurrence; `zone` is its name, for messages.
std::variant<std::vector<Occurrence>, RecurrenceProblem> Expand(const Recurrence& recurrence, std::string_view zone,
                                                                const std::vector<ledger::ZoneShift>& shifts);

}  // namespace penstock::market
