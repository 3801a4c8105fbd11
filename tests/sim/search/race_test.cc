// Races of finalists under noise that all of them share.
#include "sim/search/race.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "sim/distributions.h"

namespace penstock::sim {
namespace {

// True costs are 10, 11, 12, ...; a round moves all alike by a lot and each by a little.
struct NoisyTrack {
  uint64_t seed = 1;
  double own_noise = 0.3;
  double shared_noise = 20;
  std::vector<double> costs = {12, 10, 11, 15, 13};
  std::vector<double> shortfalls = {0, 0, 0, 0, 0};

  RaceJudge Judge() const {
    return [*this](const std::vector<size_t>& candidates, size_t round) {
      Random shared(Scramble(seed) + round);
      const double day = shared_noise * Normal(shared);
      std::vector<RaceScore> scores;
      for (const size_t i : candidates) {
        Random own(Scramble(Scramble(seed + 7) + 1'000 * round + i));
        scores.push_back({shortfalls[i] + 0.01 * own_noise * Normal(own), costs[i] + day + own_noise * Normal(own)});
      }
      return scores;
    };
  }
};

RaceTerms Five(size_t budget) { return {.candidates = 5, .least_rounds = 4, .most_rounds = 40, .budget = budget}; }

TEST(Racing, FindsTheBestUnderNoiseThatIsFarLargerThanTheDifferences) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    NoisyTrack track;
    track.seed = seed;
    track.shortfalls = {-1, -1, -1, -1, -1};
    EXPECT_EQ(Race(Five(200), track.Judge()).best, 1u) << seed;
  }
}

TEST(Racing, TheClearlyWorseDropOutAndSaveEvaluations) {
  NoisyTrack track;
  track.shortfalls = {-1, -1, -1, -1, -1};
  const RaceResult result = Race(Five(200), track.Judge());
  EXPECT_TRUE(result.racers[3].dropped);
  EXPECT_LT(result.racers[3].scores.size(), result.racers[1].scores.size());
  EXPECT_FALSE(result.racers[1].dropped);
  EXPECT_LT(result.evaluations, 100u);
}

TEST(Racing, KeepsToItsBudget) {
  NoisyTrack track;
  track.costs = {10, 10, 10, 10, 10};
  track.shortfalls = {-1, -1, -1, -1, -1};
  const RaceResult result = Race(Five(33), track.Judge());
  EXPECT_EQ(result.evaluations, 30u);
  EXPECT_EQ(result.racers[4].scores.size(), 6u);
}

TEST(Racing, EqualsAreRarelyDropped) {
  // At 95 % over all comparisons, of 200 races of equals at most 10 should drop one; 25 would be a wonder.
  const char* given = std::getenv("PENSTOCK_SEED");
  const uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : 1'000;
  std::cout << "PENSTOCK_SEED=" << first << "\n";
  int races_with_a_drop = 0;
  for (uint64_t seed = first; seed < first + 200; ++seed) {
    NoisyTrack track;
    track.seed = seed;
    track.costs = {10, 10, 10, 10, 10};
    track.shortfalls = {-1, -1, -1, -1, -1};
    const RaceResult result = Race(Five(200), track.Judge());
    bool dropped = false;
    for (const Racer& racer : result.racers) dropped = dropped || racer.dropped;
    races_with_a_drop += dropped ? 1 : 0;
  }
  EXPECT_LT(races_with_a_drop, 25);
}

TEST(Racing, ACheapOneThatMissesTheConstraintsDoesNotWin) {
  NoisyTrack track;
  track.costs = {12, 5, 11, 15, 13};
  track.shortfalls = {-0.5, 0.5, -0.5, -0.5, -0.5};
  const RaceResult result = Race(Five(200), track.Judge());
  EXPECT_EQ(result.best, 2u);
  EXPECT_TRUE(result.racers[1].dropped);
}

TEST(Racing, WhereNoneKeepsTheConstraintsTheOneThatMissesThemLeastWins) {
  NoisyTrack track;
  track.shortfalls = {0.5, 0.4, 0.3, 0.2, 0.6};
  EXPECT_EQ(Race(Five(200), track.Judge()).best, 3u);
}

TEST(Racing, OneCandidateStillGetsItsEvaluations) {
  const RaceResult result = Race({.candidates = 1, .least_rounds = 3, .most_rounds = 9}, NoisyTrack().Judge());
  EXPECT_EQ(result.best, 0u);
  EXPECT_EQ(result.racers[0].scores.size(), 3u);
}

}  // namespace
}  // namespace penstock::sim
