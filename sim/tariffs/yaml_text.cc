#include "sim/tariffs/yaml_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <chrono>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/checked.h"

namespace penstock::sim {

bool IsFileName(std::string_view name) {
  const auto letter_or_digit = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool plain = std::all_of(name.begin(), name.end(),
                                 [&](char c) { return letter_or_digit(c) || c == '.' || c == '_' || c == '-'; });
  return plain && !name.empty() && name.size() <= kMaxNameBytes && letter_or_digit(name.front());
}

std::string DecimalText(int64_t scaled, int decimals) {
  PENSTOCK_CHECK(scaled >= 0);
  std::string digits = absl::StrCat(scaled);
  const size_t fraction = static_cast<size_t>(decimals);
  if (digits.size() <= fraction) digits.insert(0, fraction + 1 - digits.size(), '0');
  digits.insert(digits.size() - fraction, 1, '.');
  while (digits.back() == '0') digits.pop_back();
  if (digits.back() == '.') digits.pop_back();
  return digits;
}

std::optional<std::string> MomentText(Instant moment) {
  const int64_t nanoseconds = moment.nanoseconds_since_epoch();
  if (nanoseconds < 0 || nanoseconds % 1'000'000'000 != 0) return std::nullopt;
  const int64_t seconds = nanoseconds / 1'000'000'000;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(seconds / 86'400))};
  if (static_cast<int>(date.year()) > 2200) return std::nullopt;
  const int64_t of_day = seconds % 86'400;
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                         static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), of_day / 3'600,
                         of_day / 60 % 60, of_day % 60);
}

std::string Joined(const std::vector<std::string>& texts) { return absl::StrJoin(texts, ", "); }

}  // namespace penstock::sim
