// How other people bill peaks, and what Penstock makes of the same figures. A unit of theirs (kW, Mbps, a dollar) is
// one nt in the demand window; the tests say where a rule differs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "ledger/rating/rate.h"

namespace penstock::ledger::rating {
namespace {

constexpr int64_t kPicoPerMilliNt = 1'000'000'000;  // one currency unit per nt
constexpr int64_t kJanuary = 2025 * 12;             // months of the calendar; 2025-01

Money Units(const char* decimal) { return *Money::FromDecimal(decimal); }

Work Nt(int64_t nt) { return NormalizedTokens(nt); }

/// One window in the middle of each month.
Series MonthlyPeaks(int64_t first_month, const std::vector<int64_t>& nt) {
  Series series;
  for (size_t i = 0; i < nt.size(); ++i) {
    const Instant start = Calendar().MonthStart(first_month + static_cast<int64_t>(i)) + Days(14);
    series.push_back({start, Nt(nt[i]), Nt(nt[i])});
  }
  return series;
}

DemandCharge Charge(std::vector<DemandStep> steps) {
  DemandCharge charge = BusiestMinute(0);
  charge.steps = std::move(steps);
  return charge;
}

DemandCharge PerNt(int64_t price) { return Charge({{0, price * kPicoPerMilliNt}}); }

/// What a tariff with these demand charges makes of a month.
class MonthOf {
 public:
  explicit MonthOf(std::vector<DemandCharge> charges) {
    tariff_.version = "v";
    tariff_.currency = "USD";
    PoolPrices prices{.pool = "chat", .demand = std::move(charges)};
    tariff_.pools = {prices};
  }
  Tariff& tariff() { return tariff_; }
  Subscription& subscription() { return subscription_; }
  std::vector<Sample>& everyone() { return use_.everyone; }

  MonthOf& With(const Series& own) {
    for (const Sample& sample : own) use_.work.push_back({Tier::kElastic, sample});
    return *this;
  }
  Bill Rated(Period period) {
    EXPECT_TRUE(CheckTariff(tariff_).ok()) << CheckTariff(tariff_);
    use_.pool = "chat";
    Usage usage;
    usage.pools = {use_};
    return Rate(tariff_, usage, subscription_, period);
  }
  Bill Rated(int64_t month) { return Rated({Calendar().MonthStart(month), Calendar().MonthStart(month + 1)}); }

 private:
  Tariff tariff_;
  Subscription subscription_;
  PoolUse use_;
};

/// Nothing but demand: what is billed, in nt (thousandths of it in the decimals).
Money BilledNt(const Bill& bill) {
  Money sum;
  for (const Line& line : bill.lines) {
    sum += Money::FromPico(PicoCount(Int128{kPicoPerMilliNt} * line.quantity / line.parts));
  }
  return sum;
}

Series FiveMinuteSamples(const std::vector<int64_t>& values, Duration step) {
  Series series;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == 0) continue;
    series.push_back({Instant() + step * static_cast<int64_t>(i), Work(values[i]), Work(values[i])});
  }
  return series;
}

// Three samples of the source are one window of 15 minutes, so three base windows here. The source divides by three; a
// demand of ours is the work in the window: 200 and 300 on average are 600 and 900 in all.
TEST(DemandVectors, block_vs_sliding) {
  const Series series = FiveMinuteSamples({0, 0, 300, 300, 300, 0, 0, 0, 0}, kBaseWindow);
  EXPECT_EQ(BlockMaximum(series, 3).sum, 3 * 200);
  EXPECT_EQ(BlockMaximum(series, 3).windows, std::vector{Instant() + Minutes(3)});
  EXPECT_EQ(SlidingMaximum(series, 3).sum, 3 * 300);
  EXPECT_EQ(SlidingMaximum(series, 3).windows, std::vector{Instant() + Minutes(2)});
}

// Two periods of the day, each with a charge of its own.
std::vector<DemandCharge> NrelTiers() {
  DemandCharge p1 = Charge({{100'000, 20 * kPicoPerMilliNt}, {0, 15 * kPicoPerMilliNt}});
  DemandCharge p2 = Charge({{100'000, 10 * kPicoPerMilliNt}, {0, 5 * kPicoPerMilliNt}});
  p1.name = "p1";
  p2.name = "p2";
  p1.band = 0;
  p2.band = 1;
  return {p1, p2};
}

Bill NrelMonth(Work p1, Work p2) {
  MonthOf month(NrelTiers());
  month.tariff().calendar.bands = {"p1", "p2"};
  for (size_t hour = 0; hour < kHoursOfWeek; hour += 2) month.tariff().calendar.band_of_hour[hour] = 1;
  const Instant start = Calendar().MonthStart(kJanuary);
  return month.With({{start, p2, p2}, {start + Hours(1), p1, p1}}).Rated(kJanuary);
}

TEST(DemandVectors, tiers_incremental) { EXPECT_EQ(NrelMonth(Nt(5), Nt(10)).total, Units("200")); }

TEST(DemandVectors, tiers_january) {
  const Bill bill = NrelMonth(Work(155'912), Work(234'676));
  EXPECT_EQ(bill.total, Units("4512.06"));
  ASSERT_EQ(bill.lines.size(), 4u);
  EXPECT_EQ(bill.lines[0].amount + bill.lines[1].amount, Units("2838.68"));
  EXPECT_EQ(bill.lines[2].amount + bill.lines[3].amount, Units("1673.38"));
}

TEST(DemandVectors, seasonal) {  // one unit per nt from June to September only
  DemandCharge charge = PerNt(1);
  charge.season = 1;
  MonthOf month({charge});
  month.tariff().calendar.seasons = {"winter", "summer"};
  for (size_t m = 5; m < 9; ++m) month.tariff().calendar.season_of_month[m] = 1;
  month.With(MonthlyPeaks(kJanuary, {10, 10, 10, 10, 10, 10}));
  EXPECT_EQ(month.Rated(kJanuary).total, Money());
  EXPECT_EQ(month.Rated(kJanuary + 5).total, Units("10"));
}

// NREL looks back eleven months too, so no figure of this table needs the month of a year ago, which Penstock leaves
// out where some calculators take it in.
TEST(DemandVectors, ratchet_percent_by_month) {
  DemandCharge charge = PerNt(1000);  // divides by 20 and by 5: percentages make fractions of a milli-nt
  charge.ratchet.look_back = 11;
  charge.ratchet.percent.fill(60);
  charge.ratchet.own_percent.fill(60);
  for (size_t m = 5; m < 9; ++m) {
    charge.ratchet.percent[m] = 95;
    charge.ratchet.own_percent[m] = 100;
  }
  charge.ratchet.minimum = Nt(500).count();
  const std::vector<int64_t> year = {1200, 1100, 900, 700, 800, 950, 1050, 1150, 850, 400, 600, 750};
  MonthOf month({charge});
  month.With(MonthlyPeaks(kJanuary, year)).With(MonthlyPeaks(kJanuary + 12, year));
  const std::vector<const char*> billed = {"1092.5", "1092.5", "1092.5", "1092.5", "1092.5", "1092.5",
                                           "1092.5", "1150",   "1092.5", "1092.5", "1092.5", "1092.5"};
  for (int64_t m = 0; m < 12; ++m) {
    const Bill bill = month.Rated(kJanuary + 12 + m);
    EXPECT_EQ(BilledNt(bill), Units(billed[static_cast<size_t>(m)])) << "month " << m + 1;
    EXPECT_EQ(bill.total, BilledNt(bill) * 1000);
  }
  EXPECT_EQ(BilledNt(MonthOf({charge}).With(MonthlyPeaks(kJanuary, {10})).Rated(kJanuary)), Units("500"))
      << "the minimum";
}

TEST(DemandVectors, ratchet_note) {  // the same month a year ago is out, and metered peaks count, never billed ones
  DemandCharge charge = PerNt(10);
  charge.ratchet.look_back = 11;
  charge.ratchet.percent.fill(80);
  charge.ratchet.own_percent.fill(100);
  MonthOf month({charge});
  month.With(MonthlyPeaks(kJanuary, {1000, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100}));
  EXPECT_EQ(BilledNt(month.Rated(kJanuary + 11)), Units("800")) << "eleven months later it still counts";
  EXPECT_EQ(BilledNt(month.Rated(kJanuary + 12)), Units("100")) << "after a year neither the 1000 nor the billed 800";
}

TEST(DemandVectors, ratchet_80_percent) {
  DemandCharge charge = PerNt(10);
  charge.ratchet.look_back = 11;
  charge.ratchet.percent.fill(80);
  charge.ratchet.own_percent.fill(100);
  MonthOf month({charge});
  month.With(MonthlyPeaks(kJanuary, {1000, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 900}));
  EXPECT_EQ(BilledNt(month.Rated(kJanuary)), Units("1000"));
  for (int64_t m = 1; m < 11; ++m) EXPECT_EQ(BilledNt(month.Rated(kJanuary + m)), Units("800"));
  EXPECT_EQ(month.Rated(kJanuary + 1).lines.at(0).windows.at(0), Calendar().MonthStart(kJanuary) + Days(14))
      << "the line names the window that set it, of the month it was in";
  EXPECT_EQ(BilledNt(month.Rated(kJanuary + 11)), Units("900")) << "or more";
}

// A price by season is a charge of each season; the ratchet of both looks at all months.
TEST(DemandVectors, ratchet_annual_reopt_by_percent) {
  DemandCharge winter = Charge({{0, 10'500'000'000}});  // 10.5 per nt
  DemandCharge summer = Charge({{0, 11'500'000'000}});
  summer.name = "summer";
  for (DemandCharge* charge : {&winter, &summer}) {
    charge->ratchet.look_back = 11;
    charge->ratchet.percent.fill(35);
    charge->ratchet.own_percent.fill(100);
  }
  winter.season = 0;
  summer.season = 1;
  MonthOf month({winter, summer});
  month.tariff().calendar.seasons = {"winter", "summer"};
  for (size_t m = 3; m < 9; ++m) month.tariff().calendar.season_of_month[m] = 1;
  month.With(MonthlyPeaks(kJanuary, {100, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
  Money total;
  for (int64_t m = 0; m < 12; ++m) total += month.Rated(kJanuary + m).total;
  EXPECT_EQ(total, Units("5302.50"));
}

TEST(DemandVectors, ratchet_annual_reopt_by_named_months) {
  const std::vector<int64_t> rates = {10, 10, 20, 50, 20, 10, 20, 20, 20, 20, 20, 5};
  const std::vector<int64_t> peaks = {200, 100, 100, 400, 100, 500, 100, 100, 100, 100, 100, 300};
  const std::vector<int64_t> billed = {300, 300, 300, 400, 300, 500, 300, 300, 300, 300, 300, 300};
  Money total;
  for (int64_t m = 0; m < 12; ++m) {
    DemandCharge charge = PerNt(rates[static_cast<size_t>(m)]);
    charge.ratchet.look_back = 11;
    charge.ratchet.own_percent.fill(100);
    for (const size_t named : {size_t{0}, size_t{3}, size_t{11}}) charge.ratchet.percent[named] = 75;
    MonthOf month({charge});
    month.With(MonthlyPeaks(kJanuary, peaks)).With(MonthlyPeaks(kJanuary + 12, peaks));
    const Bill bill = month.Rated(kJanuary + 12 + m);
    EXPECT_EQ(BilledNt(bill), Money::FromPico(1'000'000'000'000) * billed[static_cast<size_t>(m)]) << "month " << m + 1;
    total += bill.total;
  }
  EXPECT_EQ(total, Units("74500"));
}

TEST(DemandVectors, coincident_peak) {  // flat 1 nt; the system peaks at 10 in one season, at 5 in the other
  DemandCharge winter = PerNt(10);
  DemandCharge summer = PerNt(5);
  summer.name = "summer";
  winter.rule = summer.rule = DemandRule::kCoincident;
  winter.season = 0;
  summer.season = 1;
  MonthOf year({winter, summer});
  year.tariff().calendar.seasons = {"winter", "summer"};
  for (size_t m = 5; m < 9; ++m) year.tariff().calendar.season_of_month[m] = 1;
  year.With(MonthlyPeaks(kJanuary, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
  year.everyone() = MonthlyPeaks(kJanuary, {70, 60, 60, 60, 60, 60, 90, 60, 60, 60, 60, 60});
  const Bill bill = year.Rated({Calendar().MonthStart(kJanuary), Calendar().MonthStart(kJanuary + 12)});
  EXPECT_EQ(bill.total, Units("15"));
}

TEST(DemandVectors, coincident_peak_4cp) {
  DemandCharge charge = PerNt(4);
  charge.rule = DemandRule::kCoincident;
  charge.n = 4;
  charge.apart = Apart::kMonth;
  const Instant june = Calendar().MonthStart(kJanuary + 5);
  MonthOf summer({charge});
  summer.With(MonthlyPeaks(kJanuary + 5, {510, 510, 520, 500})).With({{june, Nt(9'999), Nt(0)}});
  summer.everyone() = MonthlyPeaks(kJanuary + 5, {70'000, 72'000, 75'000, 71'000});
  // The second highest window of August is higher than the peaks of the other months, but one counts per month.
  summer.everyone().push_back({Calendar().MonthStart(kJanuary + 7), Nt(74'000), Nt(0)});
  const Bill bill = summer.Rated({june, Calendar().MonthStart(kJanuary + 9)});
  EXPECT_EQ(BilledNt(bill), Units("510"));
  EXPECT_EQ(bill.total, Units("2040"));
  EXPECT_EQ(bill.lines.at(0).windows.size(), 4u);
}

TEST(DemandVectors, coincident_peak_is_the_earliest_on_ties) {
  const Series own = {{Instant() + Minutes(1), Nt(7), Nt(0)}, {Instant() + Minutes(2), Nt(9), Nt(0)}};
  const Series pool = {{Instant() + Minutes(1), Nt(50), Nt(0)}, {Instant() + Minutes(2), Nt(50), Nt(0)}};
  EXPECT_EQ(CoincidentSum(own, pool, 1, Apart::kWindow, Calendar()).sum, Nt(7).count());
}

TEST(DemandVectors, contracted_capacity) {
  const std::vector<std::pair<int64_t, int64_t>> cases = {{80, 85},   {100, 100}, {105, 105},
                                                          {106, 108}, {120, 150}, {178, 324}};
  for (const auto& [measured, billed] : cases) {
    DemandCharge charge = PerNt(1);
    charge.contracted = {85, 105, {2, 1}};
    MonthOf month({charge});
    month.subscription().contracted["chat"] = WorkPerSecond(Nt(100).count());  // for 60 seconds: 6,000 nt a minute
    const Bill bill = month.With(MonthlyPeaks(kJanuary, {measured * 60})).Rated(kJanuary);
    EXPECT_EQ(BilledNt(bill), Units("60") * billed) << measured;
  }
}

TEST(DemandVectors, percentile_95) {
  EXPECT_EQ(PercentileRank(8640, 95), 8208);
  EXPECT_EQ(PercentileRank(8064, 95), 7661);
  EXPECT_EQ(PercentileRank(8928, 95), 8482);
  EXPECT_EQ(PercentileRank(2016, 95), 1916);
  EXPECT_EQ(PercentileRank(99, 95), 95);
  // 8,640 windows of which 432 are dropped: the 433rd highest is billed.
  Series series;
  for (int64_t i = 0; i < 8'640; ++i)
    series.push_back({Instant() + kBaseWindow * i, Work((i * 7'919) % 8'640 + 1), Work()});
  EXPECT_EQ(Percentile(series, 95, 8'640).sum, 8'208);
}

TEST(DemandVectors, duplicate_or_missing_windows) {
  // Two brokers and two tiers saw a piece of the same window each.
  const Instant start = Instant() + Minutes(5);
  const Series summed =
      SumByWindow({{start, Work(3), Work(2)}, {Instant(), Work(1), Work(1)}, {start, Work(4), Work(3)}});
  EXPECT_EQ(summed, (Series{{Instant(), Work(1), Work(1)}, {start, Work(7), Work(3)}}));
  // Of 100 windows 5 are dropped; 4 had work, so the one at rank 95 is zero. With 6 it is the lowest of them.
  Series few;
  for (int64_t i = 0; i < 6; ++i) few.push_back({Instant() + kBaseWindow * i, Work(10 + i), Work()});
  EXPECT_EQ(Percentile(few, 95, 100).sum, 10);
  few.resize(4);
  EXPECT_EQ(Percentile(few, 95, 100).sum, 0);
}

/// A commitment of so many million nt a minute at one unit each.
Bill CommittedMinute(const char* committed, const char* used, Ratio overage, int64_t price) {
  MonthOf month({});
  const auto work = [](const char* millions) {
    return Work(static_cast<int64_t>(Money::FromDecimal(millions)->pico() / 1'000));  // millions of nt as milli-nt
  };
  month.tariff().pools[0].commitment = {price, overage, 0b110};
  month.subscription().committed_per_window["chat"] = work(committed);
  const Instant start = Calendar().MonthStart(kJanuary);
  month.subscription().from = start;
  month.With({{start, work(used), Work()}});
  return month.Rated({start, start + Hours(1)});
}

// Spend reserved per minute is work reserved per minute at a price: a unit of money is a million nt at one unit each.
// The hour has sixty minutes, of which one was used.
TEST(DemandVectors, reserved_throughput) {
  const Bill small = CommittedMinute("2.00", "2.75", Ratio(), 1'000);
  EXPECT_EQ(small.lines.at(0).amount, Units("2.00") * 60);
  EXPECT_EQ(small.lines.at(1).amount, Units("0.75"));
  const Bill large = CommittedMinute("10", "12", Ratio(), 1'000);
  EXPECT_EQ(large.lines.at(0).amount, Units("10") * 60);
  EXPECT_EQ(large.lines.at(1).amount, Units("2"));
}

TEST(DemandVectors, windowed_commitment) {  // 100 units a minute at 0.10
  const auto bill_of_minute = [](const char* used) {
    const Bill bill = CommittedMinute("100", used, {3, 2}, 100);
    return bill.total - Units("10.00") * 59;  // the other minutes, unused
  };
  EXPECT_EQ(bill_of_minute("100"), Units("10.00"));
  EXPECT_EQ(bill_of_minute("50"), Units("10.00"));
  EXPECT_EQ(bill_of_minute("150"), Units("17.50")) << "10.00 + 5.00 x 3/2";
}

TEST(DemandVectors, separate_in_out_units) {
  const ProvisionedUnit unit{10'000'000'000'000, 24, 31'500, 12'500};  // 10 a day
  EXPECT_EQ(UnitsFor(unit, 100'000, 50'000), 8);
  MonthOf month({});
  month.tariff().pools[0].unit = unit;
  month.subscription().provisions["chat"] = {0, 100'000, 50'000};
  const Instant start = Calendar().MonthStart(kJanuary);
  EXPECT_EQ(month.Rated({start, start + Days(1)}).total, Units("80"));
}

TEST(DemandVectors, burndown) {  // published multipliers in thousandths of a milli-nt per token
  BurndownRates anthropic;
  anthropic[TokenKind::kInput] = 1'000;
  anthropic[TokenKind::kCachedInput] = 100;
  anthropic[TokenKind::kCacheWrite] = 1'250;
  for (const int64_t output : {4'000, 8'000, 12'000}) {
    anthropic[TokenKind::kOutput] = output;
    TokenCounts counts;
    for (const TokenKind kind :
         {TokenKind::kInput, TokenKind::kCachedInput, TokenKind::kCacheWrite, TokenKind::kOutput}) {
      counts[kind] = Tokens(10);
    }
    EXPECT_EQ(WorkOf(counts, anthropic), Work(10 * (1'000 + 100 + 1'250 + output)));
  }
}

/// One token of the default class at a flat price (micro-units per million tokens = pico-units) x multiplier.
Money OneToken(int64_t price, Ratio multiplier) {
  MonthOf month({});
  PoolPrices& prices = month.tariff().pools[0];
  prices.by_class[static_cast<size_t>(ServiceClass::kDefault)][TokenKind::kInput] = price;
  prices.token_rules = {{1u << static_cast<unsigned>(ServiceClass::kDefault), 1u, false, {{0, multiplier}}, {}}};
  EXPECT_TRUE(CheckTariff(month.tariff()).ok());
  PoolUse use{.pool = "chat"};
  TokenCounts one;
  one[TokenKind::kInput] = Tokens(1);
  use.tokens = {{Instant(), ServiceClass::kDefault, 0, 0, one}};
  Usage usage;
  usage.pools = {use};
  return Rate(month.tariff(), usage, {}, {Instant(), Instant() + Hours(1)}).total;
}

TEST(DemandVectors, rating_exactness) {
  EXPECT_EQ(OneToken(5'000, {1, 2}), Money::FromPico(2'500));
  EXPECT_EQ(OneToken(75'000, {5, 4}), Money::FromPico(93'750));
}

}  // namespace
}  // namespace penstock::ledger::rating
