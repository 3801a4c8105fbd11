// The keys under which a scenario may give a span: one for each unit, known when the program is compiled, since a
// section keeps views of the keys that it knows.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace penstock::sim {

/// Endings of a span's keys, the longest unit first.
constexpr std::array<std::string_view, 5> kDurationEndings = {"_days", "_h", "_min", "_s", "_ms"};

struct DurationKeys {
  std::string_view name;                                          // "length"
  std::array<std::string_view, kDurationEndings.size()> by_unit;  // "length_days", "length_h", ...
};

/// A text as a template argument.
template <size_t kSize>
struct Word {
  consteval Word(const char (&text)[kSize]) {  // NOLINT: a literal is one
    for (size_t i = 0; i < kSize; ++i) characters[i] = text[i];
  }
  char characters[kSize];
};

template <Word kName, size_t kUnit>
struct DurationKey {
  static constexpr std::string_view kNameText{kName.characters, sizeof(kName.characters) - 1};
  static constexpr auto kCharacters = [] {
    std::array<char, kNameText.size() + kDurationEndings[kUnit].size()> joined{};
    for (size_t i = 0; i < joined.size(); ++i) {
      joined[i] = i < kNameText.size() ? kNameText[i] : kDurationEndings[kUnit][i - kNameText.size()];
    }
    return joined;
  }();
  static constexpr std::string_view kText{kCharacters.data(), kCharacters.size()};
};

/// kSpan<"length"> are the keys of a length.
template <Word kName>
constexpr DurationKeys kSpan = {
    DurationKey<kName, 0>::kNameText,
    {DurationKey<kName, 0>::kText, DurationKey<kName, 1>::kText, DurationKey<kName, 2>::kText,
     DurationKey<kName, 3>::kText, DurationKey<kName, 4>::kText}};

}  // namespace penstock::sim
