// A small deterministic generator: the same seed gives the same numbers with every compiler and standard library.
#pragma once

#include <cstdint>

#include "admission/vocabulary/checked.h"

namespace penstock::sim {

/// A good hash of one 64-bit number (the finaliser of SplitMix64): a bijection.
constexpr uint64_t Scramble(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit constexpr Random(uint64_t seed) : state_(seed) {}

  constexpr uint64_t Next() { return Scramble(state_ += 0x9e3779b97f4a7c15u); }

  /// Between 0 and bound - 1; the bias (bound / 2^64) does not matter here. The bound must be positive.
  constexpr int64_t Below(int64_t bound) {
    PENSTOCK_CHECK(bound > 0);
    return static_cast<int64_t>((Int128{static_cast<int64_t>(Next() >> 1)} * bound) >> 63);
  }

 private:
  uint64_t state_;
};

/// What a random number is for. Every purpose of every tenant has a stream of its own, so that a change of the tariff,
/// which makes a tenant draw more or fewer numbers for one purpose, shifts nobody else's draws and none of its own others.
enum class Purpose : uint8_t {
  kArrivals,   // when requests come
  kLengths,    // how large they are
  kVolume,     // which requests a price keeps away, or brings in addition
  kPlan,       // what it chooses
  kTaste,      // what it is like: how much it values speed, how patient it is
  kShift,      // what it defers
  kChurn,      // whether it stays
  kRetry,      // how late it comes back
  kService,    // service times of queueing models
};

/// The streams of one replication.
class Streams {
 public:
  explicit constexpr Streams(uint64_t seed) : seed_(seed) {}
  constexpr Random Of(uint64_t tenant, Purpose purpose) const {
    return Random(Scramble(Scramble(Scramble(seed_) + tenant + 1) + static_cast<uint64_t>(purpose) + 1));
  }
  constexpr uint64_t seed() const { return seed_; }

 private:
  uint64_t seed_;
};

}  // namespace penstock::sim
