// Changing what a reservation promises keeps what can be kept.
#include "broker/market/reshape.h"

#include <gtest/gtest.h>

#include <random>

namespace penstock::market {
namespace {

using ledger::RateStep;

RateStep Step(int64_t from, int64_t to, int64_t rate, int64_t price) {
  return {Instant() + Minutes(from), Instant() + Minutes(to), WorkPerSecond(rate), price};
}

int64_t RateAt(const std::vector<RateStep>& steps, int64_t minute) {
  int64_t rate = 0;
  for (const RateStep& step : steps) {
    const Instant at = Instant() + Minutes(minute);
    if (step.from <= at && at < step.to) rate += step.rate.count();
  }
  return rate;
}

TEST(ReshapeTest, MoreIsAddedAndTheRestStays) {
  const Reshaped result = Reshape({Step(10, 20, 5, 7)}, {Step(10, 20, 8, 9)}, Instant());
  EXPECT_EQ(result.kept, std::vector<RateStep>({Step(10, 20, 5, 7)}));
  EXPECT_TRUE(result.gone.empty());
  EXPECT_EQ(result.added, std::vector<RateStep>({Step(10, 20, 3, 9)}));
}

TEST(ReshapeTest, LessGivesBackWhatWasBoughtLast) {
  const Reshaped result = Reshape({Step(10, 20, 5, 7), Step(10, 20, 3, 9)}, {Step(10, 20, 4, 0)}, Instant());
  EXPECT_EQ(result.kept, std::vector<RateStep>({Step(10, 20, 4, 7)}));
  EXPECT_EQ(result.gone, std::vector<RateStep>({Step(10, 20, 1, 7), Step(10, 20, 3, 9)}));
}

TEST(ReshapeTest, AShiftGivesBackTheBeginningAndAddsAtTheEnd) {
  const Reshaped result = Reshape({Step(10, 20, 5, 7)}, {Step(12, 22, 5, 9)}, Instant());
  EXPECT_EQ(result.kept, std::vector<RateStep>({Step(12, 20, 5, 7)}));
  EXPECT_EQ(result.gone, std::vector<RateStep>({Step(10, 12, 5, 7)}));
  EXPECT_EQ(result.added, std::vector<RateStep>({Step(20, 22, 5, 9)}));
}

TEST(ReshapeTest, ThePastStaysAsItWas) {
  const Reshaped result = Reshape({Step(10, 20, 5, 7)}, {}, Instant() + Minutes(13));
  EXPECT_EQ(result.kept, std::vector<RateStep>({Step(10, 13, 5, 7)}));
  EXPECT_EQ(result.gone, std::vector<RateStep>({Step(13, 20, 5, 7)}));
}

TEST(ReshapeTest, AlwaysGivesWhatIsWantedAndLosesNothing) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto number = [&](int64_t most) { return static_cast<int64_t>(random() % static_cast<uint64_t>(most)); };
  for (int round = 0; round < 2'000; ++round) {
    std::vector<RateStep> bought;
    std::vector<RateStep> wanted;
    for (int64_t i = number(5); i > 0; --i) {
      const int64_t from = number(30);
      bought.push_back(Step(from, from + 1 + number(12), 1 + number(4), number(3)));
    }
    for (int64_t at = 0; at < 40; at += 1 + number(10)) {
      const int64_t to = at + 1 + number(6);
      if (random() % 2 == 0) wanted.push_back(Step(at, to, 1 + number(6), 5));
      at = to;
    }
    Tidy(&bought);
    const int64_t now = number(35);
    const Reshaped result = Reshape(bought, wanted, Instant() + Minutes(now));
    for (int64_t minute = 0; minute < 50; ++minute) {
      const int64_t had = RateAt(bought, minute);
      const int64_t has = RateAt(result.kept, minute) + RateAt(result.added, minute);
      EXPECT_EQ(has, minute < now ? had : RateAt(wanted, minute));
      EXPECT_EQ(RateAt(result.kept, minute) + RateAt(result.gone, minute), had);
      EXPECT_TRUE(RateAt(result.gone, minute) == 0 || RateAt(result.added, minute) == 0) << "never both";
    }
  }
}

}  // namespace
}  // namespace penstock::market
