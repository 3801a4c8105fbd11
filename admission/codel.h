// Controlled delay, for one line: sheds its head when heads have waited longer than `target` for a whole `interval`,
// then ever faster (every interval / sqrt(count)) until a head has waited less. Nichols and Jacobson, RFC 8289.
#pragma once

#include <bit>
#include <cstdint>

#include "admission/vocabulary/time.h"

namespace penstock::admission {

/// floor(sqrt(n)).
constexpr uint64_t SquareRootRoundDown(uint64_t n) {
  if (n == 0) return 0;
  uint64_t root = uint64_t{1} << ((std::bit_width(n) + 1) / 2);  // at least the root; Newton comes down from there
  while (root * root > n || root > UINT32_MAX) root = (root + n / root) / 2;
  return root;
}

class Codel {
 public:
  /// Whether the head is to be shed: asked when it is about to run. `alone`: nobody waits behind it.
  bool Sheds(Duration waited, bool alone, Duration target, Duration interval, Instant now) {
    const bool standing = StandsLong(waited, alone, target, interval, now);
    if (!standing) {
      shedding_ = false;
      return false;
    }
    if (!shedding_) {
      // Soon after the last time it goes on at the rate that was needed then.
      const uint32_t learnt = count_ - count_at_start_;
      count_ = learnt > 1 && now - next_ < interval * 16 ? learnt : 1;
      count_at_start_ = count_;
      shedding_ = true;
      next_ = now + GapAfter(count_, interval);
      return true;
    }
    if (now < next_) return false;
    ++count_;
    next_ = next_ + GapAfter(count_, interval);
    return true;
  }

 private:
  /// interval / sqrt(count), in 2^-16ths of the root.
  static Duration GapAfter(uint32_t count, Duration interval) {
    const auto root = static_cast<int64_t>(SquareRootRoundDown(uint64_t{count} << 32));
    return Duration(CheckedNarrow(Int128{interval.count()} * 65'536 / root));
  }

  bool StandsLong(Duration waited, bool alone, Duration target, Duration interval, Instant now) {
    if (waited < target || alone) {
      above_until_ = Instant();
      return false;
    }
    if (above_until_ == Instant()) {
      above_until_ = now + interval;
      return false;
    }
    return now >= above_until_;
  }

  Instant above_until_;  // when heads will have waited too long for an interval; zero: the last one had not
  Instant next_;
  uint32_t count_ = 0;           // shed since shedding began
  uint32_t count_at_start_ = 0;  // that it began with
  bool shedding_ = false;
};

}  // namespace penstock::admission
