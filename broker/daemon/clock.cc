#include "broker/daemon/clock.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace penstock::daemon {
namespace {

template <class Clock>
Instant Read() {
  const auto since_epoch = Clock::now().time_since_epoch();
  return Instant(std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count());
}

}  // namespace

Instant MonotonicTime() { return Read<std::chrono::steady_clock>(); }
Instant WallTime() { return Read<std::chrono::system_clock>(); }

SlewedClock::SlewedClock(Source monotonic, Source wall, Instant not_before)
    : monotonic_(std::move(monotonic)), wall_(std::move(wall)) {
  checked_ = monotonic_();
  last_ = std::max(wall_(), not_before);
  offset_ = last_ - checked_;
}

Instant SlewedClock::Now() {
  const Instant monotonic = monotonic_();
  if (const Duration since = monotonic - checked_; since >= Seconds(1)) {
    const Duration behind = wall_() - (monotonic + offset_);
    const Duration most(CheckedMul<int64_t>(since.count() / 1'000'000'000, kSlewPerSecond));
    offset_ += std::clamp(behind, -most, most);
    checked_ = monotonic;
  }
  last_ = std::max(last_, monotonic + offset_);
  return last_;
}

}  // namespace penstock::daemon
