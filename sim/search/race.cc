#include "sim/search/race.h"

#include <algorithm>

#include "admission/vocabulary/check.h"
#include "sim/statistics/mean_interval.h"

namespace penstock::sim {
namespace {

using Figure = double RaceScore::*;

std::vector<double> FiguresOf(const Racer& racer, Figure figure) {
  std::vector<double> figures;
  for (const RaceScore& score : racer.scores) figures.push_back(score.*figure);
  return figures;
}

double MeanOf(const Racer& racer, Figure figure) {
  double sum = 0;
  for (const RaceScore& score : racer.scores) sum += score.*figure;
  return racer.scores.empty() ? 0 : sum / static_cast<double>(racer.scores.size());
}

bool IsAboveZero(const Estimate& estimate) { return estimate.mean - estimate.half_width > 0; }

bool IsClearlyWorse(const Racer& racer, const Racer& best, double confidence) {
  const auto above = [&](Figure figure) {
    return IsAboveZero(PairedDifference(FiguresOf(racer, figure), FiguresOf(best, figure), confidence));
  };
  if (best.MeanShortfall() > 0) return above(&RaceScore::shortfall);
  return above(&RaceScore::cost) || IsAboveZero(MeanEstimate(FiguresOf(racer, &RaceScore::shortfall), confidence));
}

size_t BestOf(const std::vector<Racer>& racers, const std::vector<size_t>& left) {
  const auto is_better = [&](size_t a, size_t b) {
    const double missed_a = std::max(0.0, racers[a].MeanShortfall());
    const double missed_b = std::max(0.0, racers[b].MeanShortfall());
    if (missed_a != missed_b) return missed_a < missed_b;
    return racers[a].MeanCost() < racers[b].MeanCost();
  };
  return *std::min_element(left.begin(), left.end(), is_better);
}

std::vector<size_t> Left(const std::vector<Racer>& racers) {
  std::vector<size_t> left;
  for (size_t i = 0; i < racers.size(); ++i) {
    if (!racers[i].dropped) left.push_back(i);
  }
  return left;
}

}  // namespace

double Racer::MeanShortfall() const { return MeanOf(*this, &RaceScore::shortfall); }
double Racer::MeanCost() const { return MeanOf(*this, &RaceScore::cost); }

RaceResult Race(const RaceTerms& terms, const RaceJudge& judge) {
  PENSTOCK_CHECK(terms.candidates >= 1 && terms.least_rounds >= 2 && terms.most_rounds >= 1);
  RaceResult result;
  result.racers.resize(terms.candidates);
  const double comparisons = static_cast<double>(std::max<size_t>(1, terms.candidates - 1) * terms.most_rounds);
  const double confidence = 1 - (1 - terms.confidence) / comparisons;
  std::vector<size_t> left = Left(result.racers);
  for (size_t round = 0; round < terms.most_rounds; ++round) {
    if (round > 0 && result.evaluations + left.size() > terms.budget) break;
    if (round >= terms.least_rounds && left.size() == 1) break;
    const std::vector<RaceScore> scores = judge(left, round);
    PENSTOCK_CHECK(scores.size() == left.size());
    for (size_t i = 0; i < left.size(); ++i) result.racers[left[i]].scores.push_back(scores[i]);
    result.evaluations += left.size();
    result.best = BestOf(result.racers, left);
    if (round + 1 < terms.least_rounds) continue;
    for (const size_t i : left) {
      const bool worse = i != result.best && IsClearlyWorse(result.racers[i], result.racers[result.best], confidence);
      result.racers[i].dropped = worse;
    }
    left = Left(result.racers);
  }
  return result;
}

}  // namespace penstock::sim
