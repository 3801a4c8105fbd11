#include "ledger/statement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/ledger/random.h"
#include "tests/ledger/random_day.h"
#include "tests/ledger/small_world.h"

namespace penstock::ledger {
namespace {

Money Pico(int64_t pico) { return Money::FromPico(pico); }

using rating::Line;
using rating::LineKind;

std::string TextOf(const Line& line) {
  std::ostringstream text;
  text << line.pool << ' ' << line.tariff << ' ';
  if (line.kind == LineKind::kTokens) {
    text << Name(line.served) << ' ' << Name(line.token_kind);
  } else {
    text << "demand at +" << (line.windows.at(0) - kNoon).count() / 1'000'000'000 << "s second "
         << line.highest_second.count();
  }
  text << ' ' << CheckedNarrow(line.quantity) << " x " << line.unit_price.pico() << " = " << line.exact.ToDecimal()
       << " -> " << line.amount.ToDecimal();
  return text.str();
}

class StatementTest : public testing::Test {
 protected:
  StatementTest() : books_(BooksOf(OpeningEntries())) {}

  void Serve(Instant at, const TokenCounts& tokens, const GrantTerms& terms = TermsOf(kAcme)) {
    GrantEntry grant = Granted({1, books_.last_grant_sequence() + 1}, at, terms);
    ASSERT_TRUE(books_.Apply(grant).ok());
    ASSERT_TRUE(books_.Apply(Settled(grant.id, at, tokens, terms)).ok());
  }

  Statement Preview(Instant from = kNoon, Instant to = kNoon + Hours(1), const Tariff& tariff = FirstTariff()) const {
    return PreviewStatement(GatherStatement(books_, kAcme, from, to, tariff, {}), Head{});
  }

  std::vector<std::string> Lines(const Statement& statement) const {
    std::vector<std::string> lines;
    for (const Line& line : statement.bill.lines) lines.push_back(TextOf(line));
    return lines;
  }

  Books books_;
};

TEST_F(StatementTest, ShowsBothMetersToTheLastPico) {
  Serve(kNoon, Tokens3(1'000'001, 30, 2'000'003));
  Serve(kNoon + Minutes(2), Tokens3(10, 0, 0), TermsOf(kAcme, ServiceClass::kReserved));
  Serve(kNoon + Minutes(2) + Seconds(1), Tokens3(4'000'000, 0, 1'500'000));
  Serve(kNoon + Minutes(3), Tokens3(999, 0, 9'999'999), TermsOf(kAcme, ServiceClass::kFree));
  const Statement statement = Preview();
  EXPECT_THAT(
      Lines(statement),
      testing::ElementsAre(
          "llama 2024-01 free input 999 x 0 = 0.000000000000 -> 0.000000000000",
          "llama 2024-01 free output 9999999 x 0 = 0.000000000000 -> 0.000000000000",
          "llama 2024-01 default input 5000001 x 100 = 0.000500000100 -> 0.000000000000",
          "llama 2024-01 default cached_input 30 x 10 = 0.000000000300 -> 0.000000000000",
          "llama 2024-01 default output 3500003 x 400 = 0.001400001200 -> 0.000000000000",
          "llama 2024-01 reserved input 10 x 50 = 0.000000000500 -> 0.000000000000",
          "llama 2024-01 demand at +120s second 10000000000 10000010000 x 7 = 0.070000070000 -> 0.070000000000"));
  EXPECT_EQ(statement.bill.total, *Money::FromDecimal("0.07"));
  EXPECT_EQ(statement.bill.rounding, Pico(500'000'100 + 300 + 1'400'001'200 + 500 + 70'000));
  EXPECT_EQ(statement.tenant, kAcme);
  EXPECT_EQ(statement.tariff, "2024-01");
  EXPECT_EQ(statement.currency, "EUR");
  EXPECT_TRUE(statement.provisional);
}

TEST_F(StatementTest, EachLineIsRoundedOnceByTheTariffsMode) {
  Serve(kNoon, Tokens3(50'000'000, 0, 0));  // exactly half a cent
  Tariff tariff = FirstTariff();
  tariff.pools.front().demand.clear();
  tariff.rounding = RoundingMode::kHalfEven;
  EXPECT_EQ(Preview(kNoon, kNoon + Hours(1), tariff).bill.total, Money());
  tariff.rounding = RoundingMode::kHalfUp;
  EXPECT_EQ(Preview(kNoon, kNoon + Hours(1), tariff).bill.total, *Money::FromDecimal("0.01"));
  EXPECT_EQ(Preview(kNoon, kNoon + Hours(1), tariff).bill.rounding, *Money::FromDecimal("-0.005"));
}

TEST_F(StatementTest, APeriodHoldsItsFirstInstantAndNotItsLast) {
  Serve(kNoon - Nanoseconds(1), Tokens3(1, 0, 0));
  Serve(kNoon, Tokens3(10, 0, 0));
  Serve(kNoon + Hours(1) - Nanoseconds(1), Tokens3(100, 0, 0));
  Serve(kNoon + Hours(1), Tokens3(1000, 0, 0));
  const Statement statement = Preview();
  EXPECT_EQ(statement.bill.lines.front().quantity, 110);
  EXPECT_EQ(statement.bill.lines.back().quantity, 100'000) << "the peak of the next hour is not in it";
  EXPECT_EQ(Preview(kNoon, kNoon + Hours(2)).bill.lines.front().quantity, 1110);
}

TEST_F(StatementTest, TheEarliestOfEqualPeaksSetsTheDemand) {
  Serve(kNoon + Minutes(9), Tokens3(10, 0, 0));
  Serve(kNoon + Minutes(4), Tokens3(10, 0, 0));
  EXPECT_EQ(Preview().bill.lines.back().windows.at(0), kNoon + Minutes(4));
}

TEST_F(StatementTest, ElasticAndReservedWorkOfAWindowAddUpAndFreeWorkDoesNotCount) {
  Serve(kNoon, Tokens3(7, 0, 0));
  Serve(kNoon, Tokens3(5, 0, 0), TermsOf(kAcme, ServiceClass::kReserved));
  Serve(kNoon + Minutes(1), Tokens3(11, 0, 0));
  Serve(kNoon + Minutes(2), Tokens3(500, 0, 0), TermsOf(kAcme, ServiceClass::kFree));
  const Line demand = Preview().bill.lines.back();
  EXPECT_EQ(demand.kind, LineKind::kDemand);
  EXPECT_EQ(demand.quantity, 12'000);
  EXPECT_EQ(demand.windows.at(0), kNoon);
}

TEST_F(StatementTest, ATariffChangeInsideThePeriodGivesMoreLines) {
  Serve(kNoon, Tokens3(10, 0, 0));
  Tariff dearer = FirstTariff();
  dearer.version = "2024-02";
  dearer.pools.front().by_class[static_cast<size_t>(ServiceClass::kDefault)][TokenKind::kInput] = 200;
  ASSERT_TRUE(books_.Apply(TariffEntry{2, dearer}).ok());
  GrantTerms terms = TermsOf(kAcme);
  terms.tariff = 2;
  ASSERT_TRUE(books_.Apply(Granted({1, 2}, kNoon, terms)).ok());
  SettleEntry settle = Settled({1, 2}, kNoon, Tokens3(20, 0, 0), terms);
  settle.charge = Pico(20 * 200);
  ASSERT_TRUE(books_.Apply(settle).ok());
  EXPECT_THAT(Lines(Preview()),
              testing::ElementsAre("llama 2024-01 default input 10 x 100 = 0.000000001000 -> 0.000000000000",
                                   "llama 2024-02 default input 20 x 200 = 0.000000004000 -> 0.000000000000",
                                   "llama 2024-01 demand at +0s second 30000 30000 x 7 = 0.000000210000 -> "
                                   "0.000000000000"));
}

TEST_F(StatementTest, APoolWithoutPricesShowsItsTokensAndNoDemand) {
  GrantTerms terms = TermsOf(kAcme);
  terms.pool = kUnpriced;
  Serve(kNoon, Tokens3(3, 0, 0), terms);
  EXPECT_THAT(Lines(Preview()),
              testing::ElementsAre("unpriced 2024-01 default input 3 x 0 = 0.000000000000 -> 0.000000000000"));
}

TEST_F(StatementTest, UnbilledUsageIsNotOnIt) {
  ASSERT_TRUE(books_.Apply(Granted({1, 1}, kNoon)).ok());
  ASSERT_TRUE(books_.Apply(ExpireEntry{{1, 1}, kNoon}).ok());
  ASSERT_TRUE(books_.Apply(SettledLate({1, 1}, kNoon, Tokens3(50, 0, 0))).ok());
  const Statement statement = Preview();
  for (const Line& line : statement.bill.lines) EXPECT_NE(line.kind, LineKind::kTokens) << TextOf(line);
}

TEST_F(StatementTest, ATenantSeesOnlyItsOwn) {
  Serve(kNoon, Tokens3(3, 0, 0), TermsOf(kBolt));
  EXPECT_TRUE(Preview().bill.lines.empty());
  EXPECT_EQ(Preview().bill.total, Money());
}

TEST_F(StatementTest, PartsOfAnHourAreABug) {
  EXPECT_DEATH(Preview(kNoon + Minutes(1), kNoon + Hours(1)), "IsWholeHour");
  EXPECT_DEATH(Preview(kNoon, kNoon + Nanoseconds(1)), "IsWholeHour");
}

// What was posted to the tenant in the period, straight from the entries.
Money Postings(const std::vector<Entry>& entries, TenantId tenant, Instant from, Instant to) {
  Money sum;
  for (const Entry& entry : entries) {
    const auto* settle = std::get_if<SettleEntry>(&entry);
    if (settle == nullptr || settle->terms.tenant != tenant || settle->at < from || settle->at >= to) continue;
    sum += settle->charge;
  }
  return sum;
}

Work PeakOf(const Books& books, TenantId tenant, PoolId pool, Instant from, Instant to) {
  std::map<Instant, Work> windows;
  Work peak;
  for (const auto& [key, window] : books.meters().windows()) {
    if (key.tenant != tenant || key.pool != pool || key.tier == Tier::kFree) continue;
    if (key.start < from || key.start >= to) continue;
    windows[key.start] += window.work;
    peak = std::max(peak, windows[key.start]);
  }
  return peak;
}

/// What reservations posted in [from, to).
Money BoughtIn(const std::vector<Entry>& entries, TenantId tenant, Instant from, Instant to) {
  Money sum;
  for (const Entry& entry : entries) {
    const auto* change = std::get_if<ReservationEntry>(&entry);
    if (change == nullptr || change->tenant != tenant || change->at < from || change->at >= to) continue;
    for (const ReservationCharge& charge : change->charges) sum += AmountOf(charge);
  }
  return sum;
}

TEST(StatementPropertyTest, LinesAddUpToPostingsAndToTheTotal) {
  const uint64_t seed = SeedOfThisRun();
  for (uint64_t day = 0; day < 20; ++day) {
    SCOPED_TRACE(SeedText(seed) + ", day " + std::to_string(day));
    Random random(seed + day);
    const std::vector<Entry> entries = RandomDay(seed + day, 600);
    const Books books = BooksOf(entries);
    Tariff tariff = FirstTariff();
    tariff.rounding = static_cast<RoundingMode>(random.Index(4));
    tariff.rounding_unit = Pico(random.Between(1, 10'000'000'000));
    for (TenantId tenant : {kAcme, kBolt}) {
      const Instant from = kNoon + Hours(random.Between(0, 10));
      const Instant to = from + Hours(random.Between(0, 48));
      const Statement statement = PreviewStatement(GatherStatement(books, tenant, from, to, tariff, {}), Head{});
      Money tokens, exact, amounts;
      int64_t peak = 0;
      for (const Line& line : statement.bill.lines) {
        ASSERT_EQ(line.exact, line.unit_price * CheckedNarrow(line.quantity));
        ASSERT_EQ(line.amount.RoundedTo(tariff.rounding_unit, RoundingMode::kDown), line.amount);
        const bool given_back = line.kind == LineKind::kRefund || line.kind == LineKind::kSellBack;
        ASSERT_TRUE(given_back ? line.quantity < 0 : line.quantity > 0);
        exact += line.exact;
        amounts += line.amount;
        if (line.kind == LineKind::kTokens) tokens += line.exact;
        if (line.kind == LineKind::kDemand) peak = CheckedNarrow(line.quantity);
      }
      const Money settled = Postings(entries, tenant, from, to);
      EXPECT_EQ(tokens, settled);
      EXPECT_EQ(statement.bill.posted, settled + BoughtIn(entries, tenant, from, to));
      EXPECT_EQ(Work(peak), PeakOf(books, tenant, kLlama, from, to));
      EXPECT_EQ(statement.bill.total, amounts);
      EXPECT_EQ(statement.bill.total + statement.bill.rounding, exact);
    }
  }
}

}  // namespace
}  // namespace penstock::ledger
