#include "sim/calibration/least_squares.h"

#include <cmath>
#include <optional>

#include "absl/status/status.h"

namespace penstock::sim {
namespace {

constexpr double kSingular = 1e-12;  // of a pivot, columns being scaled to 1

using Matrix = std::array<Coefficients, kLawTerms>;

/// X'WX and X'Wy with every column of X scaled to length 1.
struct NormalEquations {
  Matrix products = {};
  Coefficients right = {};
  Coefficients scale = {};  // length of each column; 0: the term never occurs
};

NormalEquations Build(std::span<const Observation> observations) {
  NormalEquations e;
  for (const Observation& o : observations) {
    for (size_t i = 0; i < kLawTerms; ++i) e.scale[i] += o.weight * o.terms[i] * o.terms[i];
  }
  for (double& scale : e.scale) scale = std::sqrt(scale);
  for (const Observation& o : observations) {
    for (size_t i = 0; i < kLawTerms; ++i) {
      if (e.scale[i] <= 0) continue;
      const double term = o.weight * o.terms[i] / e.scale[i];
      e.right[i] += term * o.value;
      for (size_t j = 0; j < kLawTerms; ++j) {
        if (e.scale[j] > 0) e.products[i][j] += term * o.terms[j] / e.scale[j];
      }
    }
  }
  return e;
}

bool Chosen(unsigned choice, size_t term) { return (choice >> term & 1u) != 0; }

/// The inverse of the chosen rows and columns, zero elsewhere (Gauss-Jordan; positive definite, so without pivoting).
std::optional<Matrix> Inverse(Matrix a, unsigned choice) {
  Matrix inverse = {};
  for (size_t i = 0; i < kLawTerms; ++i) {
    if (Chosen(choice, i)) inverse[i][i] = 1;
  }
  for (size_t pivot = 0; pivot < kLawTerms; ++pivot) {
    if (!Chosen(choice, pivot)) continue;
    const double divisor = a[pivot][pivot];
    if (divisor < kSingular) return std::nullopt;
    for (size_t j = 0; j < kLawTerms; ++j) {
      a[pivot][j] /= divisor;
      inverse[pivot][j] /= divisor;
    }
    for (size_t i = 0; i < kLawTerms; ++i) {
      if (i == pivot || !Chosen(choice, i)) continue;
      const double factor = a[i][pivot];
      for (size_t j = 0; j < kLawTerms; ++j) {
        a[i][j] -= factor * a[pivot][j];
        inverse[i][j] -= factor * inverse[pivot][j];
      }
    }
  }
  return inverse;
}

double Unexplained(std::span<const Observation> observations, const Coefficients& coefficients) {
  double sum = 0;
  for (const Observation& o : observations) {
    double error = o.value;
    for (size_t i = 0; i < kLawTerms; ++i) error -= o.terms[i] * coefficients[i];
    sum += o.weight * error * error;
  }
  return sum;
}

/// Nothing when the choice has no solution, or one with a negative coefficient.
std::optional<LeastSquares> SolveFor(const NormalEquations& equations, unsigned choice, size_t observations,
                                     std::span<const Observation> all, double* unexplained) {
  const auto inverse = Inverse(equations.products, choice);
  if (!inverse) return std::nullopt;
  LeastSquares result;
  size_t chosen = 0;
  for (size_t i = 0; i < kLawTerms; ++i) {
    if (!Chosen(choice, i)) continue;
    ++chosen;
    for (size_t j = 0; j < kLawTerms; ++j) result.coefficients[i] += (*inverse)[i][j] * equations.right[j];
    result.coefficients[i] /= equations.scale[i];
    if (result.coefficients[i] < 0) return std::nullopt;
  }
  *unexplained = Unexplained(all, result.coefficients);
  if (observations <= chosen) return result;
  const double variance = *unexplained / static_cast<double>(observations - chosen);
  for (size_t i = 0; i < kLawTerms; ++i) {
    if (Chosen(choice, i)) result.standard_errors[i] = std::sqrt(variance * (*inverse)[i][i]) / equations.scale[i];
  }
  return result;
}

}  // namespace

absl::StatusOr<LeastSquares> NonNegativeLeastSquares(std::span<const Observation> observations) {
  if (observations.size() < kLawTerms) {
    return absl::InvalidArgumentError("four coefficients need at least four observations; give more rows");
  }
  const NormalEquations equations = Build(observations);
  std::optional<LeastSquares> best;
  double least = 0;
  for (unsigned choice = 1; choice < (1u << kLawTerms); ++choice) {
    double unexplained = 0;
    const auto solution = SolveFor(equations, choice, observations.size(), observations, &unexplained);
    if (!solution || (best && unexplained >= least)) continue;
    best = solution;
    least = unexplained;
  }
  if (!best)
    return absl::InvalidArgumentError("the observations are all alike; give rows of different sizes and loads");
  return *best;
}

}  // namespace penstock::sim
