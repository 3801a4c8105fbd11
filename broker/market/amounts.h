// What a pool has and what is sold of it: three resources, always looked at together.
#pragma once

#include <algorithm>
#include <cstdint>

#include "admission/vocabulary/checked.h"

namespace penstock::market {

/// Also a difference of two: each may be negative. Sums that would wrap crash.
struct Amounts {
  int64_t rate = 0;   // milli-nt per second
  int64_t slots = 0;  // requests in flight
  int64_t kv = 0;     // KV tokens

  /// No resource is less than that.
  constexpr bool Covers(const Amounts& other) const {
    return rate >= other.rate && slots >= other.slots && kv >= other.kv;
  }

  friend constexpr Amounts operator+(const Amounts& a, const Amounts& b) {
    return {CheckedAdd(a.rate, b.rate), CheckedAdd(a.slots, b.slots), CheckedAdd(a.kv, b.kv)};
  }
  friend constexpr Amounts operator-(const Amounts& a, const Amounts& b) {
    return {CheckedSub(a.rate, b.rate), CheckedSub(a.slots, b.slots), CheckedSub(a.kv, b.kv)};
  }
  friend constexpr bool operator==(const Amounts&, const Amounts&) = default;
};

/// Resource by resource.
constexpr Amounts LesserOf(const Amounts& a, const Amounts& b) {
  return {std::min(a.rate, b.rate), std::min(a.slots, b.slots), std::min(a.kv, b.kv)};
}
constexpr Amounts GreaterOf(const Amounts& a, const Amounts& b) {
  return {std::max(a.rate, b.rate), std::max(a.slots, b.slots), std::max(a.kv, b.kv)};
}

}  // namespace penstock::market
