#include "broker/auth/encoding.h"

#include <array>

namespace penstock::auth {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64UrlDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr uint8_t kForeign = 255;

constexpr std::array<uint8_t, 256> ValuesOf(std::string_view digits) {
  std::array<uint8_t, 256> values{};
  values.fill(kForeign);
  for (size_t i = 0; i < digits.size(); ++i) values[static_cast<uint8_t>(digits[i])] = static_cast<uint8_t>(i);
  return values;
}

constexpr std::array<uint8_t, 256> kHexValues = ValuesOf(kHexDigits);
constexpr std::array<uint8_t, 256> kBase64UrlValues = ValuesOf(kBase64UrlDigits);

}  // namespace

std::string ToHex(std::string_view bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    text.push_back(kHexDigits[byte >> 4]);
    text.push_back(kHexDigits[byte & 15]);
  }
  return text;
}

std::optional<std::string> FromHex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const uint8_t high = kHexValues[static_cast<uint8_t>(text[i])];
    const uint8_t low = kHexValues[static_cast<uint8_t>(text[i + 1])];
    if (high == kForeign || low == kForeign) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

std::string ToBase64Url(std::string_view bytes) {
  std::string text;
  text.reserve(Base64UrlLength(bytes.size()));
  uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8 | static_cast<uint8_t>(c)) & 0xffff;
    for (count += 8; count >= 6; count -= 6) text.push_back(kBase64UrlDigits[bits >> (count - 6) & 63]);
  }
  if (count > 0) text.push_back(kBase64UrlDigits[bits << (6 - count) & 63]);
  return text;
}

bool FromBase64Url(std::string_view text, std::span<uint8_t> out) {
  if (text.size() != Base64UrlLength(out.size())) return false;
  uint32_t bits = 0;
  int count = 0;
  size_t filled = 0;
  for (const char c : text) {
    const uint8_t value = kBase64UrlValues[static_cast<uint8_t>(c)];
    if (value == kForeign) return false;
    bits = (bits << 6 | value) & 0xffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out[filled++] = static_cast<uint8_t>(bits >> count & 255);
  }
  const uint32_t unused = bits & ((1U << count) - 1);
  return filled == out.size() && unused == 0;
}

}  // namespace penstock::auth
