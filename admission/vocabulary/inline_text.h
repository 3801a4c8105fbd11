// A short text that lives where it stands: copies allocate nothing. What is longer than N bytes is cut off.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock {

template <size_t N>
class InlineText {
  static_assert(N < 256);

 public:
  constexpr InlineText() = default;
  constexpr InlineText(std::string_view text) { Append(text); }  // NOLINT: a text is a text
  constexpr InlineText(const char* text) { Append(text); }       // NOLINT

  constexpr InlineText& Append(std::string_view more) {
    const size_t taken = std::min(more.size(), N - size_);
    std::copy_n(more.begin(), taken, bytes_.begin() + size_);
    size_ = static_cast<uint8_t>(size_ + taken);
    return *this;
  }
  constexpr std::string_view view() const { return {bytes_.data(), size_}; }
  std::string str() const { return std::string(view()); }
  constexpr bool empty() const { return size_ == 0; }
  friend constexpr bool operator==(const InlineText& a, const InlineText& b) { return a.view() == b.view(); }
  friend constexpr bool operator==(const InlineText& a, std::string_view b) { return a.view() == b; }
  friend constexpr bool operator==(const InlineText& a, const char* b) { return a.view() == b; }

 private:
  std::array<char, N> bytes_{};
  uint8_t size_ = 0;
};

}  // namespace penstock
