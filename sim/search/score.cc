#include "sim/search/score.h"

#include <algorithm>
#include <cmath>

#include "admission/vocabulary/check.h"

namespace penstock::sim {

void CheckScore(const Score& score) {
  PENSTOCK_CHECK(!score.costs.empty() && score.violation >= 0);
  for (const double cost : score.costs) PENSTOCK_CHECK(!std::isnan(cost));
}

bool IsBetter(const Score& a, const Score& b) {
  if (a.violation != b.violation) return a.violation < b.violation;
  return a.costs[0] < b.costs[0];
}

bool Dominates(const Score& a, const Score& b) {
  if (a.violation != b.violation) return a.violation < b.violation;
  bool cheaper = false;
  for (size_t i = 0; i < a.costs.size(); ++i) {
    if (a.costs[i] > b.costs[i]) return false;
    cheaper = cheaper || a.costs[i] < b.costs[i];
  }
  return cheaper;
}

std::vector<size_t> FrontRanks(std::span<const Candidate> candidates) {
  const size_t count = candidates.size();
  std::vector<size_t> ranks(count, 0);
  std::vector<size_t> dominators(count, 0);
  std::vector<std::vector<size_t>> dominated(count);
  for (size_t a = 0; a < count; ++a) {
    for (size_t b = 0; b < count; ++b) {
      if (!Dominates(candidates[a].score, candidates[b].score)) continue;
      dominated[a].push_back(b);
      ++dominators[b];
    }
  }
  std::vector<size_t> front;
  for (size_t i = 0; i < count; ++i) {
    if (dominators[i] == 0) front.push_back(i);
  }
  for (size_t rank = 0; !front.empty(); ++rank) {
    std::vector<size_t> next;
    for (const size_t i : front) {
      ranks[i] = rank;
      for (const size_t j : dominated[i]) {
        if (--dominators[j] == 0) next.push_back(j);
      }
    }
    front = std::move(next);
  }
  return ranks;
}

std::vector<size_t> ParetoFront(std::span<const Candidate> candidates) {
  std::vector<size_t> front;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const Score& score = candidates[i].score;
    if (score.violation > 0) continue;
    const bool beaten = std::any_of(front.begin(), front.end(), [&](size_t other) {
      const Score& kept = candidates[other].score;
      return Dominates(kept, score) || kept.costs == score.costs;
    });
    if (beaten) continue;
    std::erase_if(front, [&](size_t other) { return Dominates(score, candidates[other].score); });
    front.push_back(i);
  }
  std::stable_sort(front.begin(), front.end(),
                   [&](size_t a, size_t b) { return candidates[a].score.costs[0] < candidates[b].score.costs[0]; });
  return front;
}

double Hypervolume(std::span<const Candidate> candidates, double reference_first, double reference_second) {
  double area = 0;
  double ceiling = reference_second;
  for (const size_t i : ParetoFront(candidates)) {
    const std::vector<double>& costs = candidates[i].score.costs;
    if (costs[0] >= reference_first || costs[1] >= ceiling) continue;
    area += (reference_first - costs[0]) * (ceiling - costs[1]);
    ceiling = costs[1];
  }
  return area;
}

}  // namespace penstock::sim
