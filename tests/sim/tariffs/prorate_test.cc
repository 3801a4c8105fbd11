#include "sim/tariffs/prorate.h"

#include <gtest/gtest.h>

#include "ledger/charges.h"

namespace penstock::sim {
namespace {

using ledger::Money;

ledger::Tariff Monthly() {
  ledger::Tariff tariff;
  tariff.version = "v";
  tariff.currency = "EUR";
  tariff.pools.resize(1);
  ledger::PoolPrices& pool = tariff.pools[0];
  pool.pool = "chat";
  pool.by_class[static_cast<size_t>(ServiceClass::kDefault)][TokenKind::kInput] = 2'000'000;
  pool.capacity_price = 7'777;
  pool.demand = {ledger::BusiestMinute(300'001)};
  ledger::TokenRule rule;
  rule.classes = 1u << static_cast<unsigned>(ServiceClass::kDefault);
  rule.kinds = 1u << static_cast<unsigned>(TokenKind::kInput);
  rule.steps = {{300, {1, 1}}, {301, {1, 2}}, {0, {1, 4}}};
  pool.token_rules = {rule};
  tariff.seats = {{"seat", *Money::FromDecimal("30"), *Money::FromDecimal("0.000000000015")}};
  return tariff;
}

TEST(Prorate, ThreeDaysPayATenthOfWhatIsChargedByTheMonth) {
  const ledger::Tariff prorated = Prorated(Monthly(), Days(3));
  const ledger::PoolPrices& pool = prorated.pools[0];
  EXPECT_EQ(pool.demand[0].steps[0].price, 30'000);
  EXPECT_EQ(prorated.seats[0].price.ToDecimal(), "3.000000000000");
  EXPECT_EQ(prorated.seats[0].included.ToDecimal(), "0.000000000002");
  EXPECT_TRUE(ledger::CheckTariff(prorated).ok()) << ledger::CheckTariff(prorated);
}

TEST(Prorate, PricesPerTokenAndHourStay) {
  const ledger::Tariff prorated = Prorated(Monthly(), Days(3));
  EXPECT_TRUE(prorated.pools[0].by_class == Monthly().pools[0].by_class);
  EXPECT_EQ(prorated.pools[0].capacity_price, 7'777);
}

TEST(Prorate, LaddersEndAtATenthOfTheirTokensAndStillClimb) {
  const std::vector<ledger::PriceStep> steps = Prorated(Monthly(), Days(3)).pools[0].token_rules[0].steps;
  EXPECT_EQ(steps[0].up_to, 30);
  EXPECT_EQ(steps[1].up_to, 31);
  EXPECT_EQ(steps[2].up_to, 0);
}

TEST(Prorate, AWholeMonthChangesNothing) { EXPECT_TRUE(Prorated(Monthly(), kBillingMonth) == Monthly()); }

TEST(Prorate, APriceOfAMeanStaysAMultipleOfItsParts) {
  ledger::Tariff tariff = Monthly();
  tariff.pools[0].demand[0].rule = ledger::DemandRule::kTopMean;
  tariff.pools[0].demand[0].n = 7;
  tariff.pools[0].demand[0].steps[0].price = 700;
  const ledger::Tariff prorated = Prorated(tariff, Days(10));
  EXPECT_EQ(prorated.pools[0].demand[0].steps[0].price, 231);  // 233 1/3
  EXPECT_TRUE(ledger::CheckTariff(prorated).ok());
}

TEST(Prorate, SumsAreRoundedToTheNearestPicoUnit) {
  EXPECT_EQ(MonthShareRoundNearest(Money::FromPico(15), Days(3)), Money::FromPico(2));
  EXPECT_EQ(MonthShareRoundNearest(Money::FromPico(14), Days(3)), Money::FromPico(1));
  EXPECT_EQ(MonthShareRoundNearest(Money::FromPico(-15), Days(3)), Money::FromPico(-2));
  EXPECT_DOUBLE_EQ(MonthsPer(Days(3)), 10);
}

}  // namespace
}  // namespace penstock::sim
