#include "ledger/calendar.h"

#include <algorithm>

namespace penstock::ledger {
namespace {

constexpr int64_t kSecondsPerHour = 3'600;
constexpr int64_t kHoursPerDay = 24;
constexpr int64_t kThursday = 3;  // 1970-01-01, counted from Monday

// Days since 1970-01-01 and months of the Gregorian calendar, in eras of 400 years that begin on 1 March 0000.
constexpr int64_t kDaysPerEra = 146'097;
constexpr int64_t kEraOfEpoch = 719'468;

int64_t MonthOfDay(int64_t day) {
  const int64_t since = day + kEraOfEpoch;
  const int64_t era = DivideRoundDown(since, kDaysPerEra);
  const int64_t in_era = since - era * kDaysPerEra;
  const int64_t year = (in_era - in_era / 1'460 + in_era / 36'524 - in_era / 146'096) / 365;
  const int64_t day_of_year = in_era - (365 * year + year / 4 - year / 100);
  const int64_t month = (5 * day_of_year + 2) / 153;  // 0 is March
  return (era * 400 + year) * 12 + month + 2;
}

int64_t FirstDayOf(int64_t month) {
  const int64_t from_march = month - 2;
  const int64_t years = DivideRoundDown<int64_t>(from_march, 12);
  const int64_t era = DivideRoundDown<int64_t>(years, 400);
  const int64_t year = years - era * 400;
  const int64_t day_of_year = (153 * (from_march - years * 12) + 2) / 5;
  return era * kDaysPerEra + year * 365 + year / 4 - year / 100 + day_of_year - kEraOfEpoch;
}

}  // namespace

LocalHour Calendar::HourAt(Instant t) const {
  const auto next =
      std::upper_bound(shifts.begin(), shifts.end(), t, [](Instant at, const ZoneShift& s) { return at < s.from; });
  const bool before_first = next == shifts.begin();
  const int64_t offset = shifts.empty() ? 0 : (before_first ? next : next - 1)->offset_seconds;
  const Instant local = WindowStart(t + Seconds(offset), Hours(1));
  const int64_t hour = local.nanoseconds_since_epoch() / Hours(1).count();
  const int64_t day = DivideRoundDown(hour, kHoursPerDay);

  LocalHour found;
  found.from = local - Seconds(offset);
  found.to = found.from + Seconds(kSecondsPerHour);
  if (!before_first && !shifts.empty()) found.from = std::max(found.from, (next - 1)->from);
  if (next != shifts.end()) found.to = std::min(found.to, next->from);
  found.day = day;
  found.month = MonthOfDay(day);
  const int64_t weekday = (((day + kThursday) % 7) + 7) % 7;
  found.hour_of_week = static_cast<size_t>(weekday * kHoursPerDay + (hour - day * kHoursPerDay));
  return found;
}

Instant Calendar::MonthStart(int64_t month) const {
  const Instant midnight = Instant() + Days(FirstDayOf(month));  // as if local were UTC
  Instant found = midnight - Hours(36);                          // in the month before, whatever the offset
  while (HourAt(found).month < month) found = HourAt(found).to;
  return found;
}

std::string MonthText(int64_t month) {
  const int64_t year = DivideRoundDown<int64_t>(month, 12);
  const std::string in_year = std::to_string(month - year * 12 + 1);
  return std::to_string(year) + (in_year.size() == 1 ? "-0" : "-") + in_year;
}

}  // namespace penstock::ledger
