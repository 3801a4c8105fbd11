// Simple rules make sound tariffs of a market's figures.
#include "sim/tariffs/simple_tariffs.h"

#include <gtest/gtest.h>

#include "tests/sim/tariffs/spaces.h"

namespace penstock::sim {
namespace {

constexpr size_t kDefault = static_cast<size_t>(ServiceClass::kDefault);

// One customer: 100 input tokens an hour at night, 300 in the peak hours, for a week from a Monday on.
std::vector<Customer> OneCustomer() {
  Customer customer;
  customer.name = "acme";
  customer.load.window = Hours(1);
  for (size_t hour = 0; hour < 168; ++hour) {
    const bool peak = hour / 24 < 5 && hour % 24 >= 8 && hour % 24 < 20;
    customer.load.tokens_of_kind[static_cast<size_t>(TokenKind::kInput)].push_back(peak ? 300 : 100);
  }
  return {customer};
}

const Instant kMonday = Instant() + Days(4);  // 5 January 1970

MarketFigures Figures() {
  MarketFigures figures;
  figures.reference_price = 600;
  figures.elasticity = 0.5;
  figures.running_cost = 100;
  figures.capacity = 100;
  figures = WithLoads(figures, OneCustomer(), WholeSpace().frame, kMonday);
  figures.capacity_cost = 200 * (figures.peak_work + figures.off_peak_work);
  return figures;
}

int64_t InputPrice(const ledger::Tariff& tariff) { return tariff.pools[0].by_class[kDefault][TokenKind::kInput]; }

TEST(SimpleTariffs, LoadsAreThoseOfAMonthByThePeakHours) {
  const MarketFigures figures = Figures();
  constexpr double kWeeks = 30.0 / 7;
  EXPECT_NEAR(figures.peak_seconds, kWeeks * 60 * 3'600, 1e-3);
  EXPECT_NEAR(figures.off_peak_seconds, kWeeks * 108 * 3'600, 1e-3);
  EXPECT_NEAR(figures.peak_work, kWeeks * 60 * 300 * 1'000, 1e-3);
  EXPECT_NEAR(figures.off_peak_work, kWeeks * 108 * 100 * 1'000, 1e-3);
}

TEST(SimpleTariffs, EveryPointIsASoundTariff) {
  const TariffFrame frame = WholeSpace().frame;
  const std::vector<TariffFamily> families = {FlatPrices(frame, {30, 6'000}), CostPlusPrices(frame, Figures()),
                                              PeakLoadPricesByHour(frame, Figures()),
                                              PeakLoadPricesByDemand(frame, Figures()), RamseyPrices(frame, Figures())};
  for (const TariffFamily& family : families) {
    ASSERT_EQ(family.axes.size(), 1u);
    int64_t before = -1;
    for (int i = 0; i <= 20; ++i) {
      const ledger::Tariff tariff = family.tariff_at({i / 20.0});
      EXPECT_TRUE(ledger::CheckTariff(tariff).ok()) << family.name;
      EXPECT_EQ(family.read({i / 20.0}).size(), 1u);
      EXPECT_GE(InputPrice(tariff), before) << family.name << " at " << i;
      before = InputPrice(tariff);
    }
  }
}

TEST(SimpleTariffs, CostPlusIsTheAverageCostAndAMargin) {
  const TariffFamily family = CostPlusPrices(WholeSpace().frame, Figures());
  EXPECT_EQ(InputPrice(family.tariff_at({50.0 / 350})), 300'000);  // margin 0: 100 + 200 a milli-nt
  EXPECT_EQ(InputPrice(family.tariff_at({150.0 / 350})), 600'000);
}

TEST(SimpleTariffs, PeakHoursPayForTheCapacityFirst) {
  const ledger::Tariff tariff = PeakLoadPricesByHour(WholeSpace().frame, Figures()).tariff_at({0.4});
  ASSERT_EQ(tariff.pools[0].token_rules.size(), 1u);
  const ledger::Ratio peak = tariff.pools[0].token_rules[0].by_band[0];
  EXPECT_GT(peak.numerator, peak.denominator);
}

TEST(SimpleTariffs, ByDemandTheCoincidentPeakPaysForTheCapacity) {
  const TariffFamily family = PeakLoadPricesByDemand(WholeSpace().frame, Figures());
  const MarketFigures figures = Figures();
  const ledger::Tariff tariff = family.tariff_at({std::log(10.0) / std::log(40.0)});  // 100 %
  EXPECT_EQ(InputPrice(tariff), 100'000);
  const ledger::DemandCharge& charge = tariff.pools[0].demand.at(0);
  EXPECT_EQ(charge.rule, ledger::DemandRule::kCoincident);
  // A pool that is full in its busiest minute pays exactly what the capacity costs.
  EXPECT_NEAR(static_cast<double>(charge.steps[0].price) * figures.capacity * 60 / figures.capacity_cost, 1, 1e-6);
}

TEST(SimpleTariffs, RamseyPricesAreDearerForThoseWhoAnswerLess) {
  const ledger::Tariff tariff = RamseyPrices(WholeSpace().frame, Figures()).tariff_at({0.5});
  const auto price = [&](ServiceClass served) {
    return tariff.pools[0].by_class[static_cast<size_t>(served)][TokenKind::kInput];
  };
  EXPECT_LT(price(ServiceClass::kFlex), price(ServiceClass::kDefault));
  EXPECT_LT(price(ServiceClass::kDefault), price(ServiceClass::kPriority));
  EXPECT_GT(price(ServiceClass::kFlex), 300'000);
}

}  // namespace
}  // namespace penstock::sim
