#include "broker/market/expected_excess.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>

namespace penstock::market {
namespace {

constexpr int64_t kSd = 1'000'000'000;

double Tail(double z) { return std::erfc(z / std::sqrt(2.0)) / 2; }
double Loss(double z) { return std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.0)) - z * Tail(z); }

TEST(ExpectedExcess, TheTablesAreTheNormalLossAndTail) {
  for (int k = -8 * 64; k <= 8 * 64; ++k) {
    const double z = k / 64.0;
    EXPECT_NEAR(static_cast<double>(ExpectedExcess(0, kSd, k * (kSd / 64))), Loss(z) * kSd, 1.1) << "z = " << z;
    EXPECT_NEAR(static_cast<double>(ChanceAbove(0, kSd, k * (kSd / 64))), Tail(z) * 1e6, 1.1) << "z = " << z;
  }
}

TEST(ExpectedExcess, BetweenTheStepsItIsAsNearAsTheHeaderSays) {
  double furthest = 0;
  double furthest_chance = 0;
  for (int64_t x = -9 * kSd; x <= 9 * kSd; x += 1'234'577) {
    const double z = static_cast<double>(x) / kSd;
    const double above = static_cast<double>(ExpectedExcess(0, kSd, x)) / kSd - Loss(z);
    ASSERT_GT(above, -3e-9) << "z = " << z;
    furthest = std::max(furthest, above);
    furthest_chance = std::max(furthest_chance, std::abs(static_cast<double>(ChanceAbove(0, kSd, x)) / 1e6 - Tail(z)));
  }
  EXPECT_LT(furthest, 13e-6);
  EXPECT_LT(furthest_chance, 9e-6);
}

TEST(ExpectedExcess, FallsInXStaysAboveTheSureExcessAndIsConvexButForRounding) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const auto up_to = [&](int64_t most) { return static_cast<int64_t>(random() % static_cast<uint64_t>(most + 1)); };
  for (int round = 0; round < 20'000; ++round) {
    const int64_t mean = up_to(int64_t{1} << up_to(50));
    const int64_t sd = up_to(int64_t{1} << up_to(50));
    const int64_t x = up_to(int64_t{1} << up_to(51));
    const int64_t step = 1 + up_to(sd / 50 + 3);
    SCOPED_TRACE(testing::Message() << "mean " << mean << " sd " << sd << " x " << x << " step " << step);
    const int64_t here = ExpectedExcess(mean, sd, x);
    const int64_t next = ExpectedExcess(mean, sd, x + step);
    const int64_t after = ExpectedExcess(mean, sd, x + 2 * step);
    EXPECT_GE(here, std::max<int64_t>(0, mean - x));
    EXPECT_GE(here, next);
    EXPECT_GE(next, after);
    EXPECT_GE((here - next) - (next - after), -2 - 3 * (sd / 1'000'000'000'000)) << "tables have twelve digits";
    EXPECT_GE(ChanceAbove(mean, sd, x), ChanceAbove(mean, sd, x + step));
  }
}

TEST(ExpectedExcess, ACertainDemandExceedsByTheDifference) {
  EXPECT_EQ(ExpectedExcess(100, 0, 30), 70);
  EXPECT_EQ(ExpectedExcess(100, 0, 100), 0);
  EXPECT_EQ(ExpectedExcess(100, 0, 130), 0);
  EXPECT_EQ(ChanceAbove(100, 0, 99), kMillionths);
  EXPECT_EQ(ChanceAbove(100, 0, 100), 0);
}

TEST(ExpectedExcess, FarOutNothingOverflows) {
  constexpr int64_t kHuge = INT64_MAX / 2;
  EXPECT_EQ(ExpectedExcess(kHuge, 1, 0), kHuge);
  EXPECT_EQ(ExpectedExcess(0, 1, kHuge), 0);
  EXPECT_NEAR(static_cast<double>(ExpectedExcess(0, kHuge, 0)), 0.3989422804 * static_cast<double>(kHuge), 1e10);
  EXPECT_EQ(ChanceAbove(kHuge, kHuge, kHuge), kMillionths / 2);
}

// Littlewood: what is protected for the dear class is worth as much at the margin as a cheap sale brings.
TEST(ExpectedExcess, AtLittlewoodsProtectionTheMarginalPriceIsTheCheapFare) {
  constexpr int64_t kUnit = 1'000'000;
  constexpr int64_t kProtection = 53'800'207;  // mean 50, sd 15, fare ratio 0.4
  constexpr int64_t kDearFare = 1'000;
  EXPECT_NEAR(static_cast<double>(kDearFare * ChanceAbove(50 * kUnit, 15 * kUnit, kProtection)) / kMillionths, 400,
              0.01);
  const int64_t gained = ExpectedExcess(50 * kUnit, 15 * kUnit, kProtection - 1'000) -
                         ExpectedExcess(50 * kUnit, 15 * kUnit, kProtection + 1'000);
  EXPECT_NEAR(static_cast<double>(gained) / 2'000, 0.4, 0.003);
}

}  // namespace
}  // namespace penstock::market
