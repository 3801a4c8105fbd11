#include "sim/search/symmetric_eigen.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/distributions.h"

namespace penstock::sim {
namespace {

Matrix RandomSymmetric(size_t n, Random& random) {
  Matrix matrix(n);
  for (size_t row = 0; row < n; ++row) {
    for (size_t column = 0; column <= row; ++column) {
      matrix(row, column) = Normal(random) * std::pow(10, static_cast<double>(random.Below(5)) - 2);
      matrix(column, row) = matrix(row, column);
    }
  }
  return matrix;
}

double Largest(const Matrix& matrix) {
  double largest = 0;
  for (const double value : matrix.values) largest = std::max(largest, std::fabs(value));
  return largest;
}

TEST(SymmetricEigen, VectorsAreStretchedByTheirValuesAndStandAtRightAngles) {
  Random random(42);
  for (size_t n = 1; n <= 12; ++n) {
    const Matrix matrix = RandomSymmetric(n, random);
    const Eigen eigen = SymmetricEigen(matrix);
    for (size_t i = 0; i < n; ++i) {
      std::vector<double> vector(n);
      for (size_t row = 0; row < n; ++row) vector[row] = eigen.vectors(row, i);
      const std::vector<double> stretched = matrix.Times(vector);
      for (size_t row = 0; row < n; ++row) {
        EXPECT_NEAR(stretched[row], eigen.values[i] * vector[row], 1e-12 * Largest(matrix)) << n;
      }
      const std::vector<double> products = eigen.vectors.TransposedTimes(vector);
      for (size_t j = 0; j < n; ++j) EXPECT_NEAR(products[j], i == j ? 1 : 0, 1e-13);
    }
  }
}

TEST(SymmetricEigen, OfADiagonalMatrixIsThatMatrix) {
  Matrix matrix(3);
  matrix(0, 0) = 5;
  matrix(1, 1) = -2;
  EXPECT_EQ(SymmetricEigen(matrix).values, (std::vector<double>{5, -2, 0}));
  EXPECT_EQ(SymmetricEigen(matrix).vectors.values, Matrix::Identity(3).values);
}

}  // namespace
}  // namespace penstock::sim
