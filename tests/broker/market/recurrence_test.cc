#include "broker/market/recurrence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "broker/config/moment.h"
#include "broker/config/time_zone.h"

namespace penstock::market {
namespace {

using std::chrono::year_month_day;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Reason = RecurrenceProblem::Reason;

Instant Utc(const std::string& text) { return config::ParseInstant(text).value(); }

year_month_day Day(int year, unsigned month, unsigned day) {
  return {std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
}

constexpr int Clock(int hour, int minute = 0) { return 60 * hour + minute; }

std::vector<ledger::ZoneShift> Shifts(const std::string& zone) {
  return config::ResolveZone(zone, Utc("2026-01-01"), Utc("2034-01-01")).value();
}

// "2027-03-27T21:00:00Z 11h", or why not.
std::vector<std::string> Told(const Recurrence& recurrence, const std::string& zone) {
  const auto result = Expand(recurrence, zone, Shifts(zone));
  if (const auto* problem = std::get_if<RecurrenceProblem>(&result)) return {problem->message};
  std::vector<std::string> told;
  for (const Occurrence& each : std::get<std::vector<Occurrence>>(result)) {
    const int64_t minutes = (each.to - each.from).count() / Minutes(1).count();
    told.push_back(config::FormatInstant(each.from) + " " + std::to_string(minutes) + "m");
  }
  return told;
}

Recurrence Daily(year_month_day first, year_month_day last, int from, int to) {
  return {.first_day = first,
          .last_day = last,
          .until = {},
          .weekdays = ParseWeekdays("daily").value(),
          .from_minute = from,
          .to_minute = to};
}

struct Row {
  const char* what;
  const char* zone;
  year_month_day first;
  year_month_day last;
  int from;
  int to;
  std::vector<std::string> windows;
};

// clang-format off
const std::vector<Row>& Rows() {
  static const std::vector<Row> kRows = {
      {"a plain day", "UTC", Day(2027, 3, 1), Day(2027, 3, 2), Clock(8), Clock(20),
       {"2027-03-01T08:00:00Z 720m", "2027-03-02T08:00:00Z 720m"}},
      {"over midnight", "UTC", Day(2027, 12, 31), Day(2027, 12, 31), Clock(22), Clock(6), {"2027-12-31T22:00:00Z 480m"}},
      {"up to midnight", "UTC", Day(2027, 3, 1), Day(2027, 3, 1), Clock(22), Clock(24), {"2027-03-01T22:00:00Z 120m"}},
      {"up to 0:00 is the same", "UTC", Day(2027, 3, 1), Day(2027, 3, 1), Clock(22), 0, {"2027-03-01T22:00:00Z 120m"}},
      {"whole days touch", "UTC", Day(2027, 2, 28), Day(2027, 3, 1), 0, Clock(24),
       {"2027-02-28T00:00:00Z 1440m", "2027-03-01T00:00:00Z 1440m"}},
      {"a day from noon to noon", "UTC", Day(2027, 3, 1), Day(2027, 3, 1), Clock(12), Clock(12),
       {"2027-03-01T12:00:00Z 1440m"}},
      {"a leap day", "UTC", Day(2028, 2, 28), Day(2028, 3, 1), Clock(1), Clock(2),
       {"2028-02-28T01:00:00Z 60m", "2028-02-29T01:00:00Z 60m", "2028-03-01T01:00:00Z 60m"}},

      // Berlin: +1, from 28 March 2027 01:00Z +2 (2:00 to 3:00), from 31 October 01:00Z +1 (3:00 to 2:00).
      {"business hours move in UTC", "Europe/Berlin", Day(2027, 3, 27), Day(2027, 3, 28), Clock(8), Clock(20),
       {"2027-03-27T07:00:00Z 720m", "2027-03-28T06:00:00Z 720m"}},
      {"a night in spring is shorter", "Europe/Berlin", Day(2027, 3, 26), Day(2027, 3, 28), Clock(22), Clock(6),
       {"2027-03-26T21:00:00Z 480m", "2027-03-27T21:00:00Z 420m", "2027-03-28T20:00:00Z 480m"}},
      {"a night in autumn is longer", "Europe/Berlin", Day(2027, 10, 30), Day(2027, 10, 31), Clock(22), Clock(6),
       {"2027-10-30T20:00:00Z 540m", "2027-10-31T21:00:00Z 480m"}},
      {"whole days of 23 and 25 hours", "Europe/Berlin", Day(2027, 3, 28), Day(2027, 3, 28), 0, Clock(24),
       {"2027-03-27T23:00:00Z 1380m"}},
      {"whole days of 23 and 25 hours", "Europe/Berlin", Day(2027, 10, 31), Day(2027, 10, 31), 0, Clock(24),
       {"2027-10-30T22:00:00Z 1500m"}},
      {"up to when the clocks are moved", "Europe/Berlin", Day(2027, 3, 28), Day(2027, 3, 28), 0, Clock(2),
       {"2027-03-27T23:00:00Z 120m"}},
      {"from when they have been moved", "Europe/Berlin", Day(2027, 3, 28), Day(2027, 3, 28), Clock(3), Clock(4),
       {"2027-03-28T01:00:00Z 60m"}},
      {"what comes twice is the first", "Europe/Berlin", Day(2027, 10, 31), Day(2027, 10, 31), Clock(2), Clock(2, 30),
       {"2027-10-31T00:00:00Z 30m"}},
      {"what comes twice lies within", "Europe/Berlin", Day(2027, 10, 31), Day(2027, 10, 31), Clock(2), Clock(3),
       {"2027-10-31T00:00:00Z 120m"}},
      {"2:30 does not exist", "Europe/Berlin", Day(2027, 3, 28), Day(2027, 3, 28), Clock(2, 30), Clock(4),
       {"the occurrence of 2027-03-28: 2027-03-28 02:30 does not exist in Europe/Berlin, where the clocks go from "
        "2027-03-28 02:00 to 2027-03-28 03:00; choose another time, or ask for such days to be skipped"}},
      {"nor as an end", "Europe/Berlin", Day(2027, 3, 26), Day(2027, 3, 28), Clock(22), Clock(2, 1),
       {"the occurrence of 2027-03-27: 2027-03-28 02:01 does not exist in Europe/Berlin, where the clocks go from "
        "2027-03-28 02:00 to 2027-03-28 03:00; choose another time, or ask for such days to be skipped"}},
      {"2:00 is no beginning", "Europe/Berlin", Day(2027, 3, 28), Day(2027, 3, 28), Clock(2), Clock(4),
       {"the occurrence of 2027-03-28: 2027-03-28 02:00 does not exist in Europe/Berlin, where the clocks go from "
        "2027-03-28 02:00 to 2027-03-28 03:00; choose another time, or ask for such days to be skipped"}},

      // New York: -5, from 14 March 2027 07:00Z -4, from 7 November 06:00Z -5.
      {"spring in New York", "America/New_York", Day(2027, 3, 13), Day(2027, 3, 14), Clock(20), Clock(4),
       {"2027-03-14T01:00:00Z 420m", "2027-03-15T00:00:00Z 480m"}},
      {"autumn in New York", "America/New_York", Day(2027, 11, 6), Day(2027, 11, 7), Clock(1, 30), Clock(3),
       {"2027-11-06T05:30:00Z 90m", "2027-11-07T05:30:00Z 150m"}},

      // Lord Howe: +11, from 3 April 2027 15:00Z +10:30 (2:00 to 1:30), from 2 October 15:30Z +11 (2:00 to 2:30).
      {"half an hour more", "Australia/Lord_Howe", Day(2027, 4, 3), Day(2027, 4, 4), 0, Clock(6),
       {"2027-04-02T13:00:00Z 360m", "2027-04-03T13:00:00Z 390m"}},
      {"half an hour less", "Australia/Lord_Howe", Day(2027, 10, 3), Day(2027, 10, 4), 0, Clock(6),
       {"2027-10-02T13:30:00Z 330m", "2027-10-03T13:00:00Z 360m"}},
      {"2:15 does not exist there", "Australia/Lord_Howe", Day(2027, 10, 1), Day(2027, 10, 9), Clock(2, 15), Clock(3),
       {"the occurrence of 2027-10-03: 2027-10-03 02:15 does not exist in Australia/Lord_Howe, where the clocks go from "
        "2027-10-03 02:00 to 2027-10-03 02:30; choose another time, or ask for such days to be skipped"}},

      {"India knows no summer time", "Asia/Kolkata", Day(2027, 3, 28), Day(2027, 3, 28), Clock(9), Clock(17, 45),
       {"2027-03-28T03:30:00Z 525m"}},
  };
  return kRows;
}
// clang-format on

TEST(RecurrenceTest, LocalWindowsBecomeWindowsInUtc) {
  for (const Row& row : Rows()) {
    SCOPED_TRACE(std::string(row.what) + ", " + row.zone);
    EXPECT_EQ(Told(Daily(row.first, row.last, row.from, row.to), row.zone), row.windows);
  }
}

TEST(RecurrenceTest, WhatDoesNotExistCanBeSkipped) {
  Recurrence nights = Daily(Day(2027, 3, 27), Day(2027, 3, 29), Clock(2, 30), Clock(4));
  nights.skip_missing = true;
  EXPECT_THAT(Told(nights, "Europe/Berlin"), ElementsAre("2027-03-27T01:30:00Z 90m", "2027-03-29T00:30:00Z 90m"));
}

TEST(RecurrenceTest, OnlyTheDaysThatAreAskedFor) {
  Recurrence week = Daily(Day(2027, 3, 1), Day(2027, 3, 7), Clock(8), Clock(9));  // a Monday to a Sunday
  week.weekdays = ParseWeekdays("wed,mon").value();
  EXPECT_THAT(Told(week, "UTC"), ElementsAre("2027-03-01T08:00:00Z 60m", "2027-03-03T08:00:00Z 60m"));
  week.weekdays = ParseWeekdays("weekends").value();
  EXPECT_THAT(Told(week, "UTC"), ElementsAre("2027-03-06T08:00:00Z 60m", "2027-03-07T08:00:00Z 60m"));
  week.weekdays = ParseWeekdays("weekdays").value();
  EXPECT_EQ(Told(week, "UTC").size(), 5U);
}

TEST(RecurrenceTest, NothingEndsAfterUntil) {
  Recurrence until = Daily(Day(2027, 3, 1), Day(2027, 12, 31), Clock(8), Clock(9));
  until.last_day.reset();
  until.until = Utc("2027-03-02T09:00:00Z");
  EXPECT_THAT(Told(until, "UTC"), ElementsAre("2027-03-01T08:00:00Z 60m", "2027-03-02T08:00:00Z 60m"));
  until.until = Utc("2027-03-02T08:59:59Z");
  EXPECT_THAT(Told(until, "UTC"), ElementsAre("2027-03-01T08:00:00Z 60m"));
  until.last_day = Day(2027, 3, 1);
  until.until = Utc("2027-06-01T00:00:00Z");
  EXPECT_THAT(Told(until, "UTC"), ElementsAre("2027-03-01T08:00:00Z 60m"));
}

TEST(RecurrenceTest, WhatIsMissingAfterUntilIsNobodysProblem) {
  Recurrence until = Daily(Day(2027, 3, 27), Day(2027, 12, 31), Clock(2, 30), Clock(4));
  until.until = Utc("2027-03-28T00:59:00Z");
  EXPECT_THAT(Told(until, "Europe/Berlin"), ElementsAre("2027-03-27T01:30:00Z 90m"));
}

RecurrenceProblem Problem(const Recurrence& recurrence, const std::string& zone = "UTC") {
  const auto result = Expand(recurrence, zone, Shifts(zone));
  return std::holds_alternative<RecurrenceProblem>(result) ? std::get<RecurrenceProblem>(result) : RecurrenceProblem{};
}

TEST(RecurrenceTest, OneTooManyIsNamed) {
  Recurrence long_one = Daily(Day(2027, 1, 1), Day(2032, 8, 9), Clock(8), Clock(9));
  EXPECT_EQ(Told(long_one, "UTC").size(), kMaxOccurrences);
  long_one.last_day = Day(2040, 1, 1);
  const RecurrenceProblem problem = Problem(long_one);
  EXPECT_EQ(problem.reason, Reason::kTooMany);
  EXPECT_EQ(problem.day, Day(2032, 8, 10));
  EXPECT_THAT(problem.message, HasSubstr("2032-08-10"));
}

TEST(RecurrenceTest, TheMissingOneIsNamed) {
  const RecurrenceProblem problem =
      Problem(Daily(Day(2027, 1, 1), Day(2027, 12, 31), Clock(2, 30), Clock(8)), "Europe/Berlin");
  EXPECT_EQ(problem.reason, Reason::kMissingTime);
  EXPECT_EQ(problem.day, Day(2027, 3, 28));
}

TEST(RecurrenceTest, WhatIsNoRecurrenceIsRefused) {
  const Recurrence good = Daily(Day(2027, 3, 1), Day(2027, 3, 1), Clock(8), Clock(9));
  const auto reason = [&](auto change) {
    Recurrence changed = good;
    change(changed);
    const RecurrenceProblem problem = Problem(changed);
    EXPECT_FALSE(problem.message.empty());
    return problem.reason;
  };
  EXPECT_EQ(reason([](Recurrence& r) { r.weekdays = ParseWeekdays("sun").value(); }), Reason::kNone);
  EXPECT_EQ(reason([](Recurrence& r) { r.weekdays.reset(); }), Reason::kInvalid);
  EXPECT_EQ(reason([](Recurrence& r) { r.first_day = Day(2027, 2, 29); }), Reason::kInvalid);
  EXPECT_EQ(reason([](Recurrence& r) { r.last_day = Day(2027, 2, 28); }), Reason::kInvalid);
  EXPECT_EQ(reason([](Recurrence& r) { r.last_day = Day(2201, 1, 1); }), Reason::kInvalid);
  EXPECT_EQ(reason([](Recurrence& r) { r.last_day.reset(); }), Reason::kInvalid);
  EXPECT_EQ(reason([](Recurrence& r) { r.from_minute = kMinutesPerDay; }), Reason::kInvalid);
  EXPECT_EQ(reason([](Recurrence& r) { r.to_minute = kMinutesPerDay + 1; }), Reason::kInvalid);
  EXPECT_EQ(reason([](Recurrence& r) { r.to_minute = -1; }), Reason::kInvalid);
}

TEST(RecurrenceTest, DaysOfTheWeekAreReadStrictly) {
  EXPECT_EQ(ParseWeekdays("daily")->count(), 7U);
  EXPECT_EQ(ParseWeekdays("sat,sun"), ParseWeekdays("weekends"));
  for (const char* bad : {"", "Mon", "mon,", "mon wed", "monday", "daily,mon"}) {
    EXPECT_EQ(ParseWeekdays(bad), std::nullopt) << bad;
  }
}

// Every window of a decade in every zone: in order, no two overlap, and the local clock shows what was asked for.
TEST(RecurrenceTest, TheLocalClockShowsWhatWasAskedFor) {
  for (const char* zone : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kolkata"}) {
    SCOPED_TRACE(zone);
    ledger::Calendar calendar;
    calendar.shifts = Shifts(zone);
    for (int from = 0; from < 24; ++from) {
      Recurrence daily = Daily(Day(2027, 1, 1), Day(2031, 12, 31), Clock(from), Clock(from + 1) % Clock(24));
      daily.skip_missing = true;
      const auto result = Expand(daily, zone, calendar.shifts);
      const auto* windows = std::get_if<std::vector<Occurrence>>(&result);
      ASSERT_NE(windows, nullptr);
      EXPECT_GE(windows->size(), 1'821U);
      Instant last;
      for (const Occurrence& window : *windows) {
        ASSERT_LE(last, window.from);
        ASSERT_LT(window.from, window.to);
        ASSERT_EQ(calendar.HourAt(window.from).hour_of_week % 24, static_cast<size_t>(from));
        ASSERT_EQ(calendar.HourAt(window.from).from, window.from);
        last = window.to;
      }
    }
  }
}

}  // namespace
}  // namespace penstock::market
