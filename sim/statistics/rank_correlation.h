// Whether two figures rank things alike, whatever their scales are.
#pragma once

#include <span>
#include <vector>

namespace penstock::sim {

/// Spearman's: the correlation of the ranks, -1 to 1. Both of the same length. 0 of fewer than two, or where one of
/// them does not tell any apart.
double RankCorrelation(std::span<const double> a, std::span<const double> b);

/// 1 for the smallest; equal ones share the mean of their places.
std::vector<double> Ranks(std::span<const double> values);

}  // namespace penstock::sim
