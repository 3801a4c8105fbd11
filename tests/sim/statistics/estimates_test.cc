// Intervals against tables, and their coverage against what they promise.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "sim/distributions.h"
#include "sim/random.h"
#include "sim/statistics/batch_means.h"
#include "sim/statistics/incomplete_beta.h"
#include "sim/statistics/mean_interval.h"
#include "sim/statistics/moments.h"
#include "sim/statistics/quantile_interval.h"
#include "sim/statistics/rank_correlation.h"
#include "sim/statistics/student_t.h"

namespace penstock::sim {
namespace {

using testing::AllOf;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::Ge;
using testing::Le;

// Abramowitz and Stegun, table 26.10, and NIST's table of critical values.
TEST(StudentT, QuantilesAreThoseOfTheTables) {
  EXPECT_NEAR(StudentTQuantile(0.95, 1), 12.706, 5e-4);
  EXPECT_NEAR(StudentTQuantile(0.95, 2), 4.303, 5e-4);
  EXPECT_NEAR(StudentTQuantile(0.99, 5), 4.032, 5e-4);
  EXPECT_NEAR(StudentTQuantile(0.90, 10), 1.812, 5e-4);
  EXPECT_NEAR(StudentTQuantile(0.95, 29), 2.045, 5e-4);
  EXPECT_NEAR(StudentTQuantile(0.998, 30), 3.385, 5e-4);
  EXPECT_NEAR(StudentTQuantile(0.999, 120), 3.373, 5e-4);
}

TEST(StudentT, OneTwoAndInfinitelyManyDegreesHaveClosedForms) {
  for (const double confidence : {0.01, 0.5, 0.9, 0.99, 0.9998, 1 - 1e-9}) {
    SCOPED_TRACE(confidence);
    const double cauchy = 1 / std::tan(std::acos(-1.0) * (1 - confidence) / 2);
    EXPECT_NEAR(StudentTQuantile(confidence, 1) / cauchy, 1, 1e-8);
    const double two = confidence * std::sqrt(2 / (1 - confidence * confidence));
    EXPECT_NEAR(StudentTQuantile(confidence, 2) / two, 1, 1e-8);
  }
  EXPECT_NEAR(StudentTQuantile(0.95, 1e7), 1.959963985, 1e-6);
}

TEST(StudentT, TailIsTheInverseOfTheQuantileForAnyDegrees) {
  for (const double df : {1.0, 1.5, 7.0, 63.0, 1'000.0, 1e6}) {
    for (const double confidence : {0.1, 0.95, 0.99983}) {
      EXPECT_NEAR(StudentTTail(StudentTQuantile(confidence, df), df) / ((1 - confidence) / 2), 1, 1e-8) << df;
      EXPECT_NEAR(StudentTTail(-1.5, df) + StudentTTail(1.5, df), 1, 1e-12);
    }
  }
}

TEST(Binomial, SumsItsTerms) {
  double sum = 0;
  double term = std::pow(0.7, 20);
  for (int k = 0; k <= 20; ++k) {
    sum += term;
    EXPECT_NEAR(BinomialAtMost(k, 20, 0.3), sum, 1e-13) << k;
    term *= 0.3 / 0.7 * (20 - k) / (k + 1);
  }
  EXPECT_EQ(BinomialAtMost(-1, 20, 0.3), 0);
  EXPECT_NEAR(BinomialAtMost(499'999, 1'000'000, 0.5), 0.5 - 0.00039894, 1e-7);
}

TEST(Moments, AreThoseOfTheTextbookSums) {
  Moments moments;
  WeightedMoments weighted;
  for (const double x : {2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) moments.Add(1e9 + x);
  EXPECT_DOUBLE_EQ(moments.mean(), 1e9 + 5);
  EXPECT_NEAR(moments.Variance(), 32.0 / 7, 1e-6) << "far from zero as well";
  for (const auto& [x, weight] : {std::pair{2.0, 1.0}, {4.0, 3.0}, {5.0, 2.0}, {7.0, 1.0}, {9.0, 1.0}, {100.0, 0.0}}) {
    weighted.Add(x, weight);
  }
  EXPECT_DOUBLE_EQ(weighted.mean(), 5);
  EXPECT_DOUBLE_EQ(weighted.Variance(), 4);
}

TEST(MeanEstimate, IsStudentsInterval) {
  const std::vector<double> observations = {9.8, 10.2, 10.4, 9.8, 10.0, 10.2, 9.6};
  const Estimate estimate = MeanEstimate(observations, 0.95);
  EXPECT_NEAR(estimate.mean, 10.0, 1e-12);
  EXPECT_NEAR(estimate.half_width, 2.4469 * 0.28284 / std::sqrt(7), 1e-4);
  EXPECT_EQ(estimate.count, 7u);
  EXPECT_TRUE(estimate.Covers(10.2));
  EXPECT_FALSE(estimate.Covers(10.3));
}

TEST(MeanEstimate, OfOneObservationIsAnything) {
  EXPECT_EQ(MeanEstimate(std::vector{3.0}, 0.95).half_width, std::numeric_limits<double>::infinity());
}

TEST(PairedDifference, SeesThroughWhatMovesBoth) {
  std::vector<double> a;
  std::vector<double> b;
  Random random(5);
  for (int i = 0; i < 30; ++i) {
    const double shared = 100 * Normal(random);
    a.push_back(shared + 1 + 0.1 * Normal(random));
    b.push_back(shared);
  }
  const Estimate difference = PairedDifference(a, b, 0.99);
  EXPECT_NEAR(difference.mean, 1, 0.1);
  EXPECT_LT(difference.half_width, 0.1);
  EXPECT_GT(MeanEstimate(a, 0.99).half_width, 10);
}

TEST(RankCorrelation, LooksAtOrderAlone) {
  const std::vector<double> x = {1, 2, 3, 4, 5};
  EXPECT_DOUBLE_EQ(RankCorrelation(x, std::vector<double>{1, 10, 100, 1'000, 10'000}), 1);
  EXPECT_DOUBLE_EQ(RankCorrelation(x, std::vector<double>{9, 7, 5, 3, 1}), -1);
  // Without ties: 1 - 6 sum d^2 / (n (n^2 - 1)).
  EXPECT_DOUBLE_EQ(RankCorrelation(x, std::vector<double>{2, 1, 4, 3, 5}), 1 - 6.0 * 4 / 120);
  EXPECT_EQ(RankCorrelation(x, std::vector<double>(5, 1)), 0);
  EXPECT_THAT(Ranks(std::vector<double>{30, 10, 20, 20}), ElementsAre(4, 1, 2.5, 2.5));
}

TEST(QuantileInterval, TakesTheRanksOfTheTables) {
  std::vector<double> observations;
  for (int i = 100; i >= 1; --i) observations.push_back(i);
  const QuantileEstimate median = QuantileInterval(observations, 0.5, 0.95);  // Conover: ranks 40 and 61
  EXPECT_EQ(median.value, 50);
  EXPECT_EQ(median.low, 40);
  EXPECT_EQ(median.high, 61);
}

TEST(QuantileInterval, IsOpenWhereThereAreTooFew) {
  const std::vector<double> few = {3, 1, 2};
  EXPECT_EQ(QuantileInterval(few, 0.99, 0.95).high, std::numeric_limits<double>::infinity());
  EXPECT_EQ(QuantileInterval(few, 0.01, 0.95).low, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(QuantileInterval({}, 0.5, 0.95).count, 0u);
}

// ---- Coverage: of 1,000 intervals at 95 % so many hold the truth. The seed is fixed: the numbers are the same always.

int Covered(const std::function<bool(Random&)>& covers) {
  Random random(2'026);
  int covered = 0;
  for (int trial = 0; trial < 1'000; ++trial) covered += covers(random) ? 1 : 0;
  return covered;
}

std::vector<double> Sample(Random& random, int size, double (*draw)(Random&)) {
  std::vector<double> sample;
  for (int i = 0; i < size; ++i) sample.push_back(draw(random));
  return sample;
}

TEST(Coverage, OfMeansOfNormalObservations) {
  const int covered = Covered([](Random& random) { return MeanEstimate(Sample(random, 5, Normal), 0.95).Covers(0); });
  EXPECT_THAT(covered, AllOf(Ge(930), Le(970)));
}

TEST(Coverage, OfMeansOfExponentialObservations) {
  const int covered =
      Covered([](Random& random) { return MeanEstimate(Sample(random, 60, Exponential), 0.95).Covers(1); });
  EXPECT_THAT(covered, AllOf(Ge(930), Le(970)));
}

TEST(Coverage, OfQuantilesOfExponentialObservations) {
  for (const double p : {0.1, 0.5, 0.9}) {
    const int covered = Covered([p](Random& random) {
      const QuantileEstimate found = QuantileInterval(Sample(random, 300, Exponential), p, 0.95);
      const double truth = -std::log1p(-p);
      return found.low <= truth && truth <= found.high;
    });
    EXPECT_THAT(covered, AllOf(Ge(935), Le(980))) << p;
  }
}

/// x' = 0.8 x + noise: mean 0; what one observation is, its neighbours nearly are.
std::vector<double> Autoregressive(Random& random, int size, double start) {
  std::vector<double> run;
  for (double x = start; std::ssize(run) < size; x = 0.8 * x + Normal(random)) run.push_back(x);
  return run;
}

TEST(Coverage, OfBatchMeansOfADependentRun) {
  const int covered = Covered([](Random& random) {
    return MeanOfLongRun(Autoregressive(random, 3'200, Normal(random) / 0.6), 0.95).estimate.Covers(0);
  });
  EXPECT_THAT(covered, AllOf(Ge(930), Le(970)));
}

TEST(BatchMeans, SayWhenBatchesAreTooShort) {
  int long_run_independent = 0;
  int short_run_independent = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Random random(seed);
    const std::vector<double> run = Autoregressive(random, 6'400, 0);
    long_run_independent += MeanOfLongRun(run, 0.95).independent ? 1 : 0;
    short_run_independent += MeanOfLongRun(std::span(run).first(96), 0.95).independent ? 1 : 0;
  }
  EXPECT_GE(long_run_independent, 85);
  EXPECT_LE(short_run_independent, 40);
}

TEST(BatchMeans, DropTheFirstFewThatDoNotFillABatch) {
  std::vector<double> run(70, 1.0);
  for (size_t i = 0; i < 6; ++i) run[i] = 1'000;
  const BatchMeans found = MeanOfLongRun(run, 0.95);
  EXPECT_EQ(found.batch_length, 2u);
  EXPECT_EQ(found.estimate.mean, 1);
  EXPECT_EQ(found.estimate.count, 32u);
  EXPECT_EQ(MeanOfLongRun(std::span(run).first(31), 0.95).estimate.half_width, std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace penstock::sim
