// The daemon's time: monotonic, close to the wall clock, and deaf to its jumps.
//
// now = max(last, monotonic + offset), where the offset is slewed towards the wall clock by at most kSlew: a wall-clock
// step refills no bucket and expires no hold.
#pragma once

#include <functional>

#include "admission/vocabulary/time.h"

namespace penstock::daemon {

class SlewedClock {
 public:
  /// At most this many nanoseconds of correction per second of monotonic time (0.05 %).
  static constexpr int64_t kSlewPerSecond = 500'000;
  using Source = std::function<Instant()>;

  /// Starts at the wall clock, or at `not_before` if that is later (the newest moment the journal knows).
  SlewedClock(Source monotonic, Source wall, Instant not_before);

  /// Not thread-safe: the command loop owns it.
  Instant Now();

 private:
  Source monotonic_;
  Source wall_;
  Duration offset_;
  Instant checked_;  // monotonic time of the last look at the wall clock
  Instant last_;
};

/// The machine's own sources.
Instant MonotonicTime();
Instant WallTime();

}  // namespace penstock::daemon
