// Numbers as the reader sees them.
#include "sim/report/figures.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace penstock::sim::report {
namespace {

const Unit kMoney{Measure::kMoney, "USD"};
const Unit kRate{Measure::kNumber, "nt/s"};
const Unit kShare{Measure::kShare, ""};
const Unit kSeconds{Measure::kSeconds, ""};
constexpr double kInfinite = std::numeric_limits<double>::infinity();

// No-break spaces are written as plain ones here.
std::string Plain(std::string text) {
  for (size_t at = 0; (at = text.find("\u00A0", at)) != std::string::npos;) text.replace(at, 2, " ");
  return text;
}

TEST(Figures, HaveThreeSignificantDigitsASuffixAndAUnit) {
  EXPECT_EQ(Plain(FigureText(1234567, kMoney)), "1.23 M USD");
  EXPECT_EQ(Plain(FigureText(2.5e9, kMoney)), "2.50 bn USD");
  EXPECT_EQ(Plain(FigureText(2.5e9, kRate)), "2.50 G nt/s");
  EXPECT_EQ(Plain(FigureText(48210, kMoney)), "48.2 k USD");
  EXPECT_EQ(Plain(FigureText(4321, kMoney)), "4,321 USD");
  EXPECT_EQ(Plain(FigureText(0, kMoney)), "0 USD");
  EXPECT_EQ(Plain(FigureText(0.0123, {Measure::kNumber, ""})), "0.0123");
}

TEST(Figures, NeverShowAThousandOfASuffix) {
  EXPECT_EQ(Plain(FigureText(999600, kMoney)), "1.00 M USD");
  EXPECT_EQ(Plain(FigureText(999400, kMoney)), "999 k USD");
  EXPECT_EQ(Plain(FigureText(9.996, {Measure::kNumber, ""})), "10.0");
}

TEST(Figures, OfSharesTimesAndMultiplesSpeakTheirOwnWay) {
  EXPECT_EQ(Plain(FigureText(0.123, kShare)), "12.3 %");
  EXPECT_EQ(Plain(FigureText(1, kShare)), "100 %");
  EXPECT_EQ(Plain(FigureText(0.0123, kSeconds)), "12.3 ms");
  EXPECT_EQ(Plain(FigureText(3e-5, kSeconds)), "30.0 µs");
  EXPECT_EQ(Plain(FigureText(90, kSeconds)), "90.0 s");
  EXPECT_EQ(Plain(FigureText(150, kSeconds)), "2.50 min");
  EXPECT_EQ(Plain(FigureText(9000, kSeconds)), "2.50 h");
  EXPECT_EQ(Plain(FigureText(36, {Measure::kHours, ""})), "36.0 h");
  EXPECT_EQ(Plain(FigureText(60, {Measure::kHours, ""})), "2.50 d");
  EXPECT_EQ(FigureText(1.25, {Measure::kMultiple, ""}), "×1.25");
}

TEST(Figures, HaveATrueMinusAndNoMinusBeforeNothing) {
  EXPECT_EQ(Decimals(-12.5, 2), "−12.50");
  EXPECT_EQ(Decimals(-0.001, 2), "0.00");
  EXPECT_EQ(Decimals(12.5, 1, Sign::kAlways), "+12.5");
  EXPECT_EQ(Decimals(0, 1, Sign::kAlways), "0.0");
}

TEST(Figures, KeepThousandsApart) {
  EXPECT_EQ(Decimals(1234567.4, 0), "1,234,567");
  EXPECT_EQ(Decimals(-123456, 2), "−123,456.00");
  EXPECT_EQ(Decimals(999.999, 2), "1,000.00");
  EXPECT_EQ(Decimals(999.4, 1), "999.4");
}

TEST(Figures, ThatAreNoNumbersSaySo) {
  EXPECT_EQ(FigureText(kInfinite, kMoney), "n/a");
  EXPECT_EQ(FigureText(std::nan(""), kShare), "n/a");
  EXPECT_EQ(EstimateText({std::nan(""), 1, 8}, kMoney), "n/a");
  EXPECT_EQ(Decimals(-kInfinite, 2), "n/a");
}

TEST(Estimates, HaveMeanAndHalfWidthInOneSuffixAndOnlyTheDigitsThatTheIntervalAllows) {
  EXPECT_EQ(Plain(EstimateText({1205400, 18200, 8}, kMoney)), "1.205 M ± 0.018 M USD");
  EXPECT_EQ(Plain(EstimateText({1842, 61, 8}, kMoney)), "1,842 ± 61 USD");
  EXPECT_EQ(Plain(EstimateText({0.9962, 0.0006, 8}, kShare)), "99.62 % ± 0.06 %");
  EXPECT_EQ(Plain(EstimateText({-0.15, 0.012, 8}, kShare)), "−15.0 % ± 1.2 %");
  EXPECT_EQ(Plain(EstimateText({12, 45000, 8}, kMoney)), "0 k ± 45 k USD");
  EXPECT_EQ(Plain(EstimateText({410, 60, 8}, kMoney, Sign::kAlways)), "+410 ± 60 USD");
}

TEST(Estimates, OfOneRunSayThatThereIsNoInterval) {
  EXPECT_EQ(Plain(EstimateText({1234567, kInfinite, 1}, kMoney)), "1.23 M USD (no interval)");
}

TEST(Estimates, ThatAreCertainHaveAHalfWidthOfZero) {
  EXPECT_EQ(Plain(EstimateText({0.5, 0, 8}, kShare)), "50.0 % ± 0.0 %");
}

}  // namespace
}  // namespace penstock::sim::report
