#include "sim/distributions.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "sim/random.h"

namespace penstock::sim {
namespace {

constexpr int kDraws = 200'000;

struct Moments {
  double mean = 0;
  double variance = 0;
};

Moments MomentsOf(const std::function<double(Random&)>& draw) {
  Random random(20'261'122);
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = draw(random);
    sum += x;
    squares += x * x;
  }
  const double mean = sum / kDraws;
  return {mean, squares / kDraws - mean * mean};
}

void ExpectMoments(const std::function<double(Random&)>& draw, double mean, double variance) {
  const Moments seen = MomentsOf(draw);
  EXPECT_NEAR(seen.mean, mean, 5 * std::sqrt(variance / kDraws));
  EXPECT_NEAR(seen.variance, variance, 0.05 * variance);
}

TEST(Distributions, HaveTheirMeansAndVariances) {
  ExpectMoments(Uniform, 0.5, 1.0 / 12);
  ExpectMoments(Exponential, 1, 1);
  ExpectMoments(Normal, 0, 1);
  for (const double shape : {0.3, 1.0, 4.5}) {
    ExpectMoments([=](Random& random) { return Gamma(random, shape); }, shape, shape);
  }
  ExpectMoments([](Random& random) { return Weibull(random, 2); }, std::tgamma(1.5), 1 - std::pow(std::tgamma(1.5), 2));
  ExpectMoments([](Random& random) { return LognormalMean1(random, 0.5); }, 1, std::exp(0.25) - 1);
  ExpectMoments(Gumbel, 0.577216, 1.644934);
  ExpectMoments([](Random& random) { return static_cast<double>(Poisson(random, 3.5)); }, 3.5, 3.5);
}

TEST(Streams, EachTenantAndPurposeHasItsOwn) {
  const Streams streams(7);
  Random arrivals = streams.Of(3, Purpose::kArrivals);
  Random again = streams.Of(3, Purpose::kArrivals);
  Random lengths = streams.Of(3, Purpose::kLengths);
  Random other = streams.Of(4, Purpose::kArrivals);
  const uint64_t first = arrivals.Next();
  EXPECT_EQ(first, again.Next());
  EXPECT_NE(first, lengths.Next());
  EXPECT_NE(first, other.Next());
  EXPECT_NE(first, Streams(8).Of(3, Purpose::kArrivals).Next());
}

}  // namespace
}  // namespace penstock::sim
