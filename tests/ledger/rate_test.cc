// What single parts of a tariff make of a little usage, and what makes a tariff unsound.
#include "ledger/rating/rate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace penstock::ledger::rating {
namespace {

constexpr int64_t kMonth = 2026 * 12 + 10;  // November 2026
constexpr uint32_t kDefaultBit = 1u << static_cast<unsigned>(ServiceClass::kDefault);
constexpr uint32_t kInputBit = 1u << static_cast<unsigned>(TokenKind::kInput);
constexpr uint32_t kOutputBit = 1u << static_cast<unsigned>(TokenKind::kOutput);

Instant Start() { return Calendar().MonthStart(kMonth); }

Money Units(const char* decimal) { return *Money::FromDecimal(decimal); }

TokenCounts Counts(int64_t input, int64_t output) {
  TokenCounts counts;
  counts[TokenKind::kInput] = Tokens(input);
  counts[TokenKind::kOutput] = Tokens(output);
  return counts;
}

/// Default class: 1 per million input tokens, 4 per million output tokens. No rounding.
class RateTest : public testing::Test {
 protected:
  RateTest() {
    tariff_.version = "v";
    tariff_.currency = "USD";
    PoolPrices pool{.pool = "chat"};
    pool.by_class[static_cast<size_t>(ServiceClass::kDefault)][TokenKind::kInput] = 1'000'000;
    pool.by_class[static_cast<size_t>(ServiceClass::kDefault)][TokenKind::kOutput] = 4'000'000;
    tariff_.pools = {pool};
    use_.pool = "chat";
  }

  PoolPrices& pool() { return tariff_.pools[0]; }
  void Used(const TokenCounts& tokens, Instant at = Start()) {
    use_.tokens.push_back({at, ServiceClass::kDefault, 0, 0, tokens});
  }

  Bill Rated(Instant from = Start(), Instant to = Calendar().MonthStart(kMonth + 1)) {
    EXPECT_TRUE(CheckTariff(tariff_).ok()) << CheckTariff(tariff_);
    usage_.pools = {use_};
    return Rate(tariff_, usage_, customer_, {from, to});
  }

  static std::vector<std::string> Texts(const Bill& bill) {
    std::vector<std::string> texts;
    for (const Line& line : bill.lines) texts.push_back(line.description + " = " + line.amount.ToDecimal());
    return texts;
  }

  Tariff tariff_;
  PoolUse use_;
  Usage usage_;
  Subscription customer_;
};

TEST_F(RateTest, GraduatedTokensCostWhatTheirStepSaysAndVolumeWhatTheSumReaches) {
  pool().token_rules = {
      {kDefaultBit, kInputBit | kOutputBit, false, {{1'000'000, {0, 1}}, {3'000'000, {1, 1}}, {0, {1, 2}}}, {}}};
  Used(Counts(1'500'000, 2'500'000));
  Bill bill = Rated();
  EXPECT_THAT(Texts(bill), testing::ElementsAre("input tokens, default, step 1 = 0.000000000000",
                                                "input tokens, default, step 2 = 0.500000000000",
                                                "output tokens, default, step 2 = 6.000000000000",
                                                "output tokens, default, step 3 = 2.000000000000"));
  EXPECT_EQ(bill.posted, Units("11.5"));
  EXPECT_EQ(bill.rerated, Units("-3"));
  pool().token_rules[0].volume = true;
  EXPECT_EQ(Rated().total, Units("5.75"));
}

TEST_F(RateTest, AStepEndsWithItsLastToken) {
  pool().token_rules = {{kDefaultBit, kInputBit, true, {{1'000'000, {1, 1}}, {0, {1, 2}}}, {}}};
  Used(Counts(1'000'000, 0));
  EXPECT_EQ(Rated().total, Units("1"));
  Used(Counts(1, 0));
  EXPECT_EQ(Rated().total, Units("0.5000005"));
}

TEST_F(RateTest, TimeOfUseGoesByTheZoneAlsoWhereItShifts) {
  tariff_.calendar.bands = {"night", "day"};
  for (size_t hour = 0; hour < kHoursOfWeek; ++hour) tariff_.calendar.band_of_hour[hour] = hour % 24 >= 8 ? 1 : 0;
  // New York: -4 hours, and -5 from 06:00Z of 1 November on.
  tariff_.calendar.shifts = {{Start() - Days(30), -4 * 3'600}, {Start() + Hours(6), -5 * 3'600}};
  pool().token_rules = {{kDefaultBit, kInputBit, false, {}, {{1, 2}, {1, 1}}}};
  Used(Counts(1'000'000, 0), Start() + Hours(12));                // 07:00, night
  Used(Counts(1'000'000, 0), Start() + Hours(13));                // 08:00, day
  Used(Counts(1'000'000, 0), Start() + Hours(12) + Minutes(59));  // night
  EXPECT_THAT(Texts(Rated()), testing::ElementsAre("input tokens, default, night = 1.000000000000",
                                                   "input tokens, default, day = 1.000000000000"));
}

TEST_F(RateTest, CoupledClassesFollowThePostedPriceWhereThereIsOne) {
  pool().coupling = {kDefaultBit, {9, 10}, 10};
  TokenPrices posted{};
  posted[TokenKind::kInput] = 2'000'000;
  posted[TokenKind::kOutput] = 5;  // no multiple of the step: not used
  use_.posted = {{Start() + Hours(1), posted}};
  Used(Counts(1'000'000, 0));
  Used(Counts(1'000'000, 1'000'000), Start() + Hours(1));
  EXPECT_THAT(Texts(Rated()),
              testing::ElementsAre("input tokens, default = 1.000000000000", "input tokens, default = 1.800000000000",
                                   "output tokens, default = 4.000000000000"));
}

TEST_F(RateTest, WhatIsBoughtIsChargedForTheHoursItWasInForce) {
  pool().capacity_price = 1'000'000;  // per milli-nt/s and hour: 0.001 per nt/s-hour
  pool().unit.price = 500'000'000'000;
  customer_.from = Start() + Days(29);
  customer_.reservations = {{"chat", NormalizedTokensPerSecond(10), Start(), Instant::Max()},
                            {"code", NormalizedTokensPerSecond(10), Start(), Instant::Max()}};
  customer_.provisions["chat"].units = 2;
  EXPECT_THAT(Texts(Rated()), testing::ElementsAre("reserved capacity, 24 h = 0.240000000000",
                                                   "2 provisioned units, 24 h = 24.000000000000"));
  EXPECT_TRUE(Rated(Start(), Start() + Days(29)).lines.empty());
}

TEST_F(RateTest, SeatsAreChargedByTheMonthAndIncludeUsage) {
  tariff_.seats = {{"pro", Units("20"), Units("1.5")}};
  customer_.from = Start() + Days(3);
  customer_.seats["pro"] = 2;
  Used(Counts(2'000'000, 0), Start() + Days(4));
  EXPECT_THAT(Texts(Rated()),
              testing::ElementsAre("input tokens, default = 2.000000000000", "seats: pro = 40.000000000000",
                                   "usage included in seats = -2.000000000000"));
  Used(Counts(2'000'000, 0), Start() + Days(5));
  EXPECT_EQ(Rated().total, Units("41")) << "three of four are included";
  EXPECT_EQ(Rated(Start(), Start() + Days(4)).total, Units("40")) << "charged where the subscription begins";
  EXPECT_EQ(Rated(Start() + Days(4), Calendar().MonthStart(kMonth + 1)).total, Units("4")) << "and only once";
}

TEST_F(RateTest, AMinimumIsToppedUpToTheCent) {
  tariff_.rounding_unit = Units("0.01");
  customer_.from = Start();
  customer_.minimum = Units("10");
  Used(Counts(1'234'567, 0));
  const Bill bill = Rated();
  EXPECT_THAT(Texts(bill), testing::ElementsAre("input tokens, default = 1.230000000000",
                                                "true-up to the minimum = 8.770000000000"));
  EXPECT_EQ(bill.total, Units("10"));
}

Credit CreditOf(const char* name, const char* amount, int64_t priority, Instant granted, Instant expires) {
  return {name, Credit::Kind::kPrepaid, Units(amount), priority, granted, expires};
}

TEST_F(RateTest, CreditsBurnByPriorityExpiryAgeAndName) {
  const Instant later = Start() + Days(400);
  customer_.credits = {CreditOf("new", "1", 1, Start(), later),
                       CreditOf("old", "1", 1, Start() - Days(9), later),
                       CreditOf("soon", "1", 1, Start(), later - Days(1)),
                       CreditOf("first", "1", 0, Start(), Instant::Max()),
                       CreditOf("over", "1", 0, Start() - Days(9), Start()),
                       CreditOf("to-come", "1", 0, Start() + Days(99), later)};
  customer_.credits.push_back({"late-answers", Credit::Kind::kService, Units("0.25"), 9, Start(), Instant::Max()});
  Used(Counts(3'750'000, 0));
  const Bill bill = Rated();
  EXPECT_THAT(
      Texts(bill),
      testing::ElementsAre("input tokens, default = 3.750000000000", "service credit: late-answers = -0.250000000000",
                           "prepaid credit: first = -1.000000000000", "prepaid credit: soon = -1.000000000000",
                           "prepaid credit: old = -1.000000000000", "prepaid credit: new = -0.500000000000"));
  EXPECT_EQ(bill.total, Money());
  EXPECT_THAT(bill.credits_left,
              testing::ElementsAre(Units("0.5"), Money(), Money(), Money(), Units("1"), Units("1"), Money()));
}

TEST_F(RateTest, OutcomesAreCountedInThePeriod) {
  tariff_.outcomes = {{"resolved", Units("0.99")}};
  usage_.outcomes = {{"resolved", Start(), 2}, {"resolved", Start() - Nanoseconds(1), 5}, {"unpriced", Start(), 7}};
  EXPECT_THAT(Texts(Rated()), testing::ElementsAre("accepted outcomes: resolved = 1.980000000000"));
}

TEST_F(RateTest, AnUnsoundTariffIsNamed) {
  const auto fault = [this](const std::function<void(Tariff&, PoolPrices&)>& spoil) {
    Tariff spoilt = tariff_;
    spoil(spoilt, spoilt.pools[0]);
    return std::string(CheckTariff(spoilt).message());
  };
  using testing::HasSubstr;
  const TokenRule half{kDefaultBit, kInputBit, false, {{0, {1, 2}}}, {}};
  EXPECT_EQ(fault([](Tariff&, PoolPrices&) {}), "");
  EXPECT_THAT(fault([&](Tariff&, PoolPrices& p) {
                p.token_rules = {half};
                p.by_class[static_cast<size_t>(ServiceClass::kDefault)][TokenKind::kInput] = 3;
              }),
              HasSubstr("input tokens of class default in pool chat: 3 pico-units per token x 1/2 is not whole"));
  EXPECT_THAT(fault([&](Tariff&, PoolPrices& p) { p.token_rules = {half, half}; }), HasSubstr("under two rules"));
  EXPECT_THAT(fault([&](Tariff&, PoolPrices& p) {
                p.token_rules = {half};
                p.token_rules[0].steps = {{5, {1, 1}}, {5, {1, 1}}, {0, {1, 1}}};
              }),
              HasSubstr("a gap, an overlap"));
  EXPECT_THAT(fault([&](Tariff&, PoolPrices& p) {
                p.token_rules = {half};
                p.token_rules[0].steps[0].factor.denominator = 0;
              }),
              HasSubstr("a factor out of bounds"));
  EXPECT_THAT(fault([](Tariff& t, PoolPrices&) { t.pools.push_back(t.pools[0]); }), HasSubstr("priced twice"));
  EXPECT_THAT(fault([](Tariff& t, PoolPrices&) { t.calendar.band_of_hour[3] = 1; }), HasSubstr("calendar"));
  EXPECT_THAT(fault([](Tariff&, PoolPrices& p) { p.commitment = {1, {1, 2}, 1}; }), HasSubstr("overage"));
  EXPECT_THAT(fault([](Tariff&, PoolPrices& p) { p.coupling = {1, {9, 10}, 1}; }), HasSubstr("posted prices"));
  const auto demand = [&](const std::function<void(DemandCharge&)>& spoil) {
    return fault([&](Tariff&, PoolPrices& p) {
      p.demand = {BusiestMinute(1'000)};
      spoil(p.demand[0]);
    });
  };
  EXPECT_THAT(demand([](DemandCharge& d) { d.steps.clear(); }), HasSubstr("out of bounds"));
  EXPECT_THAT(demand([](DemandCharge& d) { d.season = 0; }), HasSubstr("out of bounds"));
  for (const int64_t percentile : {0, 100}) {
    EXPECT_THAT(demand([&](DemandCharge& d) {
                  d.rule = DemandRule::kPercentile;
                  d.percentile = percentile;
                }),
                HasSubstr("out of bounds"));
  }
  EXPECT_THAT(demand([](DemandCharge& d) {
                d.rule = DemandRule::kTopMean;
                d.n = 3;
              }),
              HasSubstr("a price of 1000 pico-units per milli-nt does not divide by 3"));
}

}  // namespace
}  // namespace penstock::ledger::rating
