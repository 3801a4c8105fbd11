#include "sim/demand/own_reservation.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "broker/planning/recommendation.h"
#include "sim/distributions.h"
#include "sim/random.h"

namespace penstock::sim {
namespace {

BurndownRates Rates() {
  BurndownRates rates;
  rates[TokenKind::kInput] = 1'000;
  rates[TokenKind::kOutput] = 4'000;
  return rates;
}

TEST(OwnReservation, TheNewsvendorCoversAllButTheShareOfWindowsThatThePriceSays) {
  std::vector<double> work;
  for (int w = 1; w <= 10; ++w) work.push_back(w * 60'000.0);
  EXPECT_EQ(NewsvendorRate(work, Minutes(1), 0.35), WorkPerSecond(7'000));
  EXPECT_EQ(NewsvendorRate(work, Minutes(1), 0), WorkPerSecond(10'000));
  EXPECT_EQ(NewsvendorRate(work, Minutes(1), 0.999), WorkPerSecond(1'000));
  EXPECT_EQ(NewsvendorRate(work, Minutes(1), 1), WorkPerSecond(0));
  EXPECT_EQ(NewsvendorRate({}, Minutes(1), 0.5), WorkPerSecond(0));
}

TEST(OwnReservation, CostsWhatTheExactRecommendationCosts) {
  const uint64_t seed = 31;
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 30; ++round) {
    std::vector<planning::WindowUse> history(336);
    std::vector<double> work(history.size());
    for (size_t w = 0; w < history.size(); ++w) {
      history[w] = {w % 168, Work(600'000 * random.Below(1 + random.Below(50)))};
      work[w] = static_cast<double>(history[w].work.count());
    }
    const planning::ReservePrices prices = {1'000, 60'000 * (1 + random.Below(99)) / 100};
    const double ratio = static_cast<double>(prices.reserved_pico) / 60 / static_cast<double>(prices.elastic_pico);
    const WorkPerSecond rate = NewsvendorRate(work, Minutes(10), ratio);
    ledger::Money cost;
    for (const planning::WindowUse& use : history) {
      cost += ledger::Money::FromPico(10 * prices.reserved_pico) * rate.count();
      const int64_t beyond = std::max<int64_t>(0, use.work.count() - 600 * rate.count());
      cost += ledger::Money::FromPico(prices.elastic_pico) * beyond;
    }
    const planning::Recommendation exact = planning::Recommend(history, Minutes(10), prices, WorkPerSecond(1));
    EXPECT_EQ(cost.ToDecimal(), exact.constant.cost().ToDecimal()) << prices.reserved_pico;
  }
}

TEST(OwnReservation, TheSplitLosesNoTokenAndFillsTheReservationUpToARounding) {
  const uint64_t seed = 5;
  SCOPED_TRACE(seed);
  Random random(seed);
  std::vector<TokenCounts> tokens(500);
  for (TokenCounts& counts : tokens) {
    counts[TokenKind::kInput] = Tokens(random.Below(100'000));
    counts[TokenKind::kOutput] = Tokens(random.Below(20'000));
  }
  const WorkPerSecond rate(100'000);
  const SplitTokens split = SplitRoundDown(tokens, Rates(), Minutes(10), rate);
  const int64_t room = 60'000'000;
  for (size_t w = 0; w < tokens.size(); ++w) {
    EXPECT_TRUE(split.within[w] + split.beyond[w] == tokens[w]);
    const int64_t within = WorkOf(split.within[w], Rates()).count();
    const int64_t all = WorkOf(tokens[w], Rates()).count();
    EXPECT_LE(within, room);
    EXPECT_GT(within, std::min(all, room) - 5'000 - 1);
  }
}

}  // namespace
}  // namespace penstock::sim
