// Runs a search on a function.
#pragma once

#include <functional>
#include <vector>

#include "sim/search/optimiser.h"

namespace penstock::sim {

using Scorer = std::function<Score(const Point&)>;

inline std::vector<Candidate> Evaluated(const std::vector<Point>& points, const Scorer& scorer) {
  std::vector<Candidate> candidates;
  for (const Point& point : points) candidates.push_back({point, scorer(point)});
  return candidates;
}

/// The best of all points that the search asks for; it stops with the generation that reaches the budget.
inline Candidate BestWithin(size_t budget, Optimiser& search, const Scorer& scorer) {
  Candidate best;
  for (size_t spent = 0; spent < budget;) {
    const std::vector<Candidate> told = Evaluated(search.Ask(), scorer);
    for (const Candidate& candidate : told) {
      if (best.at.empty() || IsBetter(candidate.score, best.score)) best = candidate;
    }
    spent += told.size();
    search.Tell(told);
  }
  return best;
}

}  // namespace penstock::sim
