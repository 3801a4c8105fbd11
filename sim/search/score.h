// What a point was found to be worth, and which of two points is the better one: feasibility first.
#pragma once

#include <span>
#include <vector>

#include "sim/search/box.h"

namespace penstock::sim {

struct Score {
  double violation = 0;       // how far constraints are missed, summed; 0: all are kept. Never negative
  std::vector<double> costs;  // what is to be made small, one for each objective
};

struct Candidate {
  Point at;
  Score score;
};

/// A bug when a figure is not a number.
void CheckScore(const Score& score);

/// Of one objective (the first): the smaller violation, then the smaller cost.
bool IsBetter(const Score& a, const Score& b);

/// Of several: the smaller violation; with the same violation, nowhere dearer and somewhere cheaper.
bool Dominates(const Score& a, const Score& b);

/// How many fronts must be peeled off before a point is on one: 0 for those that nothing dominates.
std::vector<size_t> FrontRanks(std::span<const Candidate> candidates);

/// The candidates that no other dominates, of those that keep all constraints, by their first cost, then in order of
/// coming. Of several with the same costs the first. Empty when none keeps the constraints.
std::vector<size_t> ParetoFront(std::span<const Candidate> candidates);

/// Of two objectives: the area that these candidates dominate, up to the reference point.
double Hypervolume(std::span<const Candidate> candidates, double reference_first, double reference_second);

}  // namespace penstock::sim
