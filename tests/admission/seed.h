// Seeds of random tests: a few fixed ones and a fresh one; PENSTOCK_SEED=n runs just that one.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

namespace penstock {

inline std::vector<uint64_t> TestSeeds(uint64_t fixed) {
  if (const char* wanted = std::getenv("PENSTOCK_SEED")) return {std::strtoull(wanted, nullptr, 10)};
  std::vector<uint64_t> seeds;
  for (uint64_t seed = 1; seed <= fixed; ++seed) seeds.push_back(seed);
  seeds.push_back(std::random_device{}());
  return seeds;
}

/// The same numbers from the same seed with every standard library.
class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  /// Uniform enough, from low to high, both included.
  int64_t Roll(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }
  bool OneIn(int64_t n) { return Roll(1, n) == 1; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace penstock
