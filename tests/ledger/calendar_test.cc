#include "ledger/calendar.h"

#include <gtest/gtest.h>

namespace penstock::ledger {
namespace {

constexpr Instant At(int64_t seconds) { return Instant() + Seconds(seconds); }

TEST(CalendarTest, KnowsMonthsDaysAndHoursOfTheWeek) {
  const Calendar utc;
  const LocalHour epoch = utc.HourAt(Instant());
  EXPECT_EQ(MonthText(epoch.month), "1970-01");
  EXPECT_EQ(epoch.hour_of_week, 3u * 24) << "a Thursday";
  EXPECT_EQ(MonthText(utc.MonthAt(At(951'782'400))), "2000-02") << "29 February";
  EXPECT_EQ(MonthText(utc.MonthAt(At(951'868'800))), "2000-03");
  EXPECT_EQ(utc.HourAt(At(1'795'257'079)).hour_of_week, 5u * 24 + 10) << "Saturday 2026-11-21, 10:31:19";
}

TEST(CalendarTest, EveryMonthStartsWhereItsFirstHourIs) {
  const Calendar utc;
  for (int64_t month = 1970 * 12; month < 2200 * 12; ++month) {
    const Instant start = utc.MonthStart(month);
    ASSERT_EQ(utc.MonthAt(start), month);
    ASSERT_EQ(utc.MonthAt(start - Nanoseconds(1)), month - 1);
  }
}

// New York in 2026: from -5 to -4 hours on 8 March 07:00Z, back on 1 November 06:00Z.
Calendar NewYork() {
  Calendar calendar;
  calendar.shifts = {{At(1'762'063'200), -5 * 3'600}, {At(1'772'953'200), -4 * 3'600}, {At(1'793'512'800), -5 * 3'600}};
  return calendar;
}

TEST(CalendarTest, AShiftMakesAnHourTwiceOrNotAtAll) {
  const Calendar calendar = NewYork();
  const LocalHour before = calendar.HourAt(At(1'772'953'200) - Nanoseconds(1));
  const LocalHour after = calendar.HourAt(At(1'772'953'200));
  EXPECT_EQ(before.hour_of_week % 24, 1u);
  EXPECT_EQ(after.hour_of_week % 24, 3u);
  EXPECT_EQ(before.to, after.from);
  const LocalHour once = calendar.HourAt(At(1'793'512'800) - Nanoseconds(1));
  const LocalHour twice = calendar.HourAt(At(1'793'512'800));
  EXPECT_EQ(once.hour_of_week, twice.hour_of_week);
  EXPECT_EQ(once.to, twice.from);
  EXPECT_EQ(calendar.MonthStart(2026 * 12 + 10), At(1'793'505'600)) << "midnight of 1 November is still in summer time";
}

TEST(CalendarTest, HalfHoursAreHoursOfTheirOwn) {
  Calendar calendar;
  calendar.shifts = {{Instant(), 5 * 3'600 + 1'800}};  // India
  const LocalHour hour = calendar.HourAt(At(1'800));
  EXPECT_EQ(hour.from, At(1'800));
  EXPECT_EQ(hour.to, At(5'400));
  EXPECT_EQ(hour.hour_of_week, 3u * 24 + 6);
  EXPECT_EQ(calendar.HourAt(At(1'799)).hour_of_week, 3u * 24 + 5);
}

}  // namespace
}  // namespace penstock::ledger
