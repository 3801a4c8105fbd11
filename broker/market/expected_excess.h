// How much of a normally distributed demand lies above a capacity, in integers: prices follow from it, so it must give
// the same bytes everywhere.
//
// Mean, deviation and x are in one unit (milli-nt/s, as a rule); the answer is in that unit, too. The distribution is
// tabulated at steps of 1/64 deviation in parts of 10^12 and interpolated linearly: at most 13 millionths of a
// deviation above the truth, 9 millionths of chance beside it (and the rounding, always down in the upper tail).
#pragma once

#include <cstdint>

namespace penstock::market {

/// E[(D - x)+] for D ~ N(mean, sd), sd >= 0. Never increases in x, is never below max(0, mean - x), and convex in x but
/// for rounding. Crashes where mean - x does not fit.
int64_t ExpectedExcess(int64_t mean, int64_t sd, int64_t x);

constexpr int64_t kMillionths = 1'000'000;

/// P(D > x) in millionths: what ExpectedExcess loses per unit of x. Never increases in x.
int64_t ChanceAbove(int64_t mean, int64_t sd, int64_t x);

}  // namespace penstock::market
