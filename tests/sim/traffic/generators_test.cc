#include "sim/traffic/generators.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "sim/traffic/gap_law.h"
#include "sim/traffic/length_law.h"

namespace penstock::sim {
namespace {

constexpr uint64_t kSeed = 5;

Sender For(Duration length) {
  return {.tenant = 3, .length = length, .sizes = AlwaysSize(Tokens(100), Tokens(10)), .terms = {}};
}

std::vector<Arrival> All(std::unique_ptr<ArrivalSource> source) {
  std::vector<Arrival> arrivals;
  while (auto arrival = source->Next()) arrivals.push_back(*std::move(arrival));
  return arrivals;
}

struct Gaps {
  double rate = 0;       // per second
  double variation = 0;  // coefficient of
};

Gaps GapsOf(const std::vector<Arrival>& arrivals) {
  const auto count = static_cast<double>(arrivals.size() - 1);
  double sum = 0;
  double squares = 0;
  for (size_t i = 1; i < arrivals.size(); ++i) {
    const double gap = static_cast<double>((arrivals[i].at - arrivals[i - 1].at).count()) / 1e9;
    sum += gap;
    squares += gap * gap;
  }
  const double mean = sum / count;
  return {1 / mean, std::sqrt(squares / count - mean * mean) / mean};
}

TEST(Generators, PoissonHasItsRateAndAVariationOfOne) {
  const auto arrivals = All(ArrivalsOf(PoissonProcess{10}, For(Seconds(10'000)), Streams(kSeed)));
  EXPECT_NEAR(static_cast<double>(arrivals.size()), 100'000, 4 * 316) << "seed " << kSeed;
  EXPECT_NEAR(GapsOf(arrivals).variation, 1, 0.02) << "seed " << kSeed;
  EXPECT_LT(arrivals.back().at, Seconds(10'000));
  EXPECT_EQ(arrivals.back().tenant, 3u);
}

TEST(Generators, GammaHasItsRateAndItsVariation) {
  for (const double shape : {0.25, 1.0, 4.0}) {
    const auto arrivals = All(ArrivalsOf(GammaProcess{10, shape}, For(Seconds(10'000)), Streams(kSeed)));
    const double variation = 1 / std::sqrt(shape);
    EXPECT_NEAR(GapsOf(arrivals).rate, 10, 4 * 10 * variation / 316) << "shape " << shape << ", seed " << kSeed;
    EXPECT_NEAR(GapsOf(arrivals).variation, variation, 0.05 * variation) << "shape " << shape << ", seed " << kSeed;
  }
}

TEST(Generators, WeibullHasItsRateAndItsVariation) {
  for (const double shape : {0.5, 2.0}) {
    const auto arrivals = All(ArrivalsOf(WeibullProcess{10, shape}, For(Seconds(10'000)), Streams(kSeed)));
    const double mean = std::tgamma(1 + 1 / shape);
    const double variation = std::sqrt(std::tgamma(1 + 2 / shape) / (mean * mean) - 1);
    EXPECT_NEAR(GapsOf(arrivals).rate, 10, 4 * 10 * variation / 316) << "shape " << shape << ", seed " << kSeed;
    EXPECT_NEAR(GapsOf(arrivals).variation, variation, 0.1 * variation) << "shape " << shape << ", seed " << kSeed;
  }
}

TEST(GapLaw, AShortStretchHasItsRateHoweverBursty) {
  // Begun with a request, a process of variation 4 would have 7.5 requests too many in each stretch of 10.
  for (const GapFamily family : {GapFamily::kGamma, GapFamily::kWeibull}) {
    const GapLaw law(family, family == GapFamily::kGamma ? 1.0 / 16 : 0.4, 1);
    Random random(kSeed);
    constexpr int kStretches = 40'000;
    double count = 0;
    double squares = 0;
    for (int i = 0; i < kStretches; ++i) {
      double in_stretch = 0;
      for (double at = law.First(random); at < 10; at += law.Next(random)) ++in_stretch;
      count += in_stretch;
      squares += in_stretch * in_stretch;
    }
    const double mean = count / kStretches;
    const double error = std::sqrt((squares / kStretches - mean * mean) / kStretches);
    EXPECT_NEAR(mean, 10, 4 * error) << "seed " << kSeed;
    EXPECT_LT(error, 0.2);
  }
}

TEST(Generators, ADayHasItsRhythm) {
  const DiurnalProcess process{.requests_per_second = 2, .swing = 0.8, .peak = Hours(15), .weekend = 0.5};
  EXPECT_NEAR(RateAt(process, Hours(15)), 3.6, 1e-9);
  EXPECT_NEAR(RateAt(process, Days(2) + Hours(3)), 0.4, 1e-9);
  EXPECT_NEAR(RateAt(process, Days(5) + Hours(15)), 1.8, 1e-9);

  std::vector<double> by_hour(7 * 24);
  for (const Arrival& a : All(ArrivalsOf(process, For(Days(7)), Streams(kSeed)))) {
    ++by_hour[static_cast<size_t>(a.at.count() / Hours(1).count())];
  }
  for (size_t hour = 0; hour < by_hour.size(); ++hour) {
    const double expected = 3'600 * RateAt(process, Hours(static_cast<int64_t>(hour)) + Minutes(30));
    EXPECT_NEAR(by_hour[hour], expected, 4.5 * std::sqrt(expected) + 0.01 * expected)
        << "hour " << hour << ", seed " << kSeed;
  }
}

TEST(Generators, SizesFollowTheirLaws) {
  Random random(kSeed);
  const SizeLaw law =
      SizesOf(LognormalSizes{.mean_prompt = 1'000, .sigma_prompt = 0.8, .mean_generated = 200, .sigma_generated = 0.5});
  double prompts = 0;
  double generated = 0;
  for (int i = 0; i < 50'000; ++i) {
    const RequestSize size = law(random);
    prompts += static_cast<double>(size.prompt.count());
    generated += static_cast<double>(size.generated.count());
  }
  EXPECT_NEAR(prompts / 50'000, 1'000, 20) << "seed " << kSeed;
  EXPECT_NEAR(generated / 50'000, 200, 3) << "seed " << kSeed;
}

TEST(LengthLaw, KeepsEveryQuantileAndTheMean) {
  const QuantileTable table{206.5, {9, 163, 163, 163, 163, 167, 173, 177, 182, 189, 205, 249, 362, 473, 1'942, 1'942}};
  const LengthLaw law(table);
  EXPECT_NEAR(law.mean(), 206.5, 0.01);
  Random random(kSeed);
  constexpr int kDraws = 200'000;
  double sum = 0;
  std::vector<double> at_most(kQuantiles.size());
  for (int i = 0; i < kDraws; ++i) {
    const double length = law.Draw(random);
    sum += length;
    for (size_t q = 0; q < kQuantiles.size(); ++q) at_most[q] += length <= table.values[q] ? 1 : 0;
  }
  EXPECT_NEAR(sum / kDraws, 206.5, 1.5) << "seed " << kSeed;
  for (size_t q = 5; q <= 13; ++q) {  // below, many lengths are the same
    EXPECT_NEAR(at_most[q] / kDraws, kQuantiles[q], 0.005) << "seed " << kSeed;
  }
}

TEST(LengthLaw, OfAConstantIsTheConstant) {
  QuantileTable table{.mean = 372};
  table.values.fill(372);
  Random random(kSeed);
  EXPECT_EQ(LengthLaw(table).Draw(random), 372);
}

}  // namespace
}  // namespace penstock::sim
