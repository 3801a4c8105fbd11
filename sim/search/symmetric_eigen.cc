#include "sim/search/symmetric_eigen.h"

#include <cmath>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

constexpr int kMostSweeps = 60;

double SumOfSquaresAboveDiagonal(const Matrix& a) {
  double sum = 0;
  for (size_t row = 0; row < a.size; ++row) {
    for (size_t column = row + 1; column < a.size; ++column) sum += a(row, column) * a(row, column);
  }
  return sum;
}

struct Rotation {
  double cosine;
  double sine;
};

// Makes a(p, q) zero.
Rotation RotationFor(const Matrix& a, size_t p, size_t q) {
  const double theta = (a(q, q) - a(p, p)) / (2 * a(p, q));
  const double sign = theta >= 0 ? 1.0 : -1.0;
  const double tangent = sign / (std::fabs(theta) + std::sqrt(theta * theta + 1));
  const double cosine = 1 / std::sqrt(tangent * tangent + 1);
  return {cosine, tangent * cosine};
}

void Rotate(double& first, double& second, const Rotation& by) {
  const double before = first;
  first = by.cosine * before - by.sine * second;
  second = by.sine * before + by.cosine * second;
}

void Annihilate(Matrix& a, Matrix& vectors, size_t p, size_t q) {
  if (a(p, q) == 0) return;
  const Rotation rotation = RotationFor(a, p, q);
  for (size_t i = 0; i < a.size; ++i) Rotate(a(i, p), a(i, q), rotation);
  for (size_t i = 0; i < a.size; ++i) Rotate(a(p, i), a(q, i), rotation);
  for (size_t i = 0; i < a.size; ++i) Rotate(vectors(i, p), vectors(i, q), rotation);
  a(p, q) = 0;
  a(q, p) = 0;
}

}  // namespace

Matrix Matrix::Identity(size_t order) {
  Matrix matrix(order);
  for (size_t i = 0; i < order; ++i) matrix(i, i) = 1;
  return matrix;
}

std::vector<double> Matrix::Times(const std::vector<double>& vector) const {
  std::vector<double> product(size, 0.0);
  for (size_t row = 0; row < size; ++row) {
    for (size_t column = 0; column < size; ++column) product[row] += (*this)(row, column) * vector[column];
  }
  return product;
}

std::vector<double> Matrix::TransposedTimes(const std::vector<double>& vector) const {
  std::vector<double> product(size, 0.0);
  for (size_t row = 0; row < size; ++row) {
    for (size_t column = 0; column < size; ++column) product[column] += (*this)(row, column) * vector[row];
  }
  return product;
}

Eigen SymmetricEigen(Matrix matrix) {
  const size_t n = matrix.size;
  double scale = 0;
  for (size_t row = 0; row < n; ++row) {
    for (size_t column = row; column < n; ++column) {
      PENSTOCK_CHECK(std::isfinite(matrix(row, column)));
      matrix(column, row) = matrix(row, column);
      scale += matrix(row, column) * matrix(row, column);
    }
  }
  Eigen result{std::vector<double>(n), Matrix::Identity(n)};
  for (int sweep = 0; sweep < kMostSweeps && SumOfSquaresAboveDiagonal(matrix) > 1e-30 * scale; ++sweep) {
    for (size_t p = 0; p + 1 < n; ++p) {
      for (size_t q = p + 1; q < n; ++q) Annihilate(matrix, result.vectors, p, q);
    }
  }
  for (size_t i = 0; i < n; ++i) result.values[i] = matrix(i, i);
  return result;
}

}  // namespace penstock::sim
