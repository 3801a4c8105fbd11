// How fast a class of a pool is, as measured: of requests in this hour and the one before. For rate cards; contracts
// have figures of their own (ledger/DeliveryEntry).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "admission/vocabulary/time.h"

namespace penstock::core {

/// Of what was asked; zeros when nothing was seen.
struct SpeedFigures {
  int64_t requests = 0;
  std::array<Duration, 3> queued;                // at admission: p50, p90, p99
  std::array<Duration, 3> first_token;           // from the grant: p50, p90, p99; of those who reported it
  std::array<int64_t, 3> output_per_second{};    // tokens: p50, p10, p1; likewise
};

/// Counts values in buckets of at most an eighth of their size; the last hour's apart.
class RecentValues {
 public:
  void Add(int64_t value, Instant now) {
    Turn(now);
    ++now_[BucketOf(value)];
  }
  /// The bucket's upper end below which `thousandths` of the values lie; 0 when there are none.
  int64_t Quantile(int64_t thousandths) const {
    int64_t all = 0;
    for (size_t i = 0; i < kBuckets; ++i) all += now_[i] + before_[i];
    int64_t rank = (all * thousandths + 999) / 1'000;
    for (size_t i = 0; i < kBuckets && all > 0; ++i) {
      rank -= now_[i] + before_[i];
      if (rank <= 0) return EndOf(i);
    }
    return 0;
  }
  int64_t count() const {
    int64_t all = 0;
    for (size_t i = 0; i < kBuckets; ++i) all += now_[i] + before_[i];
    return all;
  }

 private:
  static constexpr size_t kParts = 8;  // of a doubling
  static constexpr size_t kBuckets = 45 * kParts;
  static size_t BucketOf(int64_t value) {
    const auto v = static_cast<uint64_t>(value < 0 ? 0 : value);
    if (v < kParts) return static_cast<size_t>(v);
    const auto width = static_cast<size_t>(std::bit_width(v));  // >= 4
    const size_t bucket = (width - 3) * kParts + static_cast<size_t>((v >> (width - 4)) & (kParts - 1));
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  static int64_t EndOf(size_t bucket) {
    if (bucket < kParts) return static_cast<int64_t>(bucket);
    const size_t width = bucket / kParts + 3;
    const uint64_t step = uint64_t{1} << (width - 4);
    return static_cast<int64_t>((kParts + bucket % kParts + 1) * step - 1);
  }
  void Turn(Instant now) {
    const Instant hour = WindowStart(now, Hours(1));
    if (hour == hour_) return;
    before_ = hour == hour_ + Hours(1) ? now_ : Counts{};
    now_ = Counts{};
    hour_ = hour;
  }

  using Counts = std::array<uint32_t, kBuckets>;
  Instant hour_;
  Counts now_{};
  Counts before_{};
};

/// In microseconds and tokens a second.
struct ServiceFigures {
  RecentValues queued;
  RecentValues first_token;
  RecentValues output_per_second;

  SpeedFigures Sum() const {
    const auto times = [](const RecentValues& of) {
      return std::array<Duration, 3>{Microseconds(of.Quantile(500)), Microseconds(of.Quantile(900)),
                                     Microseconds(of.Quantile(990))};
    };
    return {.requests = queued.count(),
            .queued = times(queued),
            .first_token = times(first_token),
            .output_per_second = {output_per_second.Quantile(500), output_per_second.Quantile(100),
                                  output_per_second.Quantile(10)}};
  }
};

}  // namespace penstock::core
