// HTML and SVG as text: every tag that is opened is closed, every text and every attribute is escaped. Nothing else in
// this room writes an angle bracket.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::sim::report {

/// `text` for HTML, XML and quoted attributes: & < > " ' become entities; control characters (but for tab and newline)
/// and bytes that are not UTF-8 become U+FFFD. Names in a report come from foreign files.
std::string Escaped(std::string_view text);

/// A length or position in SVG: at most two decimals, no trailing zeros, never "-0". A bug when it is not finite.
std::string Coordinate(double value);

using Attributes = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class Markup {
 public:
  void Open(std::string_view tag, Attributes attributes = {});
  void Close();                                                  // the tag opened last
  void Empty(std::string_view tag, Attributes attributes = {});  // <tag .../>
  void Text(std::string_view text);
  /// <tag ...>text</tag>
  void Element(std::string_view tag, Attributes attributes, std::string_view text);
  /// What another Markup has written.
  void Append(std::string_view written) { text_ += written; }

  /// Everything, once. A bug when a tag is still open.
  std::string Take();

 private:
  void Start(std::string_view tag, Attributes attributes);

  std::string text_;
  std::vector<std::string> open_;
};

}  // namespace penstock::sim::report
