// The market's random life, by the million steps: tests/long/market_steps. Lives of 2,500 steps each; prints what happened.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "tests/broker/core/market_steps.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  constexpr int64_t kLife = 2'500;
  const int64_t steps = argc > 1 ? std::max<int64_t>(std::atoll(argv[1]), 1) : 10'000'000;
  const char* given = std::getenv("PENSTOCK_SEED");
  const uint64_t seed = given == nullptr ? std::random_device{}() : std::strtoull(given, nullptr, 10);
  std::printf("seed %llu, %lld steps\n", static_cast<unsigned long long>(seed), static_cast<long long>(steps));
  std::fflush(stdout);
  std::map<std::string, int64_t> counts;
  int64_t done = 0;
  for (uint64_t life = 0; done < steps; ++life, done += kLife) {
    penstock::core::MarketSteps one(seed + life);
    one.Run(std::min(kLife, steps - done));
    for (const auto& [what, count] : one.counts()) counts[what] += count;
    if (testing::Test::HasFailure()) {
      std::printf("FOUND in life %llu: PENSTOCK_SEED=%llu market_steps %lld\n", static_cast<unsigned long long>(life),
                  static_cast<unsigned long long>(seed + life), static_cast<long long>(kLife));
      return 1;
    }
    if (life % 400 == 399) {
      std::printf("%lld steps\n", static_cast<long long>(done + kLife));
      std::fflush(stdout);
    }
  }
  for (const auto& [what, count] : counts) std::printf("%12lld  %s\n", static_cast<long long>(count), what.c_str());
  std::printf("%lld steps, nothing sold that was not there\n", static_cast<long long>(done));
  return 0;
}
