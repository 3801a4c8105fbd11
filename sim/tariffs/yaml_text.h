// Figures and names as tariff files spell them.
#pragma once

#include <absl/strings/string_view.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admission/vocabulary/time.h"

namespace penstock::sim {

inline absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

/// Whether a file may use it as a name: a-z, 0-9, '.', '_', '-', beginning with a letter or digit.
bool IsFileName(std::string_view name);

/// The shortest decimal of a figure that is not negative: (1500, 3) is "1.5".
std::string DecimalText(int64_t scaled, int decimals);

/// "2026-01-31T12:00:00Z"; nothing for what is not a whole second from 1970 to 2200.
std::optional<std::string> MomentText(Instant moment);

/// "a, b, c".
std::string Joined(const std::vector<std::string>& texts);

/// The names whose bits are set.
template <size_t kCount>
std::string BitNames(uint32_t bits, const std::array<std::string_view, kCount>& names) {
  std::vector<std::string> set;
  for (size_t i = 0; i < kCount; ++i) {
    if (((bits >> i) & 1) != 0) set.emplace_back(names[i]);
  }
  return Joined(set);
}

}  // namespace penstock::sim
