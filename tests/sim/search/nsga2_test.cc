// NSGA-II on fronts that are known.
#include "sim/search/nsga2.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "tests/sim/search/searching.h"

namespace penstock::sim {
namespace {

constexpr size_t kDimensions = 10;

// Zitzler, Deb, Thiele (2000).
double Distance(const Point& x) {
  return 1 + 9 * std::accumulate(x.begin() + 1, x.end(), 0.0) / static_cast<double>(x.size() - 1);
}
Score Zdt1(const Point& x) {
  const double g = Distance(x);
  return {0, {x[0], g * (1 - std::sqrt(x[0] / g))}};
}
Score Zdt2(const Point& x) {
  const double g = Distance(x);
  return {0, {x[0], g * (1 - x[0] / g * x[0] / g)}};
}

std::vector<Candidate> FrontAfter(size_t budget, const Scorer& scorer, Box box) {
  Nsga2 search({.box = std::move(box), .seed = 4});
  BestWithin(budget, search, scorer);
  return search.survivors();
}

TEST(Nsga2, CoversAConvexFront) {
  // The whole front dominates 2/3 + 0.1 x 1.1 + 0.1 = 0.8767 up to (1.1, 1.1).
  EXPECT_GT(Hypervolume(FrontAfter(12'000, Zdt1, UnitCube(kDimensions)), 1.1, 1.1), 0.985 * 0.8767);
}

TEST(Nsga2, CoversAFrontThatIsNotConvex) {
  // Here 1/3 + 0.1 x 1.1 + 0.1 = 0.5433.
  EXPECT_GT(Hypervolume(FrontAfter(12'000, Zdt2, UnitCube(kDimensions)), 1.1, 1.1), 0.975 * 0.5433);
}

TEST(Nsga2, KeepsConstraints) {
  // Both costs want to be small, their sum must be at least 1: the front is that line.
  const auto scorer = [](const Point& x) {
    return Score{std::max(0.0, 1 - x[0] - x[1]), {x[0] * (1 + x[2]), x[1] * (1 + x[2])}};
  };
  const std::vector<Candidate> found = FrontAfter(6'000, scorer, UnitCube(3));
  const std::vector<size_t> front = ParetoFront(found);
  EXPECT_GT(front.size(), 30u);
  for (const size_t i : front) EXPECT_NEAR(found[i].score.costs[0] + found[i].score.costs[1], 1, 0.05);
  EXPECT_GT(Hypervolume(found, 1.1, 1.1), 0.97 * (0.5 + 0.1 * 1.1 + 0.1));
}

TEST(Nsga2, LeavesMoreRoomWhereNeighboursAreFar) {
  const std::vector<Candidate> line = {{{}, {0, {0, 10}}}, {{}, {0, {1, 9}}}, {{}, {0, {2, 8}}}, {{}, {0, {10, 0}}}};
  const std::vector<double> room = CrowdingRoom(line, FrontRanks(line));
  EXPECT_EQ(room[0], std::numeric_limits<double>::infinity());
  EXPECT_EQ(room[3], std::numeric_limits<double>::infinity());
  EXPECT_DOUBLE_EQ(room[1], 0.4);
  EXPECT_DOUBLE_EQ(room[2], 1.8);
}

}  // namespace
}  // namespace penstock::sim
