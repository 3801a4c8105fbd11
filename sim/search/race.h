// Choosing the best of a few by evaluations that are dear and random: all candidates that are left see the same seeds,
// round after round, and those that are clearly worse than the best drop out.
//
// Worse is a matter of paired differences: chance that moves all candidates alike does not count.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace penstock::sim {

/// What one evaluation said.
struct RaceScore {
  double shortfall = 0;  // by how much constraints are missed; not above zero: they are kept
  double cost = 0;       // to be made small
};

struct RaceTerms {
  size_t candidates = 0;     // at least 1
  size_t least_rounds = 4;   // before anyone drops out, at least 2
  size_t most_rounds = 20;   // seeds that there are
  size_t budget = 100;       // evaluations; a round that it does not cover is not begun, but for the first
  double confidence = 0.95;  // that none that is as good as the best drops out, over all comparisons (Bonferroni)
};

struct Racer {
  std::vector<RaceScore> scores;  // by round
  bool dropped = false;
  double MeanShortfall() const;
  double MeanCost() const;
};

struct RaceResult {
  size_t best = 0;  // of those that are left: the smaller mean shortfall above zero, then the smaller mean cost
  std::vector<Racer> racers;
  size_t evaluations = 0;
};

/// Evaluates these candidates in this round (with its seed); a score for each, in order.
using RaceJudge = std::function<std::vector<RaceScore>(const std::vector<size_t>& candidates, size_t round)>;

RaceResult Race(const RaceTerms& terms, const RaceJudge& judge);

}  // namespace penstock::sim
