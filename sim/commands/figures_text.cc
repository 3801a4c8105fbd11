#include "sim/commands/figures_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace penstock::sim {
namespace {

std::string Fixed(double value, int decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  std::string fixed(text.data());
  const bool is_zero = fixed.find_first_not_of("-0.") == std::string::npos;
  return is_zero && fixed.front() == '-' ? fixed.substr(1) : fixed;
}

/// What seconds below two minutes are told in.
struct SmallUnit {
  double per_second = 1;
  int decimals = 0;
  const char* name = "";
};

SmallUnit UnitFor(double seconds) {
  if (seconds < 1e-3) return {1e6, 0, " us"};
  if (seconds < 1) return {1e3, seconds < 0.1 ? 1 : 0, " ms"};
  return {1, 2, " s"};
}

constexpr double kLongSeconds = 120;  // from here on in minutes

bool HasInterval(const Estimate& estimate) { return std::isfinite(estimate.half_width) && estimate.count > 1; }

}  // namespace

std::string Grouped(double value, int decimals) {
  std::string text = Fixed(value, decimals);
  const size_t point = text.find('.');
  size_t digits = point == std::string::npos ? text.size() : point;
  const size_t first = text.front() == '-' ? 1 : 0;
  while (digits > first + 3) {
    digits -= 3;
    text.insert(digits, 1, ',');
  }
  return text;
}

int DecimalsFor(double largest) {
  if (largest == 0 || !std::isfinite(largest)) return 3;
  return std::clamp(3 - static_cast<int>(std::floor(std::log10(std::fabs(largest)))), 0, 7);
}

std::string Short(double value) {
  constexpr std::array<const char*, 5> kPrefixes = {"", " k", " M", " G", " T"};
  size_t prefix = 0;
  while (std::fabs(value) >= 10'000 && prefix + 1 < kPrefixes.size()) {
    value /= 1'000;
    ++prefix;
  }
  const double size = std::fabs(value);
  const int decimals = prefix == 0 && value == std::floor(value) ? 0 : size >= 1'000 ? 0 : size >= 100 ? 1 : 2;
  return absl::StrCat(Grouped(value, decimals), kPrefixes[prefix]);
}

std::string WithInterval(const Estimate& estimate, int decimals) {
  if (!HasInterval(estimate)) return Grouped(estimate.mean, decimals);
  return absl::StrCat(Grouped(estimate.mean, decimals), " ± ", Grouped(estimate.half_width, decimals));
}

std::string Percent(const Estimate& share, int decimals) {
  const std::string mean = absl::StrCat(Fixed(share.mean * 100, decimals), " %");
  return HasInterval(share) ? absl::StrCat(mean, " ± ", Fixed(share.half_width * 100, decimals)) : mean;
}

std::string SecondsText(double seconds) {
  if (seconds < 0) return "-";
  if (seconds == 0) return "0";
  if (seconds < kLongSeconds) {
    const SmallUnit unit = UnitFor(seconds);
    return absl::StrCat(Fixed(seconds * unit.per_second, unit.decimals), unit.name);
  }
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  const auto two = [](int64_t large, std::string_view unit, int64_t small, std::string_view small_unit) {
    std::string text = absl::StrCat(large, " ", std::string(unit));
    if (small > 0) absl::StrAppend(&text, " ", small, " ", std::string(small_unit));
    return text;
  };
  if (whole < 7'200) return two(whole / 60, "min", whole % 60, "s");
  if (whole < 48 * 3'600) return two(whole / 3'600, "h", whole % 3'600 / 60, "min");
  return two(whole / 86'400, "days", whole % 86'400 / 3'600, "h");
}

std::string SecondsText(const Estimate& seconds) {
  const std::string mean = SecondsText(seconds.mean);
  if (!HasInterval(seconds) || seconds.mean < 0) return mean;
  const double larger = std::max(seconds.mean, seconds.half_width);
  if (larger == 0 || larger >= kLongSeconds) return absl::StrCat(mean, " ± ", SecondsText(seconds.half_width));
  const SmallUnit unit = UnitFor(larger);
  return absl::StrCat(Fixed(seconds.mean * unit.per_second, unit.decimals), " ± ",
                      Fixed(seconds.half_width * unit.per_second, unit.decimals), unit.name);
}

}  // namespace penstock::sim
