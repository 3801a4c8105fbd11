// A 64-bit integer with a unit: distinct types do not mix, arithmetic is checked.
#pragma once

#include <compare>
#include <cstdint>

#include "admission/vocabulary/checked.h"

namespace penstock {

template <class Unit>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(int64_t count) : count_(count) {}
  static constexpr Quantity Zero() { return Quantity(0); }
  static constexpr Quantity Max() { return Quantity(INT64_MAX); }

  /// The bare count, for wire, disk and arithmetic that changes the unit.
  constexpr int64_t count() const { return count_; }

  constexpr Quantity& operator+=(Quantity other) { return *this = *this + other; }
  constexpr Quantity& operator-=(Quantity other) { return *this = *this - other; }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(CheckedAdd(a.count_, b.count_)); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(CheckedSub(a.count_, b.count_)); }
  friend constexpr Quantity operator-(Quantity a) { return Quantity(CheckedSub(int64_t{0}, a.count_)); }
  friend constexpr Quantity operator*(Quantity a, int64_t times) { return Quantity(CheckedMul(a.count_, times)); }
  friend constexpr auto operator<=>(Quantity, Quantity) = default;

 private:
  int64_t count_ = 0;
};

}  // namespace penstock
