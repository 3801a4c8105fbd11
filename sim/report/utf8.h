// Characters of UTF-8 text, and how wide they are about to be drawn: charts must know before the browser does.
#pragma once

#include <string>
#include <string_view>

namespace penstock::sim::report {

/// The first code point of a text that is not empty, in its bytes; one byte where it is not well-formed UTF-8.
std::string_view FirstCharacter(std::string_view text);

/// Width in pixels at a font size, estimated generously for a sans-serif font.
double TextWidth(std::string_view text, double font_size);

/// The text, or as much of its beginning as fits with an ellipsis.
std::string Shortened(std::string_view text, double font_size, double width);

}  // namespace penstock::sim::report
