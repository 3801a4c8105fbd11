// Randomness for property tests: a seed that is printed with every failure, and draws that are the same everywhere.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

#include "admission/vocabulary/check.h"

namespace penstock::ledger {

/// PENSTOCK_SEED from the environment, else a fresh one.
inline uint64_t SeedOfThisRun() {
  const char* given = std::getenv("PENSTOCK_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

/// What to put into SCOPED_TRACE.
inline std::string SeedText(uint64_t seed) { return "PENSTOCK_SEED=" + std::to_string(seed); }

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  /// Uniform enough, both ends included.
  int64_t Between(int64_t low, int64_t high) {
    PENSTOCK_CHECK(low <= high);
    return low + static_cast<int64_t>(engine_() % (static_cast<uint64_t>(high - low) + 1));
  }
  bool OneIn(int64_t n) { return Between(1, n) == 1; }
  size_t Index(size_t size) { return static_cast<size_t>(Between(0, static_cast<int64_t>(size) - 1)); }
  uint64_t Bits() { return engine_(); }

  std::string Bytes(size_t length) {
    std::string bytes;
    while (bytes.size() < length) bytes += static_cast<char>(Between(-128, 127));
    return bytes;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace penstock::ledger
