// Money: a signed 128-bit count of pico-units (10^-12 of a currency unit), checked. No double anywhere near it.
//
// Prices are integers of micro-units per million tokens, which is the same number as pico-units per token: a charge is
// tokens x price, a whole number, with nothing to round.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace penstock::ledger {

/// A sign and 127 bits, so that it fits a two's complement 128-bit integer (Boost's own checked_int128_t has a sign and
/// 128 bits). Throws when a result does not fit; Money's operators are noexcept: an overflow is a bug and ends the
/// process.
using PicoCount = boost::multiprecision::number<boost::multiprecision::cpp_int_backend<
    127, 127, boost::multiprecision::signed_magnitude, boost::multiprecision::checked, void>>;

/// How a statement line is rounded to the tariff's rounding unit. All modes look at the magnitude only, so that a
/// reversal rounds to the exact opposite of what it reverses: kUp is away from zero, kDown towards it, kHalfUp takes
/// the half away from zero.
enum class RoundingMode : uint8_t { kHalfEven, kHalfUp, kUp, kDown };

class Money {
 public:
  Money() = default;
  static Money FromPico(int64_t pico) { return Money(PicoCount(pico)); }
  static Money FromPico(PicoCount pico) { return Money(std::move(pico)); }
  /// Reads "12", "-0.5", "0.000000000001": at most 12 decimals, an optional sign, no exponent; nothing on anything
  /// else.
  static std::optional<Money> FromDecimal(std::string_view text);  // also nothing when it does not fit

  const PicoCount& pico() const { return pico_; }
  bool IsZero() const { return pico_ == 0; }
  bool IsNegative() const { return pico_ < 0; }

  /// All twelve decimals: "12.500000000000". Exact, and FromDecimal reads it back.
  std::string ToDecimal() const;

  /// The nearest multiple of `unit` (positive) by the mode.
  Money RoundedTo(const Money& unit, RoundingMode mode) const noexcept;

  Money& operator+=(const Money& other) noexcept {
    pico_ += other.pico_;
    return *this;
  }
  Money& operator-=(const Money& other) noexcept {
    pico_ -= other.pico_;
    return *this;
  }
  friend Money operator+(Money a, const Money& b) noexcept { return a += b; }
  friend Money operator-(Money a, const Money& b) noexcept { return a -= b; }
  friend Money operator-(const Money& a) noexcept { return Money(-a.pico_); }
  friend Money operator*(const Money& a, int64_t times) noexcept { return Money(PicoCount(a.pico_ * times)); }
  friend bool operator==(const Money& a, const Money& b) { return a.pico_ == b.pico_; }
  friend std::strong_ordering operator<=>(const Money& a, const Money& b) {
    const int order = a.pico_.compare(b.pico_);
    return order <=> 0;
  }

 private:
  explicit Money(PicoCount pico) : pico_(std::move(pico)) {}
  PicoCount pico_ = 0;
};

}  // namespace penstock::ledger
