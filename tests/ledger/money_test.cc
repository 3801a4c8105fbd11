#include "ledger/money.h"

#include <gtest/gtest.h>

#include <limits>
#include <tuple>

#include "ledger/tariff.h"
#include "tests/ledger/random.h"

namespace penstock::ledger {
namespace {

const Money kLargest = Money::FromPico(std::numeric_limits<PicoCount>::max());

Money Pico(int64_t pico) { return Money::FromPico(pico); }

TEST(MoneyTest, ReadsDecimalsExactly) {
  EXPECT_EQ(Money::FromDecimal("12"), Pico(12'000'000'000'000));
  EXPECT_EQ(Money::FromDecimal("-0.5"), Pico(-500'000'000'000));
  EXPECT_EQ(Money::FromDecimal("+0.000000000001"), Pico(1));
  EXPECT_EQ(Money::FromDecimal("0.10"), Pico(100'000'000'000));
  EXPECT_EQ(Money::FromDecimal("-0"), Money());
  EXPECT_EQ(Money::FromDecimal("000012.5"), Pico(12'500'000'000'000));
}

TEST(MoneyTest, RefusesWhatIsNotADecimalNumber) {
  for (const char* text : {"",
                           "-",
                           "+",
                           ".",
                           ".5",
                           "5.",
                           "--5",
                           "+-5",
                           "1e3",
                           "1,5",
                           " 1",
                           "1 ",
                           "0x10",
                           "1.2.3",
                           "1.-5",
                           "0.0000000000001",
                           "1.0000000000000",
                           "inf",
                           "nan",
                           "12a",
                           "1.5b"}) {
    EXPECT_EQ(Money::FromDecimal(text), std::nullopt) << text;
  }
}

TEST(MoneyTest, ReadsUpToTheLargestAmountAndNothingBeyond) {
  EXPECT_EQ(Money::FromDecimal("170141183460469231731687303.715884105727"), kLargest);
  EXPECT_EQ(Money::FromDecimal("-170141183460469231731687303.715884105727"), -kLargest);
  EXPECT_EQ(Money::FromDecimal("170141183460469231731687303.715884105728"), std::nullopt);
  EXPECT_EQ(Money::FromDecimal("170141183460469231731687304"), std::nullopt);
  EXPECT_EQ(Money::FromDecimal(std::string(100, '9')), std::nullopt);
}

TEST(MoneyTest, WritesAllTwelveDecimals) {
  EXPECT_EQ(Money().ToDecimal(), "0.000000000000");
  EXPECT_EQ(Pico(1).ToDecimal(), "0.000000000001");
  EXPECT_EQ(Pico(-1).ToDecimal(), "-0.000000000001");
  EXPECT_EQ(Pico(12'500'000'000'000).ToDecimal(), "12.500000000000");
  EXPECT_EQ((-kLargest).ToDecimal(), "-170141183460469231731687303.715884105727");
}

TEST(MoneyTest, ReadsBackWhatItWrote) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  for (int i = 0; i < 2000; ++i) {
    Money money =
        Pico(static_cast<int64_t>(random.Bits()) >> random.Between(0, 63)) * random.Between(-999'999, 999'999);
    ASSERT_EQ(Money::FromDecimal(money.ToDecimal()), money);
  }
}

TEST(MoneyTest, OrdersBySize) {
  EXPECT_LT(Pico(-2), Pico(-1));
  EXPECT_LT(-kLargest, Money());
  EXPECT_GT(kLargest, Pico(INT64_MAX));
}

TEST(MoneyTest, RoundsByTheNamedMode) {
  struct Case {
    int64_t amount, unit, half_even, half_up, up, down;
  };
  for (const Case& c : {Case{0, 10, 0, 0, 0, 0}, Case{10, 10, 10, 10, 10, 10}, Case{1, 10, 0, 0, 10, 0},
                        Case{5, 10, 0, 10, 10, 0}, Case{15, 10, 20, 20, 20, 10}, Case{25, 10, 20, 30, 30, 20},
                        Case{26, 10, 30, 30, 30, 20}, Case{24, 10, 20, 20, 30, 20}, Case{4, 7, 7, 7, 7, 0},
                        Case{3, 7, 0, 0, 7, 0}, Case{123, 1, 123, 123, 123, 123}}) {
    for (int64_t sign : {1, -1}) {
      const auto rounded = [&c, sign](RoundingMode mode) {
        return Pico(sign * c.amount).RoundedTo(Pico(c.unit), mode);
      };
      EXPECT_EQ(rounded(RoundingMode::kHalfEven), Pico(sign * c.half_even)) << sign * c.amount;
      EXPECT_EQ(rounded(RoundingMode::kHalfUp), Pico(sign * c.half_up)) << sign * c.amount;
      EXPECT_EQ(rounded(RoundingMode::kUp), Pico(sign * c.up)) << sign * c.amount;
      EXPECT_EQ(rounded(RoundingMode::kDown), Pico(sign * c.down)) << sign * c.amount;
    }
  }
}

TEST(MoneyTest, RoundingGivesAMultipleThatIsLessThanAUnitAway) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  for (int i = 0; i < 2000; ++i) {
    const Money money = Pico(static_cast<int64_t>(random.Bits()) >> random.Between(0, 63));
    const Money unit = Pico(random.Between(1, 1'000'000'000'000));
    for (RoundingMode mode : {RoundingMode::kHalfEven, RoundingMode::kHalfUp, RoundingMode::kUp, RoundingMode::kDown}) {
      const Money rounded = money.RoundedTo(unit, mode);
      const Money residue = money - rounded;
      ASSERT_LT(residue.IsNegative() ? -residue : residue, unit);
      ASSERT_EQ(rounded.RoundedTo(unit, mode), rounded) << "a multiple stays";
      ASSERT_EQ((-money).RoundedTo(unit, mode), -rounded) << "a reversal cancels";
    }
  }
}

TEST(MoneyTest, RoundsTheLargestAmountByTheLargestUnit) {
  EXPECT_EQ(kLargest.RoundedTo(kLargest, RoundingMode::kHalfEven), kLargest);
  EXPECT_EQ((kLargest - Pico(1)).RoundedTo(kLargest, RoundingMode::kUp), kLargest);
}

TEST(MoneyDeathTest, AnAmountThatDoesNotFitEndsTheProcess) {
  EXPECT_DEATH(kLargest + Pico(1), "");
  EXPECT_DEATH(-kLargest - Pico(1), "");
  EXPECT_DEATH(kLargest * 2, "");
  EXPECT_DEATH(kLargest.RoundedTo(kLargest - Pico(1), RoundingMode::kUp), "");
  EXPECT_DEATH(Pico(1).RoundedTo(Money(), RoundingMode::kUp), "unit > Money()");
}

// Published prices are per million tokens; a price in micro-units per million is the same number in pico-units per
// token.
TEST(TariffTest, ATokenCostsItsPriceToTheLastPico) {
  struct Case {
    int64_t tokens;
    const char* usd_per_mtok;
    int64_t times, over;  // multiplier
    int64_t pico_usd;
  };
  for (const Case& c : {Case{1, "0.005", 1, 1, 5000}, Case{1, "0.005", 1, 2, 2500}, Case{1, "0.075", 5, 4, 93750},
                        Case{1'000'000'000, "0.005", 1, 2, 2'500'000'000'000}}) {
    const PicoCount micro_per_mtok = (*Money::FromDecimal(c.usd_per_mtok) * c.times).pico() / c.over / 1'000'000;
    TokenPrices prices;
    prices[TokenKind::kInput] = static_cast<int64_t>(micro_per_mtok);
    TokenCounts tokens;
    tokens[TokenKind::kInput] = Tokens(c.tokens);
    EXPECT_EQ(TokenCharge(tokens, prices), Pico(c.pico_usd)) << c.usd_per_mtok;
  }
}

TEST(TariffTest, ChargesEveryKindAtItsOwnPrice) {
  TokenPrices prices;
  TokenCounts tokens;
  int64_t expected = 0;
  for (TokenKind kind : kAllTokenKinds) {
    const int64_t n = 1 + static_cast<int64_t>(kind);
    prices[kind] = 1000 * n;
    tokens[kind] = Tokens(n);
    expected += 1000 * n * n;
  }
  EXPECT_EQ(TokenCharge(tokens, prices), Pico(expected));
}

TEST(TariffTest, TheDearestGeneratedPriceLooksAtOutputAndReasoningOnly) {
  TokenPrices prices;
  prices[TokenKind::kInput] = 900;
  prices[TokenKind::kOutput] = 300;
  EXPECT_EQ(MaxGeneratedPrice(prices), 300);
  prices[TokenKind::kReasoning] = 500;
  EXPECT_EQ(MaxGeneratedPrice(prices), 500);
}

TEST(TariffTest, APoolWithoutPricesIsFree) {
  const Tariff tariff;
  EXPECT_EQ(tariff.PricesOf("llama"), nullptr);
  EXPECT_EQ(tariff.TokenPricesOf("llama", ServiceClass::kDefault), TokenPrices());
}

}  // namespace
}  // namespace penstock::ledger
