// A C++ file as the walls see it: its includes and its tokens, without comments and without what strings say.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace penstock::layering {

struct Token {
  enum class Kind { kWord, kNumber, kSymbol };  // a word is an identifier or a keyword; `::` and `->` are one symbol
  Kind kind;
  std::string text;
  int line;  // from 1
};

struct Include {
  std::string path;  // empty for an include that a macro names
  bool quoted;
  int line;
};

struct Source {
  std::string path;  // relative to the project's root
  std::vector<Token> tokens;
  std::vector<Include> includes;
};

/// Splits a file. Never fails: what is no C++ gives tokens of no meaning.
Source ReadSource(std::string path, std::string_view text);

}  // namespace penstock::layering
