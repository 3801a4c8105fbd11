// Time as arguments: there is no now() here, and there must never be one. The driver (daemon or simulator) passes it
// in.
#pragma once

#include <compare>
#include <cstdint>

#include "admission/vocabulary/checked.h"
#include "admission/vocabulary/quantity.h"

namespace penstock {

struct NanosecondsUnit;
/// A span of time in nanoseconds; may be negative.
using Duration = Quantity<NanosecondsUnit>;

constexpr Duration Nanoseconds(int64_t n) { return Duration(n); }
constexpr Duration Microseconds(int64_t n) { return Duration(CheckedMul<int64_t>(n, 1'000)); }
constexpr Duration Milliseconds(int64_t n) { return Duration(CheckedMul<int64_t>(n, 1'000'000)); }
constexpr Duration Seconds(int64_t n) { return Duration(CheckedMul<int64_t>(n, 1'000'000'000)); }
constexpr Duration Minutes(int64_t n) { return Seconds(CheckedMul<int64_t>(n, 60)); }
constexpr Duration Hours(int64_t n) { return Seconds(CheckedMul<int64_t>(n, 3'600)); }
constexpr Duration Days(int64_t n) { return Seconds(CheckedMul<int64_t>(n, 86'400)); }

/// A moment: nanoseconds since 1970-01-01T00:00:00Z, without leap seconds.
class Instant {
 public:
  constexpr Instant() = default;
  constexpr explicit Instant(int64_t nanoseconds_since_epoch) : ns_(nanoseconds_since_epoch) {}
  static constexpr Instant Max() { return Instant(INT64_MAX); }

  constexpr int64_t nanoseconds_since_epoch() const { return ns_; }

  friend constexpr Instant operator+(Instant t, Duration d) { return Instant(CheckedAdd(t.ns_, d.count())); }
  friend constexpr Instant operator-(Instant t, Duration d) { return Instant(CheckedSub(t.ns_, d.count())); }
  friend constexpr Duration operator-(Instant a, Instant b) { return Duration(CheckedSub(a.ns_, b.ns_)); }
  friend constexpr auto operator<=>(Instant, Instant) = default;

 private:
  int64_t ns_ = 0;
};

/// The start of the window of the given length that contains t; windows are aligned to the epoch.
constexpr Instant WindowStart(Instant t, Duration length) {
  return Instant(CheckedMul(DivideRoundDown(t.nanoseconds_since_epoch(), length.count()), length.count()));
}

}  // namespace penstock
