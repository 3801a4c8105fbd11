// The space of tariffs: every point is a tariff that the ledger accepts, and simple tariffs are points of it.
#include "sim/tariffs/tariff_space.h"

#include <gtest/gtest.h>

#include "tests/sim/tariffs/spaces.h"

namespace penstock::sim {
namespace {

const ledger::TokenPrices& PricesOf(const ledger::Tariff& tariff, ServiceClass served) {
  return tariff.pools[0].by_class[static_cast<size_t>(served)];
}

TEST(TariffSpace, EveryPointIsASoundTariff) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  for (int world = 0; world < 300; ++world) {
    const TariffSpace space(RandomSpace(random));
    for (int i = 0; i < 20; ++i) {
      const absl::Status sound = ledger::CheckTariff(space.TariffAt(RandomShares(space.size(), random)));
      ASSERT_TRUE(sound.ok()) << sound << " in space " << world;
    }
  }
}

TEST(TariffSpace, TheFlatTokenPriceIsAPointOfIt) {
  const TariffSpace space(WholeSpace());
  TariffParameters flat;
  flat.token_price = 600;
  const ledger::Tariff tariff = space.TariffAt(space.SharesOf(flat));
  EXPECT_EQ(tariff, MakeTariff(flat, space.terms().frame));
  EXPECT_TRUE(tariff.pools[0].demand.empty());
  EXPECT_TRUE(tariff.pools[0].token_rules.empty());
  EXPECT_EQ(tariff.pools[0].capacity_price, 0);
  for (const ServiceClass served : {ServiceClass::kFlex, ServiceClass::kDefault, ServiceClass::kPriority,
                                    ServiceClass::kSpillover, ServiceClass::kReserved}) {
    EXPECT_EQ(PricesOf(tariff, served)[TokenKind::kInput], 600'000);
    EXPECT_EQ(PricesOf(tariff, served)[TokenKind::kCachedInput], 60'000);
    EXPECT_EQ(PricesOf(tariff, served)[TokenKind::kOutput], 2'400'000);
    EXPECT_EQ(PricesOf(tariff, served)[TokenKind::kImage], 0);
  }
  EXPECT_EQ(PricesOf(tariff, ServiceClass::kFree), ledger::TokenPrices{});
}

TEST(TariffSpace, FiguresAndSharesAreInverse) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  const TariffSpace space(WholeSpace());
  for (int i = 0; i < 200; ++i) {
    const TariffParameters figures = space.ParametersAt(RandomShares(space.size(), random));
    const TariffParameters again = space.ParametersAt(space.SharesOf(figures));
    EXPECT_NEAR(again.token_price / figures.token_price, 1, 1e-9);
    EXPECT_NEAR(again.flex_factor, figures.flex_factor, 1e-9);
    EXPECT_NEAR(again.peak_factor, figures.peak_factor, 1e-9);
    EXPECT_EQ(again.demand, figures.demand);
    EXPECT_NEAR(again.capacity_price, figures.capacity_price, 1e-9 * figures.capacity_price);
  }
}

TEST(TariffSpace, AFigureThatIsFixedMakesNoAxis) {
  TariffSpaceTerms terms = WholeSpace();
  terms.flex_factor = {0.5, 0.5};
  terms.priority_factor = {1, 1};
  terms.spillover_factor = {1, 1};
  terms.demand = {DemandChoice::kCoincident};
  terms.capacity_price = {0, 0};
  const TariffSpace space(terms);
  EXPECT_EQ(space.AxisNames(), (std::vector<std::string>{"token price", "peak-hours factor", "demand price"}));
  const ledger::Tariff tariff = space.TariffAt({0, 0, 0});
  EXPECT_EQ(PricesOf(tariff, ServiceClass::kFlex)[TokenKind::kInput], 15'000);
  ASSERT_EQ(tariff.pools[0].demand.size(), 1u);
  EXPECT_EQ(tariff.pools[0].demand[0].rule, ledger::DemandRule::kCoincident);
  EXPECT_EQ(tariff.pools[0].demand[0].steps[0].price, 10);
}

TEST(TariffSpace, WhatIsReservedIsPaidByTheHourOnly) {
  TariffParameters parameters;
  parameters.token_price = 600;
  parameters.capacity_price = 1'200;
  parameters.peak_factor = 1.52;
  const ledger::Tariff tariff = MakeTariff(parameters, WholeSpace().frame);
  EXPECT_EQ(PricesOf(tariff, ServiceClass::kReserved), ledger::TokenPrices{});
  EXPECT_EQ(tariff.pools[0].capacity_price, 1'200);
  EXPECT_EQ(tariff.pools[0].token_rules[0].by_band[0], (ledger::Ratio{3, 2}));
  EXPECT_FALSE(tariff.pools[0].token_rules[0].Covers(ServiceClass::kReserved, TokenKind::kInput));
}

TEST(TariffSpace, PeopleCanReadAPoint) {
  TariffParameters parameters;
  parameters.token_price = 612.3;
  parameters.demand = DemandChoice::kRatchet;
  parameters.demand_price = 5'000;
  const TariffSpace space(WholeSpace());
  std::string text;
  for (const AxisReading& reading : space.Read(space.SharesOf(parameters)))
    text += reading.name + ": " + reading.value + "\n";
  EXPECT_EQ(text,
            "token price: 0.6123 USD per million nt\n"
            "flex factor: off\n"
            "priority factor: off\n"
            "spillover factor: off\n"
            "peak-hours factor: off\n"
            "demand rule: own peak with a ratchet of 80 %\n"
            "demand price: 0.005 USD a month per 1,000 nt/s\n"
            "capacity price: off\n");
}

}  // namespace
}  // namespace penstock::sim
