#include "sim/demand/rating_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "sim/demand/load_profile.h"
#include "sim/distributions.h"
#include "sim/random.h"

namespace penstock::sim {
namespace {

using ledger::rating::Sample;
using ledger::rating::TokenRow;
using testing::ElementsAre;

constexpr Instant kStart(1'780'272'000'000'000'000);  // Monday 1 June 2026

LoadProfile InputOnly(std::vector<double> tokens) {
  LoadProfile profile;
  profile.window = Minutes(10);
  profile.tokens_of_kind[static_cast<size_t>(TokenKind::kInput)] = std::move(tokens);
  return profile;
}

BurndownRates Thousand() {
  BurndownRates rates;
  rates[TokenKind::kInput] = 1'000;
  return rates;
}

std::vector<int64_t> InputsOf(const std::vector<TokenCounts>& tokens) {
  std::vector<int64_t> inputs;
  for (const TokenCounts& counts : tokens) inputs.push_back(counts[TokenKind::kInput].count());
  return inputs;
}

TEST(RatingRows, RoundingKeepsTheTotal) {
  EXPECT_THAT(InputsOf(RoundedTokens(InputOnly({0.4, 0.4, 0.4, 0.4, 0.4}))), ElementsAre(0, 1, 0, 1, 0));
  const uint64_t seed = 7;
  SCOPED_TRACE(seed);
  Random random(seed);
  std::vector<double> tokens(1'000);
  double sum = 0;
  for (double& each : tokens) sum += each = 100 * Exponential(random);
  int64_t whole = 0;
  const std::vector<int64_t> rounded = InputsOf(RoundedTokens(InputOnly(tokens)));
  for (size_t w = 0; w < rounded.size(); ++w) {
    whole += rounded[w];
    EXPECT_LE(std::abs(static_cast<double>(rounded[w]) - tokens[w]), 1.0 + 1e-9);
  }
  EXPECT_LE(std::abs(static_cast<double>(whole) - sum), 0.5);
}

TEST(RatingRows, AWindowIsLaidOverItsMinutesWithoutLosingAnything) {
  const std::vector<TokenCounts> tokens = RoundedTokens(InputOnly({0, 33}));
  const std::vector<Sample> even = SamplesOf(tokens, Thousand(), kStart, Minutes(10), RowSpread::kEvenly);
  ASSERT_EQ(even.size(), 10u);
  Work sum;
  for (const Sample& sample : even) {
    EXPECT_EQ(sample.work, Work(3'300));
    sum += sample.work;
  }
  EXPECT_EQ(even.front().start, kStart + Minutes(10));
  EXPECT_EQ(even.back().start, kStart + Minutes(19));
  EXPECT_EQ(sum, Work(33'000));
  EXPECT_THAT(SamplesOf(tokens, Thousand(), kStart, Minutes(10), RowSpread::kAtStart),
              ElementsAre(Sample{kStart + Minutes(10), Work(33'000), Work()}));
}

TEST(RatingRows, WorkThatDoesNotDivideIsStillAllThere) {
  const std::vector<Work> work = {Work(7), Work(1'000'000'000'000'003)};
  Work sum;
  for (const Sample& sample : SamplesOf(work, kStart, Minutes(10), RowSpread::kEvenly)) sum += sample.work;
  EXPECT_EQ(sum, work[0] + work[1]);
}

TEST(RatingRows, TokensStandByTheHourWhereHoursMatter) {
  const std::vector<TokenCounts> tokens = RoundedTokens(InputOnly({1, 2, 0, 0, 0, 0, 4, 8}));
  const std::vector<TokenRow> hours = TokenRowsOf(tokens, ServiceClass::kFlex, kStart, Minutes(10), true);
  ASSERT_EQ(hours.size(), 2u);
  EXPECT_EQ(hours[0].at, kStart);
  EXPECT_EQ(hours[0].tokens[TokenKind::kInput], Tokens(3));
  EXPECT_EQ(hours[0].served, ServiceClass::kFlex);
  EXPECT_EQ(hours[1].at, kStart + Hours(1));
  EXPECT_EQ(hours[1].tokens[TokenKind::kInput], Tokens(12));
  const std::vector<TokenRow> one = TokenRowsOf(tokens, ServiceClass::kFlex, kStart, Minutes(10), false);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].tokens[TokenKind::kInput], Tokens(15));
}

ledger::DemandCharge ChargeOf(ledger::DemandRule rule, int64_t windows) {
  ledger::DemandCharge charge;
  charge.rule = rule;
  charge.windows = windows;
  charge.steps = {{0, 1}};
  return charge;
}

TEST(RatingRows, OneRowAWindowWillDoWhereNoChargeLooksInside) {
  using ledger::DemandRule;
  const auto spread = [](const ledger::DemandCharge& charge) {
    ledger::PoolPrices prices;
    prices.demand = {charge};
    return SpreadFor(&prices, Minutes(10));
  };
  EXPECT_EQ(SpreadFor(nullptr, Minutes(10)), RowSpread::kAtStart);
  EXPECT_EQ(spread(ChargeOf(DemandRule::kBlockMaximum, 10)), RowSpread::kAtStart);
  EXPECT_EQ(spread(ChargeOf(DemandRule::kSlidingMaximum, 60)), RowSpread::kAtStart);
  EXPECT_EQ(spread(ChargeOf(DemandRule::kBlockMaximum, 15)), RowSpread::kEvenly);
  EXPECT_EQ(spread(ChargeOf(DemandRule::kPercentile, 1)), RowSpread::kEvenly);
  EXPECT_EQ(spread(ChargeOf(DemandRule::kCoincident, 1)), RowSpread::kEvenly);
}

TEST(RatingRows, BothSpreadsGiveTheSameDemandWhereOneRowWillDo) {
  const uint64_t seed = 99;
  SCOPED_TRACE(seed);
  Random random(seed);
  const ledger::Calendar calendar;
  for (int round = 0; round < 20; ++round) {
    std::vector<Work> work(144);
    for (Work& each : work) each = Work(random.Below(3) == 0 ? 10 * random.Below(1'000'000) : 0);
    const ledger::rating::Period day = {kStart, kStart + Days(1)};
    const std::vector<Sample> even = SamplesOf(work, kStart, Minutes(10), RowSpread::kEvenly);
    const std::vector<Sample> first = SamplesOf(work, kStart, Minutes(10), RowSpread::kAtStart);
    for (const ledger::DemandRule rule : {ledger::DemandRule::kBlockMaximum, ledger::DemandRule::kSlidingMaximum}) {
      const ledger::DemandCharge charge = ChargeOf(rule, 30);
      EXPECT_TRUE(MeteredDemand(charge, calendar, {even, even}, day).sum ==
                  MeteredDemand(charge, calendar, {first, first}, day).sum);
    }
  }
}

}  // namespace
}  // namespace penstock::sim
