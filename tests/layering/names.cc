#include "tests/layering/names.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

namespace penstock::layering {
namespace {

constexpr std::string_view kRefusedWords[] = {"manager", "util", "helper", "handler", "impl",
                                              "common",  "base", "data",   "info"};

// The domain's own nouns that contain such a word (DESIGN: the data directory, base windows; google.rpc.ErrorInfo).
constexpr std::array<std::string_view, 2> kDomainNouns[] = {
    {"data", "directory"}, {"base", "window"}, {"error", "info"}};

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }

// "HTTPHandler" -> http, handler; "rocksdb_journal.h" -> rocksdb, journal, h.
std::vector<std::string> WordsOf(std::string_view name) {
  std::vector<std::string> words(1);
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const char next = i + 1 < name.size() ? name[i + 1] : '\0';
    if (!IsUpper(c) && !IsLower(c) && (c < '0' || c > '9')) {
      words.emplace_back();
      continue;
    }
    const bool starts_word = i > 0 && IsUpper(c) && (!IsUpper(name[i - 1]) || IsLower(next));
    if (starts_word && !words.back().empty()) words.emplace_back();
    words.back() += IsUpper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return words;
}

bool IsDomainNoun(const std::vector<std::string>& words, size_t first) {
  return std::any_of(std::begin(kDomainNouns), std::end(kDomainNouns), [&](const auto& noun) {
    return first + 1 < words.size() && words[first] == noun[0] && words[first + 1].starts_with(noun[1]);
  });
}

bool IsKeyword(const Source& source, const std::string& word) {
  constexpr std::string_view kCpp[] = {"class", "struct", "enum", "union", "concept", "using"};
  constexpr std::string_view kProto[] = {"message", "enum", "service"};
  if (source.path.ends_with(".proto")) return std::find(std::begin(kProto), std::end(kProto), word) != std::end(kProto);
  return std::find(std::begin(kCpp), std::end(kCpp), word) != std::end(kCpp);
}

}  // namespace

std::optional<std::string> RefusedWordIn(std::string_view name) {
  const std::vector<std::string> words = WordsOf(name);
  for (size_t i = 0; i < words.size(); ++i) {
    const bool refused = std::any_of(std::begin(kRefusedWords), std::end(kRefusedWords), [&](std::string_view word) {
      return words[i] == word || words[i] == std::string(word) + "s";
    });
    const bool noun = IsDomainNoun(words, i) || (i > 0 && IsDomainNoun(words, i - 1));
    if (refused && !noun) return words[i];
  }
  return std::nullopt;
}

const Token* DeclaredType(const Source& source, size_t keyword) {
  const std::vector<Token>& tokens = source.tokens;
  const auto text = [&](size_t i) { return i < tokens.size() ? std::string_view(tokens[i].text) : std::string_view(); };
  if (!IsKeyword(source, tokens[keyword].text)) return nullptr;
  if (keyword > 0 && text(keyword - 1) == "enum") return nullptr;  // seen with the enum
  size_t i = keyword + 1;
  if (text(keyword) == "enum" && (text(i) == "class" || text(i) == "struct")) ++i;
  while (text(i) == "[" || text(i) == "alignas") {  // attributes
    const std::string_view close = text(i) == "[" ? "]" : ")";
    while (i < tokens.size() && text(i) != close) ++i;
    while (text(i) == close) ++i;
  }
  while (text(i + 1) == "::") i += 2;
  if (i >= tokens.size() || tokens[i].kind != Token::Kind::kWord) return nullptr;
  const bool alias = text(keyword) == "using" || text(keyword) == "concept";
  constexpr std::string_view kAfterName[] = {"{", ":", ";", "final", "<"};
  const bool declares =
      alias ? text(i + 1) == "="
            : std::find(std::begin(kAfterName), std::end(kAfterName), text(i + 1)) != std::end(kAfterName);
  return declares ? &tokens[i] : nullptr;
}

}  // namespace penstock::layering
