// What a buyer should have reserved, by its own history: the newsvendor's question on the distribution that was seen.
// Exact: of all rates (multiples of a step) and all choices of hours of the week, none would have cost less. Money is
// counted to the pico-unit.
//
// It is hindsight, and the choice of hours more than the rate: an hour of the week has as many windows to go by as the
// history has weeks. Who buys for the time to come lets a few weeks speak.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"
#include "ledger/calendar.h"
#include "ledger/money.h"

namespace penstock::planning {

struct WindowUse {
  size_t hour_of_week = 0;  // local, Monday 0:00 is 0
  Work work;
};

struct ReservePrices {
  int64_t elastic_pico = 0;   // per milli-nt
  int64_t reserved_pico = 0;  // per milli-nt/s and minute, used or not
};

using HoursOfWeek = std::bitset<ledger::kHoursOfWeek>;

/// A rate that is reserved in some hours of every week; what is needed beyond, or in other hours, is elastic.
struct ReservedShape {
  WorkPerSecond rate;  // 0: nothing is worth reserving
  HoursOfWeek hours;
  ledger::Money reserved_cost;
  ledger::Money elastic_cost;
  int64_t used_millionths = 0;    // of the work that was reserved
  int64_t beyond_millionths = 0;  // share of its windows that needed more

  ledger::Money cost() const { return reserved_cost + elastic_cost; }
};

struct Recommendation {
  size_t windows = 0;
  Work total;
  WorkPerSecond peak;     // of the highest window, rounded up to the step
  ledger::Money without;  // everything elastic
  ledger::Money at_peak;  // the peak reserved all the time
  ReservedShape constant;
  ReservedShape in_hours;
  /// The share of a reservation that has to be used for it to cost what elastic does. A million or more: it never pays.
  int64_t break_even_millionths = 0;

  ledger::Money Saves(const ReservedShape& shape) const { return without - shape.cost(); }
};

/// `history`: every base window (or hour) of some whole weeks, idle ones too, in any order. `window`: the length of
/// each, whole minutes. Prices and step are positive. On ties less is reserved. O(n x 168).
Recommendation Recommend(std::span<const WindowUse> history, Duration window, const ReservePrices& prices,
                         WorkPerSecond step);

}  // namespace penstock::planning
