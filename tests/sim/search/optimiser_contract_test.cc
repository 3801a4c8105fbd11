// What every search promises, whatever it does in between.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>

#include "sim/search/choice_search.h"
#include "sim/search/cma_es.h"
#include "sim/search/line_search.h"
#include "sim/search/nsga2.h"
#include "sim/search/random_search.h"
#include "tests/sim/search/searching.h"

namespace penstock::sim {
namespace {

struct Kind {
  std::string name;
  size_t objectives;
  Box box;
  std::function<std::unique_ptr<Optimiser>(uint64_t seed)> begin;
  std::function<absl::StatusOr<std::unique_ptr<Optimiser>>(uint64_t seed, std::string_view state)> load;
};

template <class Search>
absl::StatusOr<std::unique_ptr<Optimiser>> Owned(absl::StatusOr<Search> search) {
  if (!search.ok()) return search.status();
  return std::make_unique<Search>(*std::move(search));
}

template <class Search, class TermsOf>
Kind KindOf(std::string name, size_t objectives, Box box, TermsOf terms) {
  return {std::move(name), objectives, std::move(box),
          [=](uint64_t seed) { return std::make_unique<Search>(terms(seed)); },
          [=](uint64_t seed, std::string_view state) { return Owned(Search::Load(terms(seed), state)); }};
}

std::vector<Kind> Kinds() {
  const Box box{{-1, 0, 10}, {2, 1, 1'000}};
  const Box line{{-3}, {7}};
  return {
      KindOf<CmaEs>("CmaEs", 1, box,
                    [=](uint64_t seed) { return CmaEsTerms{.box = box, .seed = seed, .last_step = 1e-2}; }),
      KindOf<ChoiceSearch>(
          "ChoiceSearch", 1, box,
          [=](uint64_t seed) {
            return ChoiceSearchTerms{
                .search = {.box = box, .seed = seed, .last_step = 1e-2}, .axis = 1, .choices = 3, .trial = 40};
          }),
      KindOf<Nsga2>("Nsga2", 2, box,
                    [=](uint64_t seed) { return Nsga2Terms{.box = box, .seed = seed, .population = 12}; }),
      KindOf<RandomSearch>("RandomSearch", 1, box,
                           [=](uint64_t seed) { return RandomSearchTerms{.box = box, .seed = seed, .population = 5}; }),
      KindOf<LineSearch>("LineSearch", 1, line, [=](uint64_t) { return LineSearchTerms{.box = line}; }),
  };
}

// Bumpy, constrained, with plateaus.
Score Bumpy(const Point& x, size_t objectives) {
  double sum = 0;
  for (const double v : x) sum += std::sin(3 * v) + 0.01 * v * v;
  Score score{std::max(0.0, 0.3 - x[0]), {std::floor(20 * sum) / 20}};
  if (objectives == 2) score.costs.push_back(std::fabs(x[0] - 1.5));
  return score;
}

class EveryOptimiser : public testing::TestWithParam<size_t> {
 protected:
  Kind kind() const { return Kinds()[GetParam()]; }
  std::vector<Candidate> Scored(const std::vector<Point>& points) const {
    return Evaluated(points, [&](const Point& x) { return Bumpy(x, kind().objectives); });
  }
};

TEST_P(EveryOptimiser, AsksForPointsInsideTheBoxAndForTheSameUntilTold) {
  const auto search = kind().begin(5);
  for (int generation = 0; generation < 60; ++generation) {
    const std::vector<Point> points = search->Ask();
    ASSERT_FALSE(points.empty());
    for (const Point& point : points) ASSERT_TRUE(kind().box.Contains(point));
    ASSERT_EQ(search->Ask(), points);
    search->Tell(Scored(points));
  }
}

TEST_P(EveryOptimiser, DoesTheSameWithTheSameSeed) {
  const auto one = kind().begin(6);
  const auto other = kind().begin(6);
  for (int generation = 0; generation < 30; ++generation) {
    one->Tell(Scored(one->Ask()));
    other->Tell(Scored(other->Ask()));
    ASSERT_EQ(one->Save(), other->Save());
  }
}

TEST_P(EveryOptimiser, GoesOnAfterAnyGenerationAsIfItHadNotBeenInterrupted) {
  auto interrupted = kind().begin(7);
  const auto whole = kind().begin(7);
  for (int generation = 0; generation < 60; ++generation) {
    auto loaded = kind().load(7, interrupted->Save());
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    interrupted = *std::move(loaded);
    ASSERT_EQ(interrupted->Ask(), whole->Ask()) << generation;
    interrupted->Tell(Scored(interrupted->Ask()));
    whole->Tell(Scored(whole->Ask()));
    ASSERT_EQ(interrupted->Save(), whole->Save()) << generation;
  }
}

TEST_P(EveryOptimiser, RefusesAStateThatIsCutOrNotItsOwn) {
  const auto search = kind().begin(8);
  for (int generation = 0; generation < 3; ++generation) search->Tell(Scored(search->Ask()));
  const std::string state = search->Save();
  for (size_t length = 0; length < state.size(); ++length) {
    EXPECT_FALSE(kind().load(8, std::string_view(state).substr(0, length)).ok()) << length;
  }
  EXPECT_FALSE(kind().load(8, state + "more 1\n").ok());
  for (const Kind& other : Kinds()) {
    EXPECT_EQ(other.load(8, state).ok(), other.name == kind().name) << other.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryOptimiser, testing::Range(size_t{0}, size_t{5}),
                         [](const auto& param) { return Kinds()[param.param].name; });

TEST(SavedSearches, SayWhereTheyAreBroken) {
  const Box box{{0, 0}, {1, 1}};
  CmaEs search({.box = box});
  std::string state = search.Save();
  state.replace(state.find("\nstep "), 6, "\nleap ");
  const auto loaded = CmaEs::Load({.box = box}, state);
  EXPECT_EQ(loaded.status().message(),
            "saved search, line 6: says leap where step belongs; start the search anew, without this state");
}

TEST(ChoiceSearching, FindsTheChoiceThatIsBestWhenItsOtherAxesAre) {
  // The third of four choices is best at (0.9, 0.9), but worse than the first one elsewhere.
  ChoiceSearch search({.search = {.box = UnitCube(3)}, .axis = 1, .choices = 4, .trial = 150});
  const Candidate best = BestWithin(1'200, search, [](const Point& x) {
    const double near = std::exp(-40 * (std::pow(x[0] - 0.9, 2) + std::pow(x[2] - 0.9, 2)));
    const double choice = std::min(3.0, std::floor(4 * x[1]));
    return Score{0, {choice == 2 ? -near : choice == 0 ? -0.7 - 0.1 * near : -0.1}};
  });
  EXPECT_LT(best.score.costs[0], -0.999);
}

TEST(LineSearching, ClosesInOnTheBestPoint) {
  LineSearch search({.box = {{0}, {10}}});
  const Candidate best = BestWithin(400, search, [](const Point& x) { return Score{0, {std::fabs(x[0] - 7.123456)}}; });
  EXPECT_NEAR(best.at[0], 7.123456, 1e-6);
  EXPECT_TRUE(search.HasConverged());
}

}  // namespace
}  // namespace penstock::sim
