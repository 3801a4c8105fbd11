// Least squares with four coefficients that must not be negative: c0, d, k and a of an iteration-time law.
#pragma once

#include <array>
#include <span>

#include "absl/status/statusor.h"

namespace penstock::sim {

constexpr size_t kLawTerms = 4;
using Coefficients = std::array<double, kLawTerms>;

/// sum of term x coefficient should be `value`; the squared difference counts `weight` times.
struct Observation {
  Coefficients terms = {};
  double value = 0;
  double weight = 1;
};

struct LeastSquares {
  Coefficients coefficients = {};     // none negative
  Coefficients standard_errors = {};  // as if errors were independent; 0 for a coefficient at its bound of 0
};

/// The best of all sixteen choices of coefficients that are not 0: exact, and the same everywhere. InvalidArgument with
/// fewer than four observations, or when no choice has a solution.
absl::StatusOr<LeastSquares> NonNegativeLeastSquares(std::span<const Observation> observations);

}  // namespace penstock::sim
