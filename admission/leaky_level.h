// GCRA as a leaky level, exact at any time granularity.
//
// A limit of `quantity` per `period` with a `burst`:
//   1. the level is what has been taken and has not drained yet; it is kept in units of (amount x period nanoseconds),
//      so that draining for dt nanoseconds is the whole number quantity x dt: nothing is ever rounded away;
//   2. an amount conforms when level + amount <= burst; an amount larger than the burst conforms on an empty level and
//      goes into debt (the level is then above the burst until it has drained);
//   3. a change of terms keeps the level: what was used stays used;
//   4. giving back lowers the level, never below empty: unused allowance does not accumulate beyond the burst;
//   5. waits are cut off at kLongestWait: a huge debt on a tiny rate must not leave the range of Instant.
// Hence, in any interval T: taken - given back <= max(burst, largest single amount) + quantity x T / period.
#pragma once

#include "admission/vocabulary/checked.h"
#include "admission/vocabulary/time.h"

namespace penstock::admission {

/// A hundred years: stands for every wait that is longer.
constexpr Duration kLongestWait = Days(36'500);

/// The smaller of a wide value and a bound.
constexpr int64_t AtMost(Int128 value, int64_t bound) { return value < bound ? CheckedNarrow(value) : bound; }

/// `quantity` per `period`, saved up to `burst`. All positive; the unit of the amounts is the owner's.
struct RateTerms {
  int64_t quantity = 0;
  Duration period = Seconds(1);
  int64_t burst = 0;
  friend constexpr bool operator==(const RateTerms&, const RateTerms&) = default;
};

class LeakyLevel {
 public:
  LeakyLevel() = default;
  explicit LeakyLevel(const RateTerms& terms) : terms_(terms) {}

  /// A level that was kept: what scaled_level() and at() said under these terms.
  static LeakyLevel Restored(const RateTerms& terms, Int128 scaled_level, Instant at) {
    LeakyLevel level(terms);
    level.level_ = scaled_level;
    level.at_ = at;
    return level;
  }

  const RateTerms& terms() const { return terms_; }
  /// What was taken and has not drained by at(), in units of (amount x period nanoseconds).
  Int128 scaled_level() const { return level_; }
  /// Up to when it has drained: the latest `now` it was told.
  Instant at() const { return at_; }

  void SetTerms(const RateTerms& terms, Instant now) {
    Drain(now);
    // The level's unit holds the period, so a changed period rescales it (rounded up: never forgives use).
    if (terms.period != terms_.period && level_ > 0) {
      const Int128 amount = DivideRoundUp<Int128>(level_, terms_.period.count());
      level_ = amount * terms.period.count();
    }
    terms_ = terms;
  }

  /// Zero when the amount conforms now; else how long until it would, if nothing else is taken (rounded up).
  Duration WaitFor(int64_t amount, Instant now) {
    Drain(now);
    const Int128 room_needed = Scaled(amount > terms_.burst ? terms_.burst : amount);
    const Int128 over = level_ + room_needed - Scaled(terms_.burst);
    if (over <= 0) return Duration::Zero();
    return TimeToDrain(over);
  }

  /// The instant since which the amount conforms, or from which it will if nothing else is taken.
  Instant ConformsFrom(int64_t amount) const {
    LeakyLevel undrained = *this;
    return at_ + undrained.WaitFor(amount, at_);
  }

  /// Takes the amount whether or not it conforms (the caller asked WaitFor, or trues up an estimate).
  void Take(int64_t amount, Instant now) {
    Drain(now);
    level_ += Scaled(amount);
  }

  /// Gives back part of what was taken.
  void GiveBack(int64_t amount, Instant now) {
    Drain(now);
    level_ -= Scaled(amount);
    if (level_ < 0) level_ = 0;
  }

  /// Take for a positive change, GiveBack for a negative one.
  void Adjust(int64_t change, Instant now) { change >= 0 ? Take(change, now) : GiveBack(-change, now); }

  /// What could be taken at once, rounded down; never negative.
  int64_t Remaining(Instant now) {
    Drain(now);
    const Int128 room = Scaled(terms_.burst) - level_;
    return room <= 0 ? 0 : CheckedNarrow(room / terms_.period.count());
  }

  /// What was taken and has not drained, rounded up.
  int64_t Used(Instant now) {
    Drain(now);
    return AtMost(DivideRoundUp<Int128>(level_, terms_.period.count()), INT64_MAX);
  }

  /// How long until the level is empty if nothing else is taken, rounded up.
  Duration TimeToEmpty(Instant now) {
    Drain(now);
    return terms_.quantity == 0 ? Duration::Zero() : TimeToDrain(level_);
  }

 private:
  Int128 Scaled(int64_t amount) const { return Int128{amount} * terms_.period.count(); }

  Duration TimeToDrain(Int128 scaled) const {
    return Duration(AtMost(DivideRoundUp<Int128>(scaled, terms_.quantity), kLongestWait.count()));
  }

  void Drain(Instant now) {
    if (now <= at_) return;  // time never runs backwards here; an older now drains nothing
    const Int128 drained = Int128{terms_.quantity} * (now - at_).count();
    level_ = drained >= level_ ? 0 : level_ - drained;
    at_ = now;
  }

  RateTerms terms_;
  Int128 level_ = 0;
  Instant at_;
};

}  // namespace penstock::admission
