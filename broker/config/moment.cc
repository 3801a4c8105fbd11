#include "broker/config/moment.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <chrono>

#include "broker/config/decimal.h"

namespace penstock::config {
namespace {

// The number written as digits in text[at, at + count), or -1.
int Digits(std::string_view text, size_t at, size_t count) {
  const Decimal number = ParseDecimal(text.substr(std::min(at, text.size()), count), 0);
  return number.form == Decimal::Form::kExact ? static_cast<int>(number.scaled) : -1;
}

}  // namespace

std::optional<Instant> ParseInstant(std::string_view text) {
  const bool date_only = text.size() == 10;
  if (!date_only && (text.size() != 20 || text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != 'Z')) {
    return std::nullopt;
  }
  if (text[4] != '-' || text[7] != '-') return std::nullopt;
  const int year = Digits(text, 0, 4);
  const int month = Digits(text, 5, 2);
  const int day = Digits(text, 8, 2);
  const int hour = date_only ? 0 : Digits(text, 11, 2);
  const int minute = date_only ? 0 : Digits(text, 14, 2);
  const int second = date_only ? 0 : Digits(text, 17, 2);
  if (year < 1970 || year > 2200 || month < 0 || day < 0) return std::nullopt;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return Instant() + Days(days) + Seconds(hour * 3'600 + minute * 60 + second);
}

std::string FormatInstant(Instant t) {
  const int64_t seconds = DivideRoundDown<int64_t>(t.nanoseconds_since_epoch(), 1'000'000'000);
  const int64_t days = DivideRoundDown<int64_t>(seconds, 86'400);
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  const int64_t of_day = seconds - days * 86'400;
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                         static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), of_day / 3'600,
                         of_day / 60 % 60, of_day % 60);
}

}  // namespace penstock::config
