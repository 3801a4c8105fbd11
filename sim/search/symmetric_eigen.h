// Eigenvalues and eigenvectors of a small symmetric matrix, by Jacobi's rotations: the same bytes everywhere.
#pragma once

#include <cstddef>
#include <vector>

namespace penstock::sim {

/// Square, by rows.
struct Matrix {
  explicit Matrix(size_t order = 0) : size(order), values(order * order, 0.0) {}
  static Matrix Identity(size_t order);

  double& operator()(size_t row, size_t column) { return values[row * size + column]; }
  double operator()(size_t row, size_t column) const { return values[row * size + column]; }
  std::vector<double> Times(const std::vector<double>& vector) const;
  std::vector<double> TransposedTimes(const std::vector<double>& vector) const;

  size_t size;
  std::vector<double> values;
};

struct Eigen {
  std::vector<double> values;  // in no order
  Matrix vectors;              // column i belongs to value i; orthonormal
};

/// Of a symmetric matrix of finite numbers; only the upper half is looked at.
Eigen SymmetricEigen(Matrix matrix);

}  // namespace penstock::sim
