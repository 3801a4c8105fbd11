// Work: the one scalar that scheduling, reservations and peaks are measured in.
//
//   unit of Work           milli-nt: thousandths of a normalized token
//   unit of WorkPerSecond  milli-nt per second (the API and the tables show nt/s)
#pragma once

#include "admission/vocabulary/quantity.h"
#include "admission/vocabulary/time.h"

namespace penstock {

struct MilliNtUnit;
using Work = Quantity<MilliNtUnit>;
struct MilliNtPerSecondUnit;
using WorkPerSecond = Quantity<MilliNtPerSecondUnit>;
struct TokenUnit;
using Tokens = Quantity<TokenUnit>;

constexpr int64_t kMilliNtPerNt = 1'000;
constexpr Work NormalizedTokens(int64_t nt) { return Work(CheckedMul(nt, kMilliNtPerNt)); }
constexpr WorkPerSecond NormalizedTokensPerSecond(int64_t nt) { return WorkPerSecond(CheckedMul(nt, kMilliNtPerNt)); }

/// How long a rate takes for some work, rounded up to whole nanoseconds. The rate must be positive.
constexpr Duration TimeForRoundUp(Work work, WorkPerSecond rate) {
  return Duration(CheckedNarrow(DivideRoundUp<Int128>(Int128{work.count()} * 1'000'000'000, rate.count())));
}

}  // namespace penstock
