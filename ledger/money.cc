#include "ledger/money.h"

#include <limits>

#include "admission/vocabulary/check.h"

namespace penstock::ledger {
namespace {

constexpr size_t kDecimals = 12;
constexpr int64_t kPicoPerUnit = 1'000'000'000'000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// Appends a decimal digit to a non-negative number; false when the result does not fit.
bool PushDigit(char digit, PicoCount* number) {
  static const PicoCount kMax = std::numeric_limits<PicoCount>::max();
  const int value = digit - '0';
  if (*number > (kMax - value) / 10) return false;
  *number = *number * 10 + value;
  return true;
}

bool AwayFromZero(const PicoCount& quotient, const PicoCount& rest, const PicoCount& unit, RoundingMode mode) {
  if (rest == 0) return false;
  const int half = rest.compare(PicoCount(unit - rest));  // the sign of rest - unit / 2
  switch (mode) {
    case RoundingMode::kUp:
      return true;
    case RoundingMode::kDown:
      return false;
    case RoundingMode::kHalfUp:
      return half >= 0;
    case RoundingMode::kHalfEven:
      return half > 0 || (half == 0 && quotient % 2 != 0);
  }
  return false;
}

}  // namespace

std::optional<Money> Money::FromDecimal(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);

  PicoCount pico = 0;
  size_t at = 0;
  for (; at < text.size() && IsDigit(text[at]); ++at) {
    if (!PushDigit(text[at], &pico)) return std::nullopt;
  }
  if (at == 0) return std::nullopt;

  size_t decimals = 0;
  if (at < text.size()) {
    if (text[at++] != '.') return std::nullopt;
    decimals = text.size() - at;
    if (decimals == 0 || decimals > kDecimals) return std::nullopt;
    for (; at < text.size(); ++at) {
      if (!IsDigit(text[at]) || !PushDigit(text[at], &pico)) return std::nullopt;
    }
  }
  for (; decimals < kDecimals; ++decimals) {
    if (!PushDigit('0', &pico)) return std::nullopt;
  }
  return Money(negative ? PicoCount(-pico) : pico);
}

std::string Money::ToDecimal() const {
  const PicoCount magnitude = IsNegative() ? PicoCount(-pico_) : pico_;
  const PicoCount units = magnitude / kPicoPerUnit;
  const std::string decimals = PicoCount(magnitude % kPicoPerUnit).str();
  return (IsNegative() ? "-" : "") + units.str() + "." + std::string(kDecimals - decimals.size(), '0') + decimals;
}

Money Money::RoundedTo(const Money& unit, RoundingMode mode) const noexcept {
  PENSTOCK_CHECK(unit > Money());
  const PicoCount magnitude = IsNegative() ? PicoCount(-pico_) : pico_;
  PicoCount quotient = magnitude / unit.pico_;
  const PicoCount rest = magnitude % unit.pico_;
  if (AwayFromZero(quotient, rest, unit.pico_, mode)) quotient += 1;
  const Money rounded(PicoCount(quotient * unit.pico_));
  return IsNegative() ? -rounded : rounded;
}

}  // namespace penstock::ledger
