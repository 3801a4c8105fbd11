#include "sim/commands/figures_text.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>

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

bool HasInterval(const Estimate& estimate) { return std::isfinite(estimate.half_width) && estimate.count > 1; }

}  // namespace

std::string Grouped(double value, int decimals) {
  std::string text = Fixed(value, decimals);
  const size_t point = text.find('.');
  size_t digits = point == std::string::npos ? text.size() : point;
  const size_t first = text.front() == '-' ? 1 : 0;
  while (digits > first + 3) {
    digits -= 3;
    text.insert(digits, ",");
  }
  return text;
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
  if (seconds < 1e-3) return absl::StrCat(Fixed(seconds * 1e6, 0), " us");
  if (seconds < 1) return absl::StrCat(Fixed(seconds * 1e3, seconds < 0.1 ? 1 : 0), " ms");
  if (seconds < 120) return absl::StrCat(Fixed(seconds, 2), " s");
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 7'200) return absl::StrCat(whole / 60, " min ", whole % 60, " s");
  return absl::StrCat(whole / 3'600, " h ", whole % 3'600 / 60, " min");
}

std::string SecondsText(const Estimate& seconds) {
  const std::string mean = SecondsText(seconds.mean);
  if (!HasInterval(seconds) || seconds.mean < 0) return mean;
  return absl::StrCat(mean, " ± ", SecondsText(seconds.half_width));
}

}  // namespace penstock::sim
