#include "tests/layering/source.h"

#include <cctype>
#include <utility>

namespace penstock::layering {
namespace {

bool IsDigit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool IsWordStart(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool IsWordPart(char c) { return IsWordStart(c) || IsDigit(c); }
bool IsRawStringPrefix(std::string_view word) {
  return word == "R" || word == "LR" || word == "uR" || word == "UR" || word == "u8R";
}

class Lexer {
 public:
  Lexer(std::string path, std::string_view text) : text_(text) { source_.path = std::move(path); }

  Source Run() {
    while (!Done()) Step();
    return std::move(source_);
  }

 private:
  bool Done() const { return at_ >= text_.size(); }
  char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void Advance(size_t count = 1) {
    for (; count > 0 && !Done(); --count) {
      if (text_[at_] == '\n') {
        ++line_;
        line_is_blank_ = true;
      }
      ++at_;
    }
  }

  void Step() {
    const char c = Peek();
    if (std::isspace(static_cast<unsigned char>(c)) != 0 || c == '\\') return Advance();
    if (c == '/' && Peek(1) == '/') return SkipLineComment();
    if (c == '/' && Peek(1) == '*') return SkipPast("*/", 2);
    const bool starts_line = std::exchange(line_is_blank_, false);
    if (c == '#' && starts_line) return ReadDirective();
    if (c == '"' || c == '\'') return SkipQuoted(c);
    if (IsWordStart(c)) return ReadWord();
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return ReadNumber();
    const std::string_view two = text_.substr(at_, 2);
    Emit(Token::Kind::kSymbol, two == "::" || two == "->" ? 2 : 1);
  }

  void Emit(Token::Kind kind, size_t length) {
    source_.tokens.push_back({kind, std::string(text_.substr(at_, length)), line_});
    Advance(length);
  }

  // A backslash at its end carries a line comment over to the next line.
  void SkipLineComment() {
    while (!Done() && Peek() != '\n') Advance(Peek() == '\\' ? 2 : 1);
  }

  void SkipPast(std::string_view end, size_t from) {
    const size_t found = text_.find(end, at_ + from);
    Advance(found == std::string_view::npos ? text_.size() : found + end.size() - at_);
  }

  void SkipQuoted(char quote) {
    Advance();
    while (!Done() && Peek() != quote && Peek() != '\n') Advance(Peek() == '\\' ? 2 : 1);
    if (Peek() == quote) Advance();
  }

  void SkipRawString() {
    const size_t open = text_.find('(', at_);
    if (open == std::string_view::npos) return Advance();
    const std::string delimiter(text_.substr(at_ + 1, open - at_ - 1));
    SkipPast(")" + delimiter + "\"", open - at_);
  }

  void ReadWord() {
    size_t length = 1;
    while (IsWordPart(Peek(length))) ++length;
    if (Peek(length) == '"' && IsRawStringPrefix(text_.substr(at_, length))) {
      Advance(length);
      return SkipRawString();
    }
    Emit(Token::Kind::kWord, length);
  }

  // A number in the preprocessor's sense: digits, letters, dots, separators, and a sign after an exponent's letter.
  void ReadNumber() {
    size_t length = 1;
    for (; at_ + length < text_.size(); ++length) {
      const char c = Peek(length);
      const char before = Peek(length - 1);
      const bool separator = c == '\'' && IsWordPart(Peek(length + 1));
      const bool hex = text_.substr(at_, 2) == "0x" || text_.substr(at_, 2) == "0X";
      const bool exponent = hex ? before == 'p' || before == 'P' : before == 'e' || before == 'E';
      const bool sign = (c == '+' || c == '-') && exponent;
      if (!IsWordPart(c) && c != '.' && !separator && !sign) break;
    }
    Emit(Token::Kind::kNumber, length);
  }

  // Includes are kept as such; the tokens of every other directive count like code, for macros hide nothing.
  void ReadDirective() {
    Advance();
    while (Peek() == ' ' || Peek() == '\t') Advance();
    if (text_.substr(at_, 7) != "include") return;
    const int line = line_;
    Advance(7);
    if (text_.substr(at_, 5) == "_next") Advance(5);
    while (Peek() == ' ' || Peek() == '\t') Advance();
    const char open = Peek();
    const size_t close = text_.find(open == '<' ? '>' : '"', at_ + 1);
    const size_t end_of_line = text_.find('\n', at_);
    const bool named = (open == '<' || open == '"') && close < end_of_line;
    source_.includes.push_back({named ? std::string(text_.substr(at_ + 1, close - at_ - 1)) : "", open == '"', line});
    if (named) Advance(close + 1 - at_);
  }

  std::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_is_blank_ = true;
  Source source_;
};

}  // namespace

Source ReadSource(std::string path, std::string_view text) { return Lexer(std::move(path), text).Run(); }

}  // namespace penstock::layering
