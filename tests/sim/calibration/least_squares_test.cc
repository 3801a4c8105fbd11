#include "sim/calibration/least_squares.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sim/calibration/downhill_simplex.h"
#include "sim/random.h"

namespace penstock::sim {
namespace {

/// Observations of a linear truth, each off by up to `noise`.
std::vector<Observation> Observed(const Coefficients& truth, double noise, uint64_t seed) {
  Random random(seed);
  std::vector<Observation> observations(200);
  for (Observation& o : observations) {
    for (size_t i = 0; i < kLawTerms; ++i) {
      o.terms[i] = static_cast<double>(1 + random.Below(1'000));
      o.value += o.terms[i] * truth[i];
    }
    o.value += noise * static_cast<double>(random.Below(2'001) - 1'000) / 1'000;
  }
  return observations;
}

TEST(NonNegativeLeastSquares, FindsATruthWithoutNoiseExactly) {
  const Coefficients truth = {9.26, 0.0608, 0.0253, 0.0288};
  const auto solution = NonNegativeLeastSquares(Observed(truth, 0, 1));
  ASSERT_TRUE(solution.ok()) << solution.status();
  for (size_t i = 0; i < kLawTerms; ++i) {
    EXPECT_NEAR(solution->coefficients[i], truth[i], 1e-9);
    EXPECT_NEAR(solution->standard_errors[i], 0, 1e-9);
  }
}

TEST(NonNegativeLeastSquares, StandardErrorsCoverTheTruthAsOftenAsTheyShould) {
  const Coefficients truth = {5, 2, 1, 3};
  int covered = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const auto solution = NonNegativeLeastSquares(Observed(truth, 500, seed));
    ASSERT_TRUE(solution.ok()) << solution.status();
    for (size_t i = 0; i < kLawTerms; ++i) {
      covered += std::abs(solution->coefficients[i] - truth[i]) < 2 * solution->standard_errors[i] ? 1 : 0;
    }
  }
  EXPECT_NEAR(covered, 0.954 * 800, 24);
}

TEST(NonNegativeLeastSquares, ACoefficientThatWouldBeNegativeIsNought) {
  const auto solution = NonNegativeLeastSquares(Observed({5, -1, 1, 3}, 0, 7));
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->coefficients[1], 0);
  EXPECT_EQ(solution->standard_errors[1], 0);
  for (const double coefficient : solution->coefficients) EXPECT_GE(coefficient, 0);
}

TEST(NonNegativeLeastSquares, ATermThatNeverOccursGetsNothing) {
  std::vector<Observation> observations = Observed({5, 0, 1, 3}, 0, 7);
  for (Observation& o : observations) o.terms[1] = 0;
  const auto solution = NonNegativeLeastSquares(observations);
  ASSERT_TRUE(solution.ok()) << solution.status();
  EXPECT_EQ(solution->coefficients[1], 0);
  EXPECT_NEAR(solution->coefficients[3], 3, 1e-9);
}

TEST(NonNegativeLeastSquares, TooFewObservationsAreAnError) {
  EXPECT_EQ(NonNegativeLeastSquares(std::vector<Observation>(3)).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(NonNegativeLeastSquares(std::vector<Observation>(9)).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(WalkDownhill, FindsTheBottomOfABowlAndStaysAboveNought) {
  const auto bowl = [](const Coefficients& at) {
    const Coefficients bottom = {3, 0.5, -1, 20};
    double sum = 0;
    for (size_t i = 0; i < kLawTerms; ++i) sum += (at[i] - bottom[i]) * (at[i] - bottom[i]);
    return sum;
  };
  const Lowest lowest = WalkDownhill(bowl, {1, 1, 1, 1}, 4, 200);
  EXPECT_NEAR(lowest.at[0], 3, 1e-3);
  EXPECT_NEAR(lowest.at[1], 0.5, 1e-3);
  EXPECT_NEAR(lowest.at[2], 0, 1e-3);
  EXPECT_NEAR(lowest.at[3], 20, 1e-3);
  EXPECT_GE(lowest.at[2], 0);
}

}  // namespace
}  // namespace penstock::sim
