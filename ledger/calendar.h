// The local calendar of a tariff: its time zone as a list of shifts, resolved when the tariff was loaded, so that
// rating needs no zone data; and the names it gives to hours of the week (bands) and months (seasons).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "admission/vocabulary/time.h"

namespace penstock::ledger {

constexpr size_t kHoursOfWeek = 168;
constexpr size_t kMonths = 12;
constexpr size_t kMaxZoneShifts = 1'024;

/// From this moment on, local time is UTC plus this much.
struct ZoneShift {
  Instant from;
  int64_t offset_seconds = 0;
  friend bool operator==(const ZoneShift&, const ZoneShift&) = default;
};

struct LocalHour {
  Instant from;             // when this local hour (or what a shift left of it) began
  Instant to;               // exclusive
  int64_t day = 0;          // counts days
  int64_t month = 0;        // 12 x year + month - 1: counts months
  size_t hour_of_week = 0;  // Monday 0:00 is 0
};

struct Calendar {
  std::string zone = "UTC";
  std::vector<ZoneShift> shifts;   // ascending; UTC when empty; before the first its own offset holds
  std::vector<std::string> bands;  // names of the time-of-use bands; empty: none
  std::array<uint8_t, kHoursOfWeek> band_of_hour{};
  std::vector<std::string> seasons;  // names; empty: none
  std::array<uint8_t, kMonths> season_of_month{};

  LocalHour HourAt(Instant t) const;
  int64_t MonthAt(Instant t) const { return HourAt(t).month; }
  /// The first moment of a month, local midnight as a rule.
  Instant MonthStart(int64_t month) const;

  /// 0 when there are no bands (seasons).
  size_t BandAt(const LocalHour& hour) const { return band_of_hour[hour.hour_of_week]; }
  size_t SeasonOf(int64_t month) const { return season_of_month[MonthOfYear(month)]; }
  /// 0 is January.
  static size_t MonthOfYear(int64_t month) { return static_cast<size_t>(((month % 12) + 12) % 12); }

  friend bool operator==(const Calendar&, const Calendar&) = default;
};

/// The local hour of instants that mostly ascend.
class HourCursor {
 public:
  /// The calendar must outlive it.
  explicit HourCursor(const Calendar& calendar) : calendar_(&calendar) {}
  const LocalHour& At(Instant t) {
    if (t < hour_.from || t >= hour_.to) hour_ = calendar_->HourAt(t);
    return hour_;
  }

 private:
  const Calendar* calendar_;
  LocalHour hour_;
};

/// "2026-11".
std::string MonthText(int64_t month);

}  // namespace penstock::ledger
