#include "broker/market/recurrence.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace penstock::market {
namespace {

using ledger::ZoneShift;
using std::chrono::local_days;
using std::chrono::year_month_day;
using Reason = RecurrenceProblem::Reason;

constexpr std::array<absl::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr year_month_day kFirstDay{std::chrono::year{1970}, std::chrono::January, std::chrono::day{1}};
constexpr year_month_day kLastDay{std::chrono::year{2200}, std::chrono::December, std::chrono::day{31}};

/// A local time, as the instant at which it would be in UTC.
struct LocalTime {
  Instant as_utc;
  friend bool operator==(LocalTime, LocalTime) = default;
};

LocalTime MinuteOf(local_days day, int minute) {
  return {Instant() + Days(day.time_since_epoch().count()) + Minutes(minute)};
}

std::string DateText(local_days date) {
  const year_month_day day(date);
  return absl::StrCat(absl::Dec(static_cast<int>(day.year()), absl::kZeroPad4), "-",
                      absl::Dec(static_cast<unsigned>(day.month()), absl::kZeroPad2), "-",
                      absl::Dec(static_cast<unsigned>(day.day()), absl::kZeroPad2));
}

std::string TimeText(LocalTime time) {
  const int64_t minutes = DivideRoundDown(time.as_utc.nanoseconds_since_epoch(), Minutes(1).count());
  const int64_t day = DivideRoundDown<int64_t>(minutes, kMinutesPerDay);
  const int64_t of_day = minutes - day * kMinutesPerDay;
  return absl::StrCat(DateText(local_days(std::chrono::days(day))), " ", absl::Dec(of_day / 60, absl::kZeroPad2), ":",
                      absl::Dec(of_day % 60, absl::kZeroPad2));
}

/// When it is some local time first; where the clocks skip it, when they do and what they skip.
struct Moment {
  Instant at;
  struct Hole {
    LocalTime from;
    LocalTime to;
  };
  std::optional<Hole> hole;
};

Moment FirstMoment(LocalTime time, const std::vector<ZoneShift>& shifts) {
  if (shifts.empty()) return {time.as_utc, {}};
  // No offset is as large as two days: begin with the shift that holds then, or with the first one.
  const auto next = std::upper_bound(shifts.begin(), shifts.end(), time.as_utc - Days(2),
                                     [](Instant t, const ZoneShift& shift) { return t < shift.from; });
  auto shift = next == shifts.begin() ? next : std::prev(next);
  Moment moment{time.as_utc - Seconds(shift->offset_seconds), {}};
  while (std::next(shift) != shifts.end() && moment.at >= std::next(shift)->from) {
    const int64_t offset_before = shift++->offset_seconds;
    moment.at = time.as_utc - Seconds(shift->offset_seconds);
    if (moment.at >= shift->from) continue;
    const Moment::Hole hole{{shift->from + Seconds(offset_before)}, {shift->from + Seconds(shift->offset_seconds)}};
    return {shift->from, hole};
  }
  return moment;
}

std::optional<std::string> WhatIsInvalid(const Recurrence& recurrence) {
  const auto is_date = [](year_month_day day) { return day.ok() && day >= kFirstDay && day <= kLastDay; };
  if (!is_date(recurrence.first_day)) return "the first day is no date from 1970 to 2200";
  if (recurrence.last_day && !is_date(*recurrence.last_day)) return "the last day is no date from 1970 to 2200";
  if (!recurrence.last_day && !recurrence.until) return "there is no end; give a last day or an instant";
  if (recurrence.last_day && *recurrence.last_day < recurrence.first_day) return "the last day is before the first one";
  if (recurrence.weekdays.none()) return "there is no day of the week; give daily, weekdays, weekends or mon,wed";
  if (recurrence.from_minute < 0 || recurrence.from_minute >= kMinutesPerDay) return "it begins at no time of the day";
  if (recurrence.to_minute < 0 || recurrence.to_minute > kMinutesPerDay) return "it ends at no time of the day";
  return std::nullopt;
}

RecurrenceProblem Missing(local_days day, LocalTime time, const Moment::Hole& hole, std::string_view zone) {
  return {Reason::kMissingTime, year_month_day(day),
          absl::StrCat("the occurrence of ", DateText(day), ": ", TimeText(time), " does not exist in ",
                       absl::string_view(zone.data(), zone.size()), ", where the clocks go from ", TimeText(hole.from),
                       " to ", TimeText(hole.to), "; choose another time, or ask for such days to be skipped")};
}

RecurrenceProblem TooMany(local_days day) {
  return {Reason::kTooMany, year_month_day(day),
          absl::StrCat("the occurrence of ", DateText(day), " is one too many: ", kMaxOccurrences,
                       " are allowed; end before it, and begin another recurrence there")};
}

}  // namespace

std::optional<Weekdays> ParseWeekdays(std::string_view text) {
  if (text == "daily") return Weekdays(0b1111111);
  if (text == "weekdays") return Weekdays(0b0011111);
  if (text == "weekends") return Weekdays(0b1100000);
  Weekdays days;
  for (const absl::string_view name : absl::StrSplit(absl::string_view(text.data(), text.size()), ',')) {
    const auto day = std::find(kDays.begin(), kDays.end(), name);
    if (day == kDays.end()) return std::nullopt;
    days.set(static_cast<size_t>(day - kDays.begin()));
  }
  return days;
}

std::variant<std::vector<Occurrence>, RecurrenceProblem> Expand(const Recurrence& recurrence, std::string_view zone,
                                                                const std::vector<ZoneShift>& shifts) {
  if (auto invalid = WhatIsInvalid(recurrence)) return RecurrenceProblem{Reason::kInvalid, {}, *std::move(invalid)};
  const bool over_midnight = recurrence.to_minute <= recurrence.from_minute;
  const local_days last(recurrence.last_day.value_or(kLastDay));
  std::vector<Occurrence> occurrences;
  for (local_days day(recurrence.first_day); day <= last; day += std::chrono::days(1)) {
    if (!recurrence.weekdays.test(std::chrono::weekday(day).iso_encoding() - 1)) continue;
    const LocalTime begin = MinuteOf(day, recurrence.from_minute);
    const LocalTime end = MinuteOf(day, recurrence.to_minute + (over_midnight ? kMinutesPerDay : 0));
    const Moment from = FirstMoment(begin, shifts);
    Moment to = FirstMoment(end, shifts);
    if (to.hole && to.hole->from == end) to.hole.reset();
    if (recurrence.until && to.at > *recurrence.until) break;
    if (from.hole || to.hole) {
      if (recurrence.skip_missing) continue;
      return from.hole ? Missing(day, begin, *from.hole, zone) : Missing(day, end, *to.hole, zone);
    }
    if (occurrences.size() == kMaxOccurrences) return TooMany(day);
    occurrences.push_back({from.at, to.at});
  }
  if (occurrences.empty()) return RecurrenceProblem{Reason::kNone, {}, "there is no such day between begin and end"};
  return occurrences;
}

}  // namespace penstock::market
