// The classes of a pool at the share level: fairly queued by weight (share_law.h), with floors and caps.
//
//   1. there are five: the least tag is found by looking at all that compete
//   2. a floor and a cap are leaky levels over the class's estimated work, each with as many seconds of burst as the
//   pool
//      has. Every dispatch of the class is taken from both, and trued up
//   3. a class whose floor level lets its head conform goes before the other classes, the earliest such instant first,
//      ties to the lower class. It is charged as of that instant: waiting for pace loses none of the floor. What it
//      gets beyond its floor by its share fills the floor level to the burst and no further: having had more yesterday
//      does not cost the floor of today. Backlogged, it gets >= floor x t - burst - largest in any t in which contracts
//      leave that much
//   4. a class whose cap level does not let its head conform does not compete: in any t it gets <= max(burst, largest)
//   +
//      cap x t
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "admission/leaky_level.h"
#include "admission/share_law.h"

namespace penstock::admission {

class ClassShares {
 public:
  void SetTerms(const PoolTerms& terms, Instant now);

  /// Joins the competition (lifted) or leaves it (the tag stays). No effect when it is so already.
  void Join(size_t c) {
    if (Competes(c)) return;
    competing_ |= 1U << c;
    time_.Lift(classes_[c].share, stays_);
  }
  void Leave(size_t c) { competing_ &= ~(1U << c); }
  bool Competes(size_t c) const { return (competing_ >> c & 1) != 0; }
  bool empty() const { return competing_ == 0; }
  /// The competing class with the least tag. Not when empty.
  size_t First() const;

  bool HasFloor(size_t c) const { return classes_[c].has_floor; }
  bool HasCap(size_t c) const { return classes_[c].has_cap; }
  /// Since when, or from when, the floor lets this much of the class go before the others.
  Instant FloorFrom(size_t c, int64_t work) const { return classes_[c].floor.ConformsFrom(work); }
  /// How long the cap keeps this much of the class waiting.
  Duration CapWait(size_t c, int64_t work, Instant now) { return classes_[c].cap.WaitFor(work, now); }
  /// What the class gets when `share` milli-nt/s is its part by weight.
  int64_t ExpectedRate(size_t c, int64_t share) const;

  /// The class dispatches charge.work, by its floor if that let it go since `floor_from`; unsettled until Release. Sets
  /// mark and floor work, and the tags in `reason`.
  void Start(size_t c, Charge& charge, DispatchReason& reason, std::optional<Instant> floor_from, Instant now);
  void Occupy(size_t c) { ++classes_[c].unsettled; }
  void Release(size_t c, const Charge& charge);
  void TrueUp(size_t c, Charge& charge, Work known, Instant now);

 private:
  struct Class {
    ShareFlow share;
    int64_t unsettled = 0;
    bool has_floor = false;
    bool has_cap = false;
    LeakyLevel floor;
    LeakyLevel cap;
  };
  /// Takes from the floor what fits into its burst; how much.
  static Work FillFloor(Class& of, Work work, Instant at);

  std::array<Class, kShareClassCount> classes_;
  uint32_t competing_ = 0;  // a bit per class
  VirtualTime time_;
  uint64_t stays_ = 0;
};

}  // namespace penstock::admission
