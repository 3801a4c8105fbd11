// A pool's market, in sentences: what fits, what it costs and why, what else could be had.
#include "broker/market/pool_market.h"

#include <gtest/gtest.h>

#include <cmath>

namespace penstock::market {
namespace {

using ledger::PriceBasis;
using ledger::RateStep;

const Instant kMonday = Instant() + Days(20'423);  // 2025-12-01, a Monday
constexpr int64_t kNt = 1'000;

RateStep Step(int64_t from_hour, int64_t to_hour, int64_t nt_per_s) {
  return {kMonday + Hours(from_hour), kMonday + Hours(to_hour), WorkPerSecond(nt_per_s * kNt), 0};
}

class PoolMarketTest : public testing::Test {
 protected:
  PoolMarketTest() {
    MarketTerms terms;
    terms.open = true;
    terms.envelope = envelope_;
    terms.scarcity = {{0, 0}, {500, 0}, {1'000, 2'000}};
    terms.lead_time = {{Duration(), 1'500}, {Hours(24), 1'000}};
    terms.term = {{Duration(), 1'000}, {Days(7), 900}};
    market_.SetTerms(terms);
    ledger::CapacityPlanEntry plan;
    plan.margin = 100;  // 10 %
    plan.steps = {{Instant(), NormalizedTokensPerSecond(1'000), 100, 0}};
    market_.SetCapacity(plan);
    inputs_ = {.now = kMonday - Days(2), .list_price = 100, .elastic_price = 0};
  }

  ledger::ReservationTerms Terms(std::vector<RateStep> steps) const {
    ledger::ReservationTerms terms;
    terms.envelope = envelope_;
    terms.steps = std::move(steps);
    return terms;
  }

  // 10 nt of work for 1 s each: a slot for 10 nt/s.
  ledger::Envelope envelope_{.mean_work = NormalizedTokens(10), .mean_residence = Seconds(1), .largest_context = {}};
  PoolMarket market_;
  PriceInputs inputs_;
};

TEST_F(PoolMarketTest, TheMarginIsNeverForSale) {
  EXPECT_FALSE(market_.ShortageOf({Step(9, 18, 900)}, envelope_));
  const auto shortage = market_.ShortageOf({Step(9, 18, 901)}, envelope_);
  ASSERT_TRUE(shortage);
  EXPECT_EQ(shortage->scarce, Shortage::What::kThroughput);
  EXPECT_EQ(shortage->asked, 901 * kNt);
  EXPECT_EQ(shortage->room, 900 * kNt);
}

TEST_F(PoolMarketTest, LongRequestsRunOutOfSlotsBeforeThroughput) {
  ledger::Envelope slow = envelope_;
  slow.mean_residence = Seconds(2);
  const auto shortage = market_.ShortageOf({Step(9, 18, 451)}, slow);
  ASSERT_TRUE(shortage);
  EXPECT_EQ(shortage->scarce, Shortage::What::kSlots);
  EXPECT_EQ(shortage->asked, 91);  // 90.2 are 91
  EXPECT_EQ(shortage->room, 90);
}

TEST_F(PoolMarketTest, MaintenanceTakesSupplyAwayAndGrowthBringsIt) {
  ledger::CapacityPlanEntry plan = market_.capacity();
  plan.steps.push_back({kMonday + Hours(12), NormalizedTokensPerSecond(500), 100, 0});
  plan.steps.push_back({kMonday + Hours(14), NormalizedTokensPerSecond(2'000), 200, 0});
  market_.SetCapacity(plan);
  EXPECT_TRUE(market_.ShortageOf({Step(9, 18, 500)}, envelope_));
  EXPECT_EQ(market_.ShortageOf({Step(9, 18, 500)}, envelope_)->at, kMonday + Hours(12));
  EXPECT_FALSE(market_.ShortageOf({Step(9, 12, 500), Step(14, 18, 1'800)}, envelope_));
}

TEST_F(PoolMarketTest, WhatIsGivenBackCanBeSoldAgain) {
  const auto terms = Terms({Step(9, 18, 600)});
  market_.Commit(terms, inputs_.now);
  EXPECT_TRUE(market_.ShortageOf({Step(17, 19, 301)}, envelope_));
  market_.Release(terms, kMonday + Hours(12));  // from noon on
  EXPECT_FALSE(market_.ShortageOf({Step(17, 19, 301)}, envelope_));
  EXPECT_TRUE(market_.ShortageOf({Step(11, 12, 301)}, envelope_));
}

TEST_F(PoolMarketTest, WithoutADemandThatItDisplacesAWindowCostsTheListPrice) {
  const PriceBasis basis = market_.AskFor({Step(9, 18, 90)}, inputs_);
  EXPECT_EQ(basis.floor, 100);
  EXPECT_EQ(basis.displacement, 0);
  EXPECT_EQ(basis.utilisation, 100);
  EXPECT_EQ(UnitPriceOf(basis), 100);
}

TEST_F(PoolMarketTest, ScarcityLeadTimeAndTermMoveThePrice) {
  market_.Commit(Terms({Step(12, 13, 540)}), inputs_.now);  // 60 % sold at noon
  const PriceBasis basis = market_.AskFor({Step(9, 18, 135)}, inputs_);
  EXPECT_EQ(basis.utilisation, 750);
  EXPECT_EQ(basis.tightest, kMonday + Hours(12));
  EXPECT_EQ(basis.scarcity, 100);  // half way from 0 to twice the list price
  EXPECT_EQ(UnitPriceOf(basis), 100);
  inputs_.now = kMonday + Hours(8);  // an hour ahead
  EXPECT_EQ(UnitPriceOf(market_.AskFor({Step(9, 18, 135)}, inputs_)), 150);
  inputs_.now = kMonday - Days(2);
  EXPECT_EQ(UnitPriceOf(market_.AskFor({Step(24, 24 + 7 * 24, 90)}, inputs_)), 90);
}

TEST_F(PoolMarketTest, WhatElasticTrafficWouldHavePaidIsTheLeast) {
  ledger::DemandPlanEntry demand;
  demand.id = 7;
  demand.from = kMonday;
  // Certain demand of 800 nt/s: of 900 for sale, 100 are free, the rest displaces.
  demand.hours.assign(168, {NormalizedTokensPerSecond(800), WorkPerSecond()});
  market_.SetDemand(demand);
  inputs_.elastic_price = 5;  // pico per milli-nt; 300 a milli-nt/s and minute
  EXPECT_EQ(market_.AskFor({Step(9, 18, 100)}, inputs_).displacement, 0);
  const PriceBasis basis = market_.AskFor({Step(9, 18, 200)}, inputs_);
  EXPECT_EQ(basis.displacement, 150);  // half of it displaces
  EXPECT_EQ(basis.plan, 7u);
  EXPECT_EQ(UnitPriceOf(basis), 150);
  // Littlewood: the marginal unit is worth the elastic price times the chance that elastic demand reaches it.
  demand.hours.assign(168, {NormalizedTokensPerSecond(500), NormalizedTokensPerSecond(150)});
  market_.SetDemand(demand);
  market_.Commit(Terms({Step(9, 10, 362)}), inputs_.now);  // 538 are left: the protection level at a ratio of 0.4
  inputs_.elastic_price = 1'000'000;
  const int64_t marginal = market_.AskFor({Step(9, 10, 1)}, inputs_).displacement;
  EXPECT_NEAR(static_cast<double>(marginal) / 60e6, 0.4, 0.002);
}

TEST_F(PoolMarketTest, TheBidIsTheAskLessASpreadThatIsWiderWhenLittleIsSold) {
  const auto terms = Terms({Step(9, 18, 90)});
  market_.Commit(terms, inputs_.now);
  EXPECT_EQ(market_.BidFor(terms.steps, inputs_), 54);  // a tenth is sold: a spread of 46 %
  market_.Commit(Terms({Step(9, 18, 810)}), inputs_.now);
  const int64_t full = market_.BidFor(terms.steps, inputs_);
  EXPECT_EQ(full, 180);  // twice the list price less 10 %
}

TEST_F(PoolMarketTest, WhatDoesNotFitComesWithOtherTimesAndALowerRate) {
  market_.Commit(Terms({Step(9, 18, 600)}), inputs_.now);
  const auto wish = Terms({Step(16, 20, 600)});
  const auto others = market_.AlternativesTo(wish, inputs_, ledger::kMaxAlternatives);
  ASSERT_FALSE(others.empty());
  bool later = false;
  bool lower = false;
  for (const ledger::Alternative& one : others) {
    if (one.kind == ledger::Alternative::Kind::kLater) later |= one.shift == Hours(2);
    if (one.kind == ledger::Alternative::Kind::kLowerRate) {
      lower = true;
      EXPECT_EQ(one.rate, NormalizedTokensPerSecond(300));
    }
    std::vector<RateStep> steps = wish.steps;
    steps[0].from = steps[0].from + one.shift;
    steps[0].to = steps[0].to + one.shift;
    steps[0].rate = one.rate;
    EXPECT_FALSE(market_.ShortageOf(steps, envelope_)) << "an alternative can be had";
    EXPECT_GE(steps[0].from, inputs_.now);
  }
  EXPECT_TRUE(later) << "exactly when it fits next";
  EXPECT_TRUE(lower);
}

TEST_F(PoolMarketTest, OfALongWindowFewerOtherTimesAreTried) {
  const auto times = [this](int64_t hours) {
    size_t count = 0;
    for (const ledger::Alternative& one : market_.AlternativesTo(Terms({Step(24 * 30, 24 * 30 + hours, 90)}), inputs_, 99)) {
      count += one.kind != ledger::Alternative::Kind::kLowerRate ? 1u : 0u;
    }
    return count;
  };
  EXPECT_EQ(times(9), 20u) << "all ten shifts, each way";
  EXPECT_EQ(times(126), 8u);
  EXPECT_EQ(times(24 * 300), 0u);
}

TEST(PostedPriceTest, FollowsItsCurveInStepsWithinItsBounds) {
  PostedPriceTerms terms;
  terms.curve = {{0, 800}, {700, 1'000}, {900, 1'800}, {1'000, 3'000}};
  terms.cap = 2'500;
  EXPECT_EQ(FactorAt(terms.curve, 0), 800);
  EXPECT_EQ(FactorAt(terms.curve, 800), 1'400);
  EXPECT_EQ(FactorAt(terms.curve, 5'000), 3'000);
  EXPECT_EQ(NextMultiplier(terms, 1'000, 700, 0), 1'000);
  EXPECT_EQ(NextMultiplier(terms, 1'000, 710, 0), 1'000) << "less than a step is no change";
  EXPECT_EQ(NextMultiplier(terms, 1'000, 0, 800), 1'200) << "the forecast counts too, four steps at a time";
  EXPECT_EQ(NextMultiplier(terms, 1'200, 0, 800), 1'400);
  EXPECT_EQ(NextMultiplier(terms, 2'450, 1'000, 0), 2'500) << "the cap holds";
  EXPECT_EQ(NextMultiplier(terms, 1'000, 0, 0), 800);
}

}  // namespace
}  // namespace penstock::market
