#include "sim/report/utf8.h"

#include <cstddef>

namespace penstock::sim::report {
namespace {

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Bytes of the code point that `lead` begins; 0: none begins so (0xC0, 0xC1 would be overlong).
size_t LengthBy(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

// Overlong forms, surrogates and what is beyond U+10FFFF show in the second byte.
bool SecondByteFits(unsigned char lead, unsigned char second) {
  if (lead == 0xE0) return second >= 0xA0;
  if (lead == 0xED) return second < 0xA0;
  if (lead == 0xF0) return second >= 0x90;
  if (lead == 0xF4) return second < 0x90;
  return true;
}

// In units of the font size.
double WidthOf(std::string_view character) {
  if (character.size() >= 3 && character >= "\xE1\x84\x80" &&
      !(character >= "\xE2\x80\x80" && character < "\xE2\xBA\x80")) {
    return 1.05;
  }
  if (character.size() > 1) return 0.62;
  const std::string_view narrow = " .,:;|!'()[]ijlftrI-";
  const std::string_view wide = "mwMW%@";
  if (narrow.find(character) != std::string_view::npos) return 0.36;
  if (wide.find(character) != std::string_view::npos) return 0.92;
  if (character.front() >= 'A' && character.front() <= 'Z') return 0.70;
  return 0.58;
}

}  // namespace

std::string_view FirstCharacter(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const size_t length = LengthBy(lead);
  if (length <= 1 || text.size() < length) return text.substr(0, 1);
  if (!SecondByteFits(lead, static_cast<unsigned char>(text[1]))) return text.substr(0, 1);
  for (size_t i = 1; i < length; ++i) {
    if (!Continues(text[i])) return text.substr(0, 1);
  }
  return text.substr(0, length);
}

double TextWidth(std::string_view text, double font_size) {
  double width = 0;
  while (!text.empty()) {
    const std::string_view character = FirstCharacter(text);
    width += WidthOf(character) * font_size;
    text.remove_prefix(character.size());
  }
  return width;
}

std::string Shortened(std::string_view text, double font_size, double width) {
  if (TextWidth(text, font_size) <= width) return std::string(text);
  std::string beginning;
  double used = font_size;  // the ellipsis
  while (!text.empty()) {
    const std::string_view character = FirstCharacter(text);
    used += WidthOf(character) * font_size;
    if (used > width) break;
    beginning += character;
    text.remove_prefix(character.size());
  }
  return beginning + "…";
}

}  // namespace penstock::sim::report
