// The rules that make one figure, the billing demand, of a series of base windows. Integers only.
//
// A demand is a sum of work; where a rule takes a mean of n, the sum stands for n times the demand, and the price is
// divided instead (ledger/charges.h). A window that is missing from a series counts as zero.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "admission/vocabulary/checked.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"
#include "ledger/charges.h"

namespace penstock::ledger::rating {

struct Period {
  Instant from;
  Instant to;  // exclusive
};

/// What both hold; empty when `to` is not after `from`.
Period Overlap(Period a, Period b);

/// Work in one base window, and the busiest second inside it (informative).
struct Sample {
  Instant start;
  Work work;
  Work highest_second;
  friend bool operator==(const Sample&, const Sample&) = default;
};

/// One sample a window, ascending.
using Series = std::vector<Sample>;

/// Adds up what several brokers and tiers say of the same window, in any order; windows that come to zero are left out.
/// Of the highest seconds the highest is kept: they need not have been the same second.
Series SumByWindow(std::vector<Sample> samples);

struct Demand {
  Int128 sum = 0;                // milli-nt; n times the demand where the rule is a mean of n
  std::vector<Instant> windows;  // base windows (of a block or run: the first of it) that set it; at most kNamedWindows
  Work highest_second;           // inside those
};

/// A mean of a thousand windows names the first of them.
constexpr size_t kNamedWindows = 12;

/// The highest sum of a block of `windows` base windows, blocks aligned to the epoch; the earliest on ties.
Demand BlockMaximum(const Series& series, int64_t windows);
/// The highest sum of any `windows` base windows in a row; the earliest on ties, and as late as possible within it: it
/// ends with a window that has work.
Demand SlidingMaximum(const Series& series, int64_t windows);

/// N - floor(N (100 - p) / 100), counted from 1 in ascending order; N positive, p from 1 to 99.
int64_t PercentileRank(int64_t count, int64_t percentile);
/// The window of that rank among `count` windows, of which those that are not in the series are zero. Nothing
/// interpolated. Of equal windows the earliest is named. Zero when count is.
Demand Percentile(const Series& series, int64_t percentile, int64_t count);

/// The sum of the n highest windows, the earliest on ties.
Demand TopSum(const Series& series, int64_t n);

/// The sum of `own` in the n highest windows of `pool` (the earliest on ties), of which no two lie in the same day or
/// month of the calendar where `apart` says so.
Demand CoincidentSum(const Series& own, const Series& pool, int64_t n, Apart apart, const Calendar& calendar);

/// `measured` as the contract bills it: measured, contracted and the result in the same parts of a milli-nt.
Int128 ByContract(Int128 measured, Int128 contracted, const Contracted& rule);

/// A tenant's series and, where the rule is coincident, everyone's in the same pool.
struct Load {
  const Series& own;
  const Series& everyone;
};

/// The charge's rule on what it counts of [from, to): its season, its band. Neither ratchet nor contract.
Demand MeteredDemand(const DemandCharge& charge, const Calendar& calendar, Load load, Period period);

/// The billing demand of the period in 1 / DemandScale(charge) of a milli-nt: metered, then the ratchet, then the
/// contract (where one is given: work in the demand window). Zero when no month of the period is in the charge's
/// season. `windows` are those that set it: of an earlier month where the ratchet does, none where its minimum does.
Demand BilledDemand(const DemandCharge& charge, const Calendar& calendar, Load load, Period period, Period in_force,
                    std::optional<Work> contracted);

}  // namespace penstock::ledger::rating
