// Integer arithmetic that crashes instead of wrapping, and divisions whose rounding has a name.
// Input from outside is bounded before it gets here (admission/vocabulary/bounds.h), so an overflow is a bug.
#pragma once

#include <concepts>
#include <cstdint>

#include "admission/vocabulary/check.h"

namespace penstock {

// The pedantic warning is about the extension, which both compilers have.
__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 Uint128;

template <class T>
constexpr T CheckedAdd(T a, T b) {
  T sum{};
  PENSTOCK_CHECK(!__builtin_add_overflow(a, b, &sum));
  return sum;
}

template <class T>
constexpr T CheckedSub(T a, T b) {
  T difference{};
  PENSTOCK_CHECK(!__builtin_sub_overflow(a, b, &difference));
  return difference;
}

template <class T>
constexpr T CheckedMul(T a, T b) {
  T product{};
  PENSTOCK_CHECK(!__builtin_mul_overflow(a, b, &product));
  return product;
}

/// The same value in a narrower integer; crashes when it does not fit.
constexpr int64_t CheckedNarrow(Int128 value) {
  PENSTOCK_CHECK(value >= INT64_MIN && value <= INT64_MAX);
  return static_cast<int64_t>(value);
}

/// floor(a / b) for b > 0.
template <class T>
constexpr T DivideRoundDown(T a, T b) {
  PENSTOCK_CHECK(b > 0);
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/// ceil(a / b) for b > 0.
template <class T>
constexpr T DivideRoundUp(T a, T b) {
  PENSTOCK_CHECK(b > 0);
  return a >= 0 ? (a + b - 1) / b : -(-a / b);
}

}  // namespace penstock
