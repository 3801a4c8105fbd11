// Bytes as text: hex and base64url. Decoding is strict: one text per value, so a text cannot be altered unnoticed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace penstock::auth {

/// Lower-case hex.
std::string ToHex(std::string_view bytes);
/// Nothing unless the text is an even number of lower-case hex digits.
std::optional<std::string> FromHex(std::string_view text);

/// RFC 4648 base64url without padding.
std::string ToBase64Url(std::string_view bytes);
/// Fills `out` exactly; false when the text is not the base64url form of out.size() bytes (wrong length, a foreign
/// character, unused bits that are not zero). Does not allocate.
bool FromBase64Url(std::string_view text, std::span<uint8_t> out);

/// The length of n bytes in base64url.
constexpr size_t Base64UrlLength(size_t n) { return (n * 8 + 5) / 6; }

}  // namespace penstock::auth
