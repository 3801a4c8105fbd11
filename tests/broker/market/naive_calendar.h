// The capacity calendar written so that it is obviously right: maps of what changes when, and sums over all of them.
// Questions take linear time and more.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "broker/market/calendar.h"

namespace penstock::market {

class NaiveCalendar {
 public:
  void AddSupply(Instant from, const Amounts& change) { Add(supply_, from, change); }
  void Take(Instant from, Instant to, const Amounts& amounts) {
    Add(taken_, from, amounts);
    Add(taken_, to, Amounts{} - amounts);
  }
  void GiveBack(Instant from, Instant to, const Amounts& amounts) {
    Add(taken_, from, Amounts{} - amounts);
    Add(taken_, to, amounts);
  }

  /// What lies before may not be asked any more.
  void ForgetBefore(Instant t) {
    for (Changes* changes : {&supply_, &taken_}) {
      const Amounts sum = SumUpTo(*changes, t);
      changes->erase(changes->begin(), changes->upper_bound(t));
      Add(*changes, t, sum);
    }
  }

  Amounts SupplyAt(Instant t) const { return SumUpTo(supply_, t); }
  Amounts TakenAt(Instant t) const { return SumUpTo(taken_, t); }
  Amounts RoomAt(Instant t) const { return SupplyAt(t) - TakenAt(t); }

  LeastPoints TightestIn(Instant from, Instant to) const {
    const Amounts first = RoomAt(from);
    LeastPoints least{{first.rate, from}, {first.slots, from}, {first.kv, from}};
    for (const Instant t : InstantsIn(from, to)) {
      const Amounts room = RoomAt(t);
      if (room.rate < least.rate.amount) least.rate = {room.rate, t};
      if (room.slots < least.slots.amount) least.slots = {room.slots, t};
      if (room.kv < least.kv.amount) least.kv = {room.kv, t};
    }
    return least;
  }

  bool Fits(Instant from, Instant to, const Amounts& amounts) const {
    const std::vector<Instant> instants = InstantsIn(from, to);
    return RoomAt(from).Covers(amounts) &&
           std::all_of(instants.begin(), instants.end(), [&](Instant t) { return RoomAt(t).Covers(amounts); });
  }

  std::optional<Instant> FirstFit(Instant not_before, Instant not_after, Duration length,
                                  const Amounts& amounts) const {
    if (Fits(not_before, not_before + length, amounts)) return not_before;
    for (const Instant t : InstantsIn(not_before, not_after + Nanoseconds(1))) {
      if (Fits(t, t + length, amounts)) return t;
    }
    return std::nullopt;
  }

  struct Step {
    Instant from;
    Instant to;
    Amounts supply;
    Amounts taken;
    friend bool operator==(const Step&, const Step&) = default;
  };
  std::vector<Step> StepsIn(Instant from, Instant to) const {
    std::vector<Step> steps = {{from, to, SupplyAt(from), TakenAt(from)}};
    for (const Instant t : InstantsIn(from, to)) {
      steps.back().to = t;
      steps.push_back({t, to, SupplyAt(t), TakenAt(t)});
    }
    return steps;
  }

 private:
  using Changes = std::map<Instant, Amounts>;

  static void Add(Changes& changes, Instant at, const Amounts& by) {
    changes[at] = changes[at] + by;
    if (changes[at] == Amounts{}) changes.erase(at);
  }
  static Amounts SumUpTo(const Changes& changes, Instant t) {
    Amounts sum;
    for (const auto& [at, by] : changes) {
      if (at <= t) sum = sum + by;
    }
    return sum;
  }
  /// Where something changes, after `from` and before `to`.
  std::vector<Instant> InstantsIn(Instant from, Instant to) const {
    std::set<Instant> instants;
    for (const Changes* changes : {&supply_, &taken_}) {
      for (const auto& [at, by] : *changes) {
        if (at > from && at < to) instants.insert(at);
      }
    }
    return {instants.begin(), instants.end()};
  }

  Changes supply_;
  Changes taken_;
};

}  // namespace penstock::market
