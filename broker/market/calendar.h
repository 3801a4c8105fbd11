// The capacity calendar of a pool: what there is and what is taken of it, at every instant from now on.
//
//   room(t) = supply(t) - taken(t), resource by resource; negative where capacity was lost after it had been sold
//
// Windows are [from, to); n is the number of distinct instants at which something changes, and an instant at which
// everything has cancelled out is none. Two windows that begin and end together cost no more than one. Sums that leave
// 64 bits crash: what comes from outside is bounded before, and differences must stay below 2^62.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "broker/market/amounts.h"
#include "broker/market/step_function.h"

namespace penstock::market {

struct TakenWindow {
  Instant from;
  Instant to;
  Amounts amounts;
};

class CapacityCalendar {
 public:
  /// Nothing there, nothing taken.
  CapacityCalendar() = default;
  /// The same as all these calls of AddSupply and Take, in O(n log n).
  CapacityCalendar(const std::vector<Change>& supply, const std::vector<TakenWindow>& taken);

  /// From that instant on there is so much more (or less), for ever. O(log n).
  void AddSupply(Instant from, const Amounts& change);
  /// O(log n). Whoever sells asks Fits before; this does not. The amounts must not be negative.
  void Take(Instant from, Instant to, const Amounts& amounts);
  /// Undoes a Take, or a part of one: a later `from`, an earlier `to`, less of everything. O(log n).
  void GiveBack(Instant from, Instant to, const Amounts& amounts);

  /// What lies before may not be asked any more, and costs nothing any more; parts of windows that lie there are
  /// ignored by Take and GiveBack. Linear in the instants that are dropped.
  void ForgetBefore(Instant t);

  // Questions about instants that are forgotten, and about empty windows, crash.

  /// What lies before is forgotten.
  Instant begin() const { return room_.begin(); }
  Amounts SupplyAt(Instant t) const { return supply_.At(t); }
  Amounts RoomAt(Instant t) const { return room_.At(t); }
  Amounts TakenAt(Instant t) const { return supply_.At(t) - room_.At(t); }

  /// The least room of each resource in a window, and the earliest instant of it where it is. O(log n).
  LeastPoints TightestIn(Instant from, Instant to) const { return room_.LeastPointsIn(from, to); }
  /// O(log n).
  bool Fits(Instant from, Instant to, const Amounts& amounts) const { return room_.LeastIn(from, to).Covers(amounts); }

  /// The first instant in [not_before, not_after] at which a window of that length has room for the amounts. O(log n)
  /// for each stretch with or without room on the way, never more than linear.
  std::optional<Instant> FirstFit(Instant not_before, Instant not_after, Duration length,
                                  const Amounts& amounts) const {
    return room_.FirstCovered(not_before, not_after, length, amounts);
  }

  /// In order, until it says false: enough. Neighbours differ in supply or taken; the first and the last are cut to the
  /// window. O(log n) a step.
  using StepVisitor = std::function<bool(Instant from, Instant to, const Amounts& supply, const Amounts& taken)>;
  void ForEachStep(Instant from, Instant to, const StepVisitor& visit) const;

  /// Distinct instants at which supply or room change (both: two).
  size_t changes() const { return supply_.changes() + room_.changes(); }
  size_t MemoryBytes() const { return supply_.MemoryBytes() + room_.MemoryBytes(); }
  /// Crashes on what cannot be; also where more was given back than taken. Linear, for tests.
  void CheckInvariants() const;

 private:
  StepFunction supply_;
  StepFunction room_;
};

}  // namespace penstock::market
