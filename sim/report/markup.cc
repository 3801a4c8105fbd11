#include "sim/report/markup.h"

#include <charconv>
#include <cmath>

#include "admission/vocabulary/check.h"
#include "sim/report/utf8.h"

namespace penstock::sim::report {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

void AppendEscaped(std::string_view character, std::string& to) {
  if (character.size() > 1) {
    to += character;
    return;
  }
  const char c = character.front();
  const auto byte = static_cast<unsigned char>(c);
  if (c == '&') {
    to += "&amp;";
  } else if (c == '<') {
    to += "&lt;";
  } else if (c == '>') {
    to += "&gt;";
  } else if (c == '"') {
    to += "&quot;";
  } else if (c == '\'') {
    to += "&#39;";
  } else if ((byte < 0x20 && c != '\n' && c != '\t') || byte >= 0x7F) {
    to += kReplacement;
  } else {
    to += c;
  }
}

}  // namespace

std::string Escaped(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    const std::string_view character = FirstCharacter(text);
    AppendEscaped(character, escaped);
    text.remove_prefix(character.size());
  }
  return escaped;
}

std::string Coordinate(double value) {
  PENSTOCK_CHECK(std::isfinite(value));
  char digits[400];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value, std::chars_format::fixed, 2).ptr;
  std::string text(digits, end);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

void Markup::Start(std::string_view tag, Attributes attributes) {
  text_ += '<';
  text_ += tag;
  for (const auto& [name, value] : attributes) {
    text_ += ' ';
    text_ += name;
    text_ += "=\"";
    text_ += Escaped(value);
    text_ += '"';
  }
}

void Markup::Open(std::string_view tag, Attributes attributes) {
  Start(tag, attributes);
  text_ += ">";
  open_.emplace_back(tag);
}

void Markup::Close() {
  PENSTOCK_CHECK(!open_.empty());
  text_ += "</" + open_.back() + ">\n";
  open_.pop_back();
}

void Markup::Empty(std::string_view tag, Attributes attributes) {
  Start(tag, attributes);
  text_ += "/>\n";
}

void Markup::Text(std::string_view text) { text_ += Escaped(text); }

void Markup::Element(std::string_view tag, Attributes attributes, std::string_view text) {
  Open(tag, attributes);
  Text(text);
  Close();
}

std::string Markup::Take() {
  PENSTOCK_CHECK(open_.empty());
  return std::move(text_);
}

}  // namespace penstock::sim::report
