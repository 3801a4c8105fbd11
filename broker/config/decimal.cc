#include "broker/config/decimal.h"

#include <algorithm>

namespace penstock::config {
namespace {

bool AllDigits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool AppendDigit(int64_t& value, char digit) {
  return !__builtin_mul_overflow(value, int64_t{10}, &value) && !__builtin_add_overflow(value, digit - '0', &value);
}

}  // namespace

Decimal ParseDecimal(std::string_view text, int decimals) {
  const size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  const std::string_view fraction = point == text.size() ? std::string_view() : text.substr(point + 1);
  if (whole.empty() || !AllDigits(whole) || !AllDigits(fraction)) return {};
  if (point < text.size() && fraction.empty()) return {};

  const auto places = static_cast<size_t>(decimals);
  int64_t scaled = 0;
  for (const char digit : whole) {
    if (!AppendDigit(scaled, digit)) return {.form = Decimal::Form::kTooLarge, .scaled = 0};
  }
  for (size_t i = 0; i < places; ++i) {
    if (!AppendDigit(scaled, i < fraction.size() ? fraction[i] : '0')) {
      return {.form = Decimal::Form::kTooLarge, .scaled = 0};
    }
  }
  const bool rest = fraction.size() > places && fraction.find_first_not_of('0', places) != std::string_view::npos;
  return {.form = rest ? Decimal::Form::kTooFine : Decimal::Form::kExact, .scaled = scaled};
}

std::string FormatDecimal(int64_t scaled, int decimals) {
  std::string text = std::to_string(scaled);
  const auto places = static_cast<size_t>(decimals);
  if (places == 0) return text;
  if (text.size() <= places) text.insert(0, places + 1 - text.size(), '0');
  text.insert(text.size() - places, 1, '.');
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace penstock::config
