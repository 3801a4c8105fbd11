// Figures of runs, added up by hand: months, summaries, comparisons.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "sim/run/comparison.h"
#include "sim/run/course.h"
#include "sim/run/summary.h"
#include "tests/sim/run/small_scenario.h"

namespace penstock::sim {
namespace {

using ledger::Money;

Money Units(int64_t units) { return Money::FromPico(ledger::PicoCount(units) * 1'000'000'000'000); }

/// Two tenants of a week: 60 of 100 dollars and 10 of 40 nt in the busiest minutes; the other pays 40.
Run RunOfAWeek() {
  Run run;
  RunFigures& figures = run.figures;
  figures.length = Days(7);
  figures.counts.came = 200;
  figures.counts.finished = 150;
  figures.counts.refused_yours = 20;
  figures.counts.refused_pool = 30;
  figures.counts.tokens[TokenKind::kInput] = Tokens(5'000);
  figures.in_time = 0.5;
  figures.revenue = Units(100);
  figures.by_component[0] = Units(70);
  figures.by_component[5] = Units(30);
  figures.warm_up = Minutes(5);
  figures.pools.push_back({.name = "chat", .served = NormalizedTokens(6'048'000), .utilisation = 0.4,
                           .peak_utilisation = 0.9, .fleet_busy = 0.3});
  figures.tenants.resize(2);
  figures.tenants[0].name = "a";
  figures.tenants[0].bill = Units(60);
  figures.tenants[0].in_busiest = NormalizedTokens(10);
  figures.tenants[0].counts.work = NormalizedTokens(700);
  figures.tenants[0].counts.came = 10;
  figures.tenants[0].in_time = 4;
  figures.tenants[0].load_factor = 0.25;
  figures.tenants[0].peak = NormalizedTokens(600);
  figures.tenants[0].wait_p99 = 2'000'000'000;
  figures.tenants[1].name = "b";
  figures.tenants[1].bill = Units(40);
  figures.tenants[1].in_busiest = NormalizedTokens(30);
  return run;
}

Scenario ScenarioOfAWeek() {
  Scenario scenario = SmallScenario();
  scenario.length = Days(7);
  scenario.fleets[0].replicas = 2;
  scenario.fleets[0].replica_hour = Units(1);
  return scenario;
}

TEST(EvaluationOf, ScalesAWeekUpToAMonthOfThirtyDays) {
  const Evaluation evaluation = EvaluationOf(ScenarioOfAWeek(), RunOfAWeek());
  const double month = 30.0 / 7;
  EXPECT_DOUBLE_EQ(evaluation.revenue, 100 * month);
  EXPECT_DOUBLE_EQ(evaluation.by_component[0], 70 * month);
  EXPECT_DOUBLE_EQ(evaluation.by_component[5], 30 * month);
  EXPECT_DOUBLE_EQ(evaluation.customers[0].bill, 60 * month);
  EXPECT_DOUBLE_EQ(evaluation.customers[0].work, 700 * month);
  EXPECT_DOUBLE_EQ(evaluation.capacity_cost, 2 * 720) << "two replicas for a month";
  EXPECT_DOUBLE_EQ(evaluation.welfare, 100 * month - 1'440) << "nobody has a surplus here";
  EXPECT_DOUBLE_EQ(evaluation.revenue_per_capacity, 100 * month / 1'000);
  EXPECT_DOUBLE_EQ(evaluation.refused, 0.25);
  EXPECT_DOUBLE_EQ(evaluation.utilisation, 0.4);
  EXPECT_DOUBLE_EQ(evaluation.peak_utilisation, 0.9);
}

TEST(EvaluationOf, CrossSubsidyIsHalfOfWhatSharesOfBillsAndPeakDifferBy) {
  const Evaluation evaluation = EvaluationOf(ScenarioOfAWeek(), RunOfAWeek());
  EXPECT_DOUBLE_EQ(evaluation.customers[0].peak_share, 0.25);
  EXPECT_DOUBLE_EQ(evaluation.cross_subsidy, (std::fabs(0.6 - 0.25) + std::fabs(0.4 - 0.75)) / 2);
}

TEST(EvaluationOf, SurplusIsOfThePopulationWhichComesLast) {
  sim::Run run = RunOfAWeek();
  run.decisions = {Decision{.surplus = 7}};
  const Evaluation evaluation = EvaluationOf(ScenarioOfAWeek(), run);
  EXPECT_DOUBLE_EQ(evaluation.customers[0].surplus, 0);
  EXPECT_DOUBLE_EQ(evaluation.customers[1].surplus, 30);
  EXPECT_DOUBLE_EQ(evaluation.welfare, 30 + 3'000.0 / 7 - 1'440);
}

TEST(EvaluationOf, CapacityCountsForAsLongAsItWasThere) {
  Scenario scenario = ScenarioOfAWeek();
  scenario.capacity_changes = {
      {.at = Hours(84), .capacity = NormalizedTokensPerSecond(500), .max_in_flight = 0, .replicas = 1}};
  const Evaluation evaluation = EvaluationOf(scenario, RunOfAWeek());
  EXPECT_DOUBLE_EQ(evaluation.capacity_cost, 1.5 * 720);
  EXPECT_DOUBLE_EQ(evaluation.revenue_per_capacity, 3'000.0 / 7 / 750);
}

TEST(EvaluationOf, IsOfAllPoolsTogether) {
  Scenario scenario = ScenarioOfAWeek();
  scenario.settings.pools.push_back(SmallPool("code"));
  scenario.settings.pools[1].terms.capacity = NormalizedTokensPerSecond(3'000);
  scenario.fleets.push_back(scenario.fleets[0]);
  sim::Run run = RunOfAWeek();
  run.figures.pools.push_back({.name = "code", .served = {}, .utilisation = 0.8, .peak_utilisation = 0.85});
  const Evaluation evaluation = EvaluationOf(scenario, run);
  EXPECT_DOUBLE_EQ(evaluation.utilisation, (0.4 * 1 + 0.8 * 3) / 4);
  EXPECT_DOUBLE_EQ(evaluation.peak_utilisation, 0.9);
  EXPECT_DOUBLE_EQ(evaluation.revenue_per_capacity, 3'000.0 / 7 / 4'000);
  EXPECT_DOUBLE_EQ(evaluation.capacity_cost, 4 * 720);
}

/// The same traffic in the first part of a longer or shorter time must cost the same demand by the month.
TEST(EvaluationOf, ADemandChargeWeighsTheSameHoweverLongTheRunIs) {
  const auto demand_by_month = [](Duration length) {
    Scenario scenario = SmallScenario();
    scenario.length = length;
    scenario.settings.tariff.pools[0].demand = {ledger::BusiestMinute(720'000)};
    AddTraffic("acme", SmallRequests(Minutes(5) + Seconds(1), 2, Seconds(5)), &scenario);
    const auto run = RunScenario(scenario, {});
    EXPECT_TRUE(run.ok()) << run.status();
    const auto kind = static_cast<size_t>(ledger::rating::LineKind::kDemand);
    EXPECT_EQ(run->figures.by_component[kind],
              Money::FromPico(2 * 140'000 * 1'000 * (length.count() / Hours(1).count())));
    return EvaluationOf(scenario, *run).by_component[kind];
  };
  EXPECT_DOUBLE_EQ(demand_by_month(Hours(1)), 280'000 * 720'000e-12);
  EXPECT_DOUBLE_EQ(demand_by_month(Hours(6)), 280'000 * 720'000e-12);
}

TEST(Summarise, TakesMeansAndIntervalsOverRuns) {
  std::vector<sim::Run> runs = {RunOfAWeek(), RunOfAWeek()};
  runs[1].figures.revenue = Units(110);
  runs[1].figures.tenants[0].bill = Units(70);
  runs[1].figures.tenants[0].in_busiest = NormalizedTokens(30);
  const Summary summary = Summarise(runs);
  EXPECT_EQ(summary.replications, 2u);
  EXPECT_DOUBLE_EQ(summary.revenue.mean, 105);
  EXPECT_NEAR(summary.revenue.half_width, 12.7062 * 5, 1e-3) << "t of one degree of freedom x 10/2";
  EXPECT_DOUBLE_EQ(summary.came.mean, 200);
  EXPECT_DOUBLE_EQ(summary.came.half_width, 0);
  EXPECT_DOUBLE_EQ(summary.tokens.mean, 5'000);
  EXPECT_DOUBLE_EQ(summary.warm_up_s.mean, 300);
  ASSERT_EQ(summary.pools.size(), 1u);
  EXPECT_DOUBLE_EQ(summary.pools[0].served_nt_per_s.mean, 10);
  ASSERT_EQ(summary.tenants.size(), 2u);
  EXPECT_DOUBLE_EQ(summary.tenants[0].bill.mean, 65);
  EXPECT_DOUBLE_EQ(summary.tenants[0].peak_share.mean, (0.25 + 0.5) / 2);
  EXPECT_DOUBLE_EQ(summary.tenants[0].in_time.mean, 0.4);
  EXPECT_DOUBLE_EQ(summary.tenants[0].peak_nt_per_s.mean, 10);
  EXPECT_DOUBLE_EQ(summary.tenants[0].wait_p99_s.mean, 2);
  EXPECT_TRUE(summary.classes.empty()) << "nobody used any";
}

TEST(Summarise, OfOneRunHasNoIntervals) {
  const std::vector<sim::Run> runs = {RunOfAWeek()};
  EXPECT_EQ(Summarise(runs).revenue.count, 1u);
  EXPECT_TRUE(std::isinf(Summarise(runs).revenue.half_width));
}

Evaluation Paying(double a, double b) {
  Evaluation evaluation;
  evaluation.revenue = a + b;
  evaluation.capacity_cost = 10;
  evaluation.customers = {{.name = "b", .bill = b}, {.name = "a", .load_factor = 0.5, .work = 8, .bill = a}};
  return evaluation;
}

const PairedFigure& Named(const TariffComparison& comparison, const std::string& name) {
  for (const PairedFigure& figure : comparison.figures) {
    if (figure.name == name) return figure;
  }
  PENSTOCK_CHECK(false);
}

TEST(CompareTariffs, PairsSeedBySeed) {
  // Chance moves bills by tens, the tariff by one.
  const std::vector<Evaluation> first = {Paying(10, 90), Paying(30, 120), Paying(20, 130)};
  const std::vector<Evaluation> second = {Paying(11, 89), Paying(31, 121), Paying(21, 129)};
  const TariffComparison comparison = CompareTariffs(first, second, 0.95);
  const PairedFigure& revenue = Named(comparison, "revenue");
  EXPECT_DOUBLE_EQ(revenue.first.mean, 400.0 / 3);
  EXPECT_DOUBLE_EQ(revenue.second.mean, 402.0 / 3);
  EXPECT_NEAR(revenue.difference.mean, 2.0 / 3, 1e-12);
  EXPECT_NEAR(revenue.difference.half_width, 4.30265 * (2 / std::sqrt(3.0)) / std::sqrt(3.0), 1e-4);
  EXPECT_DOUBLE_EQ(Named(comparison, "revenue less capacity").first.mean, 370.0 / 3);
  ASSERT_EQ(comparison.customers.size(), 2u);
  EXPECT_EQ(comparison.customers[0].name, "a");
  EXPECT_DOUBLE_EQ(comparison.customers[0].difference.mean, 1);
  EXPECT_EQ(comparison.customers[0].verdict, BillImpact::Verdict::kPaysMore) << "a dollar each time";
  EXPECT_EQ(comparison.customers[1].verdict, BillImpact::Verdict::kCannotTell) << "now less, now more";
  EXPECT_EQ(comparison.pay_more, 1u);
  EXPECT_EQ(comparison.pay_less, 0u);
  EXPECT_NEAR(comparison.customers[0].share_first, (10.0 / 100 + 30.0 / 150 + 20.0 / 150) / 3, 1e-12);
  EXPECT_NEAR(comparison.customers[0].load_factor, 0.5, 1e-12);
  EXPECT_NEAR(comparison.customers[0].work, 8, 1e-12);
}

TEST(CompareTariffs, OfOneSeedABillIsLessWhenItIs) {
  const std::vector<Evaluation> first = {Paying(10, 90)};
  const std::vector<Evaluation> second = {Paying(9, 90)};
  const TariffComparison comparison = CompareTariffs(first, second, 0.95);
  EXPECT_EQ(comparison.customers[0].verdict, BillImpact::Verdict::kPaysLess);
  EXPECT_EQ(comparison.customers[1].verdict, BillImpact::Verdict::kCannotTell) << "the same";
  EXPECT_EQ(comparison.pay_less, 1u);
}

TEST(Course, MeansAreExactWhereNothingChangesAndWeightedByTimeElsewhere) {
  const std::vector<CapacityChange> changes = {
      {.at = Minutes(30), .capacity = NormalizedTokensPerSecond(5), .max_in_flight = 0, .replicas = 7},
      {.at = Minutes(10), .capacity = NormalizedTokensPerSecond(1)},
      {.at = Minutes(20), .capacity = NormalizedTokensPerSecond(9), .max_in_flight = 0, .replicas = 3, .pool = 1}};
  const Course capacity = CapacityCourse(NormalizedTokensPerSecond(3), changes, 0);
  EXPECT_EQ(capacity.Mean(Duration(), Minutes(10)), 3'000);
  EXPECT_EQ(capacity.Mean(Minutes(12), Minutes(15)), 1'000);
  EXPECT_EQ(capacity.Mean(Minutes(40), Hours(9)), 5'000);
  EXPECT_DOUBLE_EQ(capacity.Mean(Minutes(5), Minutes(15)), 2'000);
  EXPECT_DOUBLE_EQ(capacity.Mean(Duration(), Minutes(60)), (10 * 3 + 20 * 1 + 30 * 5) * 1'000.0 / 60);
  EXPECT_DOUBLE_EQ(ReplicaCourse(2, changes, 0).Mean(Duration(), Hours(1)), 4.5) << "one change leaves them";
  EXPECT_DOUBLE_EQ(ReplicaCourse(2, changes, 1).Mean(Duration(), Minutes(40)), 2.5);
}

}  // namespace
}  // namespace penstock::sim
