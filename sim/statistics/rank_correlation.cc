#include "sim/statistics/rank_correlation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "admission/vocabulary/check.h"

namespace penstock::sim {

std::vector<double> Ranks(std::span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return values[a] != values[b] ? values[a] < values[b] : a < b; });
  std::vector<double> ranks(values.size());
  for (size_t from = 0; from < order.size();) {
    size_t to = from + 1;
    while (to < order.size() && values[order[to]] == values[order[from]]) ++to;
    for (size_t i = from; i < to; ++i) ranks[order[i]] = static_cast<double>(from + 1 + to) / 2;
    from = to;
  }
  return ranks;
}

double RankCorrelation(std::span<const double> a, std::span<const double> b) {
  PENSTOCK_CHECK(a.size() == b.size());
  const std::vector<double> ranks_a = Ranks(a);
  const std::vector<double> ranks_b = Ranks(b);
  const double middle = (static_cast<double>(a.size()) + 1) / 2;
  double products = 0;
  double squares_a = 0;
  double squares_b = 0;
  for (size_t i = 0; i < ranks_a.size(); ++i) {
    const double x = ranks_a[i] - middle;
    const double y = ranks_b[i] - middle;
    products += x * y;
    squares_a += x * x;
    squares_b += y * y;
  }
  return squares_a > 0 && squares_b > 0 ? products / std::sqrt(squares_a * squares_b) : 0;
}

}  // namespace penstock::sim
