// A cheap part of the whole check (tests/long/selfcheck_seeds runs all of it, on many seeds). Seeds are fixed: what is
// in today is in always.
#include "sim/selfcheck/selfcheck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "sim/selfcheck/experiment.h"

namespace penstock::sim {
namespace {

using testing::Each;
using testing::Field;
using testing::SizeIs;

SelfcheckResult Check(const std::string& cells, double nudge = 1, uint64_t seed = 1) {
  return RunSelfcheck({.seed = seed, .nudge = nudge, .cells = cells});
}

std::vector<std::string> NamesOut(const SelfcheckResult& result) {
  std::vector<std::string> names;
  for (const CheckedCell& cell : result.cells) {
    if (!cell.in) names.push_back(cell.name);
  }
  return names;
}

/// Parts that are done within a second each.
const std::vector<std::string> kCheap = {"md1/0.5", "mg1_ps/0.5", "erlang_b/1/", "erlang_b/10/10", "erlang_c/8/10"};

TEST(Selfcheck, FindsTheClosedFormsOnAnySeed) {
  for (const std::string& cells : kCheap) {
    EXPECT_THAT(NamesOut(Check(cells, 1, 7)), SizeIs(0)) << cells;
  }
}

TEST(Selfcheck, AServiceRateTwoPercentOffIsOutInEveryCellThatFeelsIt) {
  for (const std::string& cells : kCheap) {
    const SelfcheckResult result = Check(cells, 1.02);
    for (const CheckedCell& cell : result.cells) EXPECT_EQ(cell.in, !cell.feels_nudge) << cell.name;
  }
}

TEST(Selfcheck, ChecksTheProductionScheduler) {
  const SelfcheckResult result = Check("production/erlang_");
  EXPECT_THAT(result.cells, SizeIs(2));
  EXPECT_THAT(result.cells, Each(Field(&CheckedCell::how, CheckedCell::How::kProduction)));
  EXPECT_TRUE(result.AllIn());
}

TEST(Selfcheck, RulesOfPlanningAndPricingSayWhatWasPublished) {
  for (const ComputedCell& cell : AllComputedCells()) {
    EXPECT_NEAR(cell.computed, cell.expected, cell.tolerance) << cell.name;
  }
}

TEST(Selfcheck, TakesOtherCellsToCompare) {
  SelfcheckTerms terms{.cells = "ramsey"};
  terms.computed = {{"ramsey/price_1", 1.173637, 1.1736371, 5e-7}, {"ramsey/price_2", 1.079883, 1.0799, 5e-7}};
  EXPECT_THAT(NamesOut(RunSelfcheck(terms)), testing::ElementsAre("ramsey/price_2"));
}

void OnTwoThreads(size_t count, const std::function<void(size_t)>& job) {
  std::thread odd([&] {
    for (size_t i = 1; i < count; i += 2) job(i);
  });
  for (size_t i = 0; i < count; i += 2) job(i);
  odd.join();
}

TEST(Selfcheck, FiguresDependNeitherOnThreadsNorOnWhatElseIsChecked) {
  const SelfcheckResult alone = Check("erlang_b/10/15");
  SelfcheckTerms terms{.cells = "erlang_b/10/1", .parallel = OnTwoThreads};
  std::mutex mutex;
  double done = 0;
  terms.progress = [&](double share) {
    const std::lock_guard lock(mutex);
    done += share;
  };
  const SelfcheckResult among_others = RunSelfcheck(terms);
  ASSERT_THAT(alone.cells, SizeIs(1));
  ASSERT_GT(among_others.cells.size(), 1u);
  EXPECT_EQ(alone.cells[0].name, among_others.cells[1].name);
  EXPECT_EQ(alone.cells[0].measured, among_others.cells[1].measured);
  EXPECT_EQ(alone.cells[0].low, among_others.cells[1].low);
  EXPECT_NEAR(done, 1, 1e-9);
}

TEST(Selfcheck, AnotherSeedGivesOtherFigures) {
  EXPECT_NE(Check("erlang_b/1/1", 1, 1).cells.at(0).measured, Check("erlang_b/1/1", 1, 2).cells.at(0).measured);
}

TEST(Selfcheck, NamesOfCellsAreUnique) {
  std::set<std::string> names;
  for (const Experiment& experiment : AllExperiments()) {
    for (const SimulatedCell& cell : experiment.cells) EXPECT_TRUE(names.insert(cell.name).second) << cell.name;
  }
  for (const ComputedCell& cell : AllComputedCells()) EXPECT_TRUE(names.insert(cell.name).second) << cell.name;
}

}  // namespace
}  // namespace penstock::sim
