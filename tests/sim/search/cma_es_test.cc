// CMA-ES on the usual functions: what it must find, in how many evaluations.
#include "sim/search/cma_es.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "sim/search/random_search.h"
#include "tests/sim/search/searching.h"

namespace penstock::sim {
namespace {

Box Cube(size_t n, double low, double high) { return {Point(n, low), Point(n, high)}; }

Score Cost(double cost) { return {0, {cost}}; }

Score Sphere(const Point& x) {
  double sum = 0;
  for (const double v : x) sum += (v - 0.7) * (v - 0.7);
  return Cost(sum);
}

// Axes between 1 and 1000 long, turned by 45 degrees in every plane of neighbours.
Score TurnedEllipsoid(const Point& x) {
  Point y = x;
  for (size_t i = 0; i + 1 < y.size(); ++i) {
    const double a = y[i];
    y[i] = (a + y[i + 1]) * std::numbers::sqrt2 / 2;
    y[i + 1] = (y[i + 1] - a) * std::numbers::sqrt2 / 2;
  }
  double sum = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    sum += std::pow(1e6, static_cast<double>(i) / static_cast<double>(y.size() - 1)) * y[i] * y[i];
  }
  return Cost(sum);
}

Score Rosenbrock(const Point& x) {
  double sum = 0;
  for (size_t i = 0; i + 1 < x.size(); ++i) {
    sum += 100 * std::pow(x[i + 1] - x[i] * x[i], 2) + std::pow(1 - x[i], 2);
  }
  return Cost(sum);
}

Score Rastrigin(const Point& x) {
  double sum = 0;
  for (const double v : x) sum += 10 + v * v - 10 * std::cos(2 * std::numbers::pi * v);
  return Cost(sum);
}

TEST(CmaEs, FindsTheMiddleOfASphere) {
  CmaEs search({.box = Cube(8, -5, 5), .seed = 3});
  EXPECT_LT(BestWithin(2'500, search, Sphere).score.costs[0], 1e-9);
}

TEST(CmaEs, LearnsTheShapeOfATurnedEllipsoid) {
  CmaEs search({.box = Cube(6, -3, 4), .seed = 5});
  EXPECT_LT(BestWithin(6'000, search, TurnedEllipsoid).score.costs[0], 1e-7);
}

TEST(CmaEs, FollowsTheValleyOfRosenbrock) {
  CmaEs search({.box = Cube(5, -2, 3), .seed = 7});
  const Candidate best = BestWithin(10'000, search, Rosenbrock);
  EXPECT_LT(best.score.costs[0], 1e-8);
  for (const double v : best.at) EXPECT_NEAR(v, 1, 1e-3);
}

TEST(CmaEs, LeavesLocalMinimaByRestarts) {
  CmaEs search({.box = Cube(4, -4, 5), .seed = 11, .last_step = 1e-4});
  EXPECT_LT(BestWithin(20'000, search, Rastrigin).score.costs[0], 1e-3);
  EXPECT_GT(search.restarts(), 0u);
}

TEST(CmaEs, FindsAnOptimumInACornerOfTheBox) {
  CmaEs search({.box = Cube(5, 1, 4), .seed = 13});
  const Candidate best = BestWithin(3'000, search, [](const Point& x) {
    double sum = 0;
    for (const double v : x) sum += v * v;
    return Cost(sum);
  });
  for (const double v : best.at) EXPECT_NEAR(v, 1, 1e-6);
}

TEST(CmaEs, KeepsAConstraintThatBinds) {
  // The nearest point of x0 + x1 >= 3 to the origin is (1.5, 1.5).
  CmaEs search({.box = Cube(2, -5, 5), .seed = 17});
  const Candidate best = BestWithin(4'000, search, [](const Point& x) {
    return Score{std::max(0.0, 3 - x[0] - x[1]), {x[0] * x[0] + x[1] * x[1]}};
  });
  EXPECT_EQ(best.score.violation, 0);
  EXPECT_NEAR(best.score.costs[0], 4.5, 1e-3);
}

TEST(CmaEs, FindsASmallFeasibleRegionFirst) {
  // Feasible within 0.05 of (3, -2); cheaper the farther away.
  CmaEs search({.box = Cube(2, -5, 5), .seed = 19});
  const Candidate best = BestWithin(3'000, search, [](const Point& x) {
    const double away = std::hypot(x[0] - 3, x[1] + 2);
    return Score{std::max(0.0, away - 0.05), {-away}};
  });
  EXPECT_EQ(best.score.violation, 0);
  EXPECT_NEAR(best.score.costs[0], -0.05, 1e-3);
}

TEST(CmaEs, SearchesOneDimensionToo) {
  CmaEs search({.box = Cube(1, -5, 5), .seed = 23});
  EXPECT_NEAR(BestWithin(300, search, Sphere).at[0], 0.7, 1e-4);
}

TEST(CmaEs, EvaluatesWhatIsKnownBeforeItLooksElsewhere) {
  CmaEs search({.box = Cube(3, 0, 1), .seed = 29, .starts = {{0.7, 0.7, 0.7}, {2, -1, 0.5}}});
  const std::vector<Point> points = search.Ask();
  EXPECT_EQ(points[0], (Point{0.7, 0.7, 0.7}));
  EXPECT_EQ(points[1], (Point{1, 0, 0.5}));
}

TEST(CmaEs, BeatsRandomSearchInTheSameBudget) {
  CmaEs search({.box = Cube(6, -3, 4), .seed = 31});
  RandomSearch random({.box = Cube(6, -3, 4), .seed = 31});
  const double found = BestWithin(1'000, search, Rosenbrock).score.costs[0];
  EXPECT_LT(10 * found, BestWithin(1'000, random, Rosenbrock).score.costs[0]);
}

}  // namespace
}  // namespace penstock::sim
