#include "sim/demand/response.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "ledger/charges.h"
#include "sim/demand/pricing.h"
#include "sim/distributions.h"

namespace penstock::sim {
namespace {

constexpr char kPool[] = "chat";
constexpr size_t kWindows = 1'008;  // a week of ten minutes
constexpr int64_t kReference = 2'000;

BurndownRates Rates() {
  BurndownRates rates;
  rates[TokenKind::kInput] = 1'000;
  rates[TokenKind::kOutput] = 4'000;
  return rates;
}

/// All classes cost `price` pico-units a milli-nt; of reserved ones only the capacity costs.
ledger::Tariff FlatTariff(int64_t price) {
  ledger::Tariff tariff;
  tariff.version = "flat";
  tariff.currency = "EUR";
  tariff.pools.resize(1);
  tariff.pools[0].pool = kPool;
  for (const ServiceClass served :
       {ServiceClass::kFlex, ServiceClass::kDefault, ServiceClass::kPriority, ServiceClass::kSpillover}) {
    ledger::TokenPrices& prices = tariff.pools[0].by_class[static_cast<size_t>(served)];
    prices[TokenKind::kInput] = 1'000 * price;
    prices[TokenKind::kOutput] = 4'000 * price;
  }
  return tariff;
}

ledger::TokenPrices& PricesOf(ledger::Tariff* tariff, ServiceClass served) {
  return tariff->pools[0].by_class[static_cast<size_t>(served)];
}

Customer CustomerWith(std::string name, std::vector<double> input) {
  Customer customer;
  customer.name = std::move(name);
  customer.load.window = Minutes(10);
  customer.load.requests.assign(input.size(), 1);
  std::vector<double> output = input;
  for (double& each : output) each /= 8;
  customer.load.tokens_of_kind[static_cast<size_t>(TokenKind::kInput)] = std::move(input);
  customer.load.tokens_of_kind[static_cast<size_t>(TokenKind::kOutput)] = std::move(output);
  return customer;
}

Customer Steady() { return CustomerWith("steady", std::vector<double>(kWindows, 80'000)); }

/// Works in one window of a hundred.
Customer Spiky() {
  std::vector<double> input(kWindows);
  for (size_t w = 50; w < kWindows; w += 100) input[w] = 8'000'000;
  return CustomerWith("spiky", std::move(input));
}

std::vector<Customer> RandomCustomers(size_t count, uint64_t seed) {
  std::vector<Customer> customers;
  for (size_t i = 0; i < count; ++i) {
    Random random = Streams(seed).Of(i, Purpose::kArrivals);
    const double spread = 0.2 + 2 * Uniform(random);
    std::vector<double> input(kWindows / 7);
    for (double& each : input) each = 50'000 * LognormalMean1(random, spread);
    customers.push_back(CustomerWith("c" + std::to_string(i), std::move(input)));
  }
  return customers;
}

DemandTerms Elastic(double elasticity) {
  DemandTerms terms;
  terms.volume = VolumeModel::kConstantElasticity;
  terms.elasticity = elasticity;
  terms.reference_price = kReference;
  return terms;
}

std::vector<Decision> RespondTo(const ledger::Tariff& tariff, const std::vector<Customer>& customers,
                                const DemandTerms& terms, uint64_t seed = 1) {
  EXPECT_TRUE(ledger::CheckTariff(tariff).ok()) << ledger::CheckTariff(tariff);
  return Respond(tariff, kPool, Rates(), customers, terms, Streams(seed));
}

TEST(Response, AFlatTariffAtTheReferencePriceIsTheTrace) {
  for (const Decision& decision : RespondTo(FlatTariff(kReference), {Steady(), Spiky()}, Elastic(1.5))) {
    EXPECT_DOUBLE_EQ(decision.price, kReference);
    EXPECT_DOUBLE_EQ(decision.volume, 1);
    EXPECT_TRUE(decision.stays);
    EXPECT_TRUE(decision.load_shifts.empty());
  }
}

TEST(Response, VolumeFollowsTheElasticity) {
  const Decision dear = RespondTo(FlatTariff(2 * kReference), {Steady()}, Elastic(1.5))[0];
  EXPECT_NEAR(dear.volume, std::pow(2, -1.5), 1e-9);
  EXPECT_EQ(RespondTo(FlatTariff(10 * kReference), {Steady()}, Elastic(1.5))[0].volume, 0);
  DemandTerms fixed = Elastic(1.5);
  fixed.volume = VolumeModel::kFixed;
  EXPECT_EQ(RespondTo(FlatTariff(2 * kReference), {Steady()}, fixed)[0].volume, 1);
}

TEST(Response, ADemandChargeIsPartOfThePriceAndSpikyCustomersSeeMoreOfIt) {
  ledger::Tariff tariff = FlatTariff(kReference);
  ledger::DemandCharge charge = ledger::BusiestMinute(1'000'000);
  charge.windows = 10;
  tariff.pools[0].demand = {charge};
  const std::vector<Decision> decisions = RespondTo(tariff, {Steady(), Spiky()}, Elastic(1));
  // Of the steady one's work the busiest ten minutes are 1 / 1,008, of the spiky one's 1 / 10.
  EXPECT_NEAR(decisions[0].price, kReference + 1e6 / 1'008, 1e-6);
  EXPECT_NEAR(decisions[1].price, kReference + 1e6 / 10, 1e-6);
  EXPECT_GT(decisions[0].volume, 0.5);
  EXPECT_EQ(decisions[1].volume, 0);
}

TEST(Response, ACoincidentChargeLooksAtThePoolsPeak) {
  ledger::Tariff tariff = FlatTariff(kReference);
  ledger::DemandCharge charge = ledger::BusiestMinute(1'000'000);
  charge.rule = ledger::DemandRule::kCoincident;
  tariff.pools[0].demand = {charge};
  Customer away = Spiky();  // of the same size, but never in the pool's peak, which is the first one's
  std::vector<double>& input = away.load.tokens_of_kind[static_cast<size_t>(TokenKind::kInput)];
  std::rotate(input.begin(), input.begin() + 1, input.end());
  std::vector<double>& output = away.load.tokens_of_kind[static_cast<size_t>(TokenKind::kOutput)];
  std::rotate(output.begin(), output.begin() + 1, output.end());
  DemandTerms fixed = Elastic(1);
  fixed.volume = VolumeModel::kFixed;
  const std::vector<Decision> decisions = RespondTo(tariff, {Spiky(), Steady(), away}, fixed);
  EXPECT_NEAR(decisions[0].price, kReference, 1e-6);  // the earliest of the two peaks is the other's
  EXPECT_GT(decisions[2].price, kReference + 9'000);
  EXPECT_NEAR(decisions[1].price, kReference + 1e6 / 10'080, 1);

  // Where the one whose peak it is stays away for its price, the other's becomes the pool's: neither is free.
  const std::vector<Decision> elastic = RespondTo(tariff, {Spiky(), Steady(), away}, Elastic(1));
  EXPECT_GT(elastic[0].price, kReference + 1'000);
  EXPECT_GT(elastic[2].price, kReference + 1'000);
  EXPECT_NEAR(elastic[0].price + elastic[2].price, 2 * kReference + 10'000, 1'000);
}

TEST(Response, ALadderIsClimbedToWhereVolumeAndPriceAgree) {
  ledger::Tariff tariff = FlatTariff(kReference);
  ledger::TokenRule rule;
  rule.classes = 1u << static_cast<unsigned>(ServiceClass::kDefault);
  rule.kinds = 1u << static_cast<unsigned>(TokenKind::kInput);
  rule.steps = {{40'000'000, {1, 1}}, {0, {1, 2}}};
  tariff.pools[0].token_rules = {rule};
  const Decision decision = RespondTo(tariff, {Steady()}, Elastic(1.5))[0];
  EXPECT_LT(decision.price, kReference);
  EXPECT_GT(decision.volume, 1);
  EXPECT_NEAR(decision.volume, std::pow(decision.price / kReference, -1.5), 0.01 * decision.volume);
  // What that volume costs by hand: input up to 40 million tokens at the full price, output (4 / 8 of the work's 3 / 2)
  // too.
  const double input = 80'000.0 * kWindows * decision.volume;
  const double paid = 40e6 + (input - 40e6) / 2 + input / 2;
  EXPECT_NEAR(decision.price, kReference * paid / (input * 1.5), 0.002 * kReference);
}

TEST(Response, WhoValuesSpeedPaysForPriority) {
  ledger::Tariff tariff = FlatTariff(kReference);
  PricesOf(&tariff, ServiceClass::kPriority)[TokenKind::kInput] = 1'500 * kReference;
  PricesOf(&tariff, ServiceClass::kPriority)[TokenKind::kOutput] = 6'000 * kReference;
  DemandTerms terms = Elastic(1);
  terms.plans = {ServiceClass::kDefault, ServiceClass::kPriority};
  terms.taste_noise = 0;
  terms.speed_value = 0;
  EXPECT_EQ(RespondTo(tariff, {Steady()}, terms)[0].elastic, ServiceClass::kDefault);
  terms.speed_value = 5;
  const Decision quick = RespondTo(tariff, {Steady()}, terms)[0];
  EXPECT_EQ(quick.elastic, ServiceClass::kPriority);
  EXPECT_NEAR(quick.price, 1.5 * kReference, 1e-6);
  EXPECT_LT(quick.full_price, kReference);
}

TEST(Response, AdverseSelectionTheSpikyTakePriorityMoreOften) {
  ledger::Tariff tariff = FlatTariff(kReference);
  PricesOf(&tariff, ServiceClass::kPriority)[TokenKind::kInput] = 1'300 * kReference;
  PricesOf(&tariff, ServiceClass::kPriority)[TokenKind::kOutput] = 5'200 * kReference;
  DemandTerms terms = Elastic(1);
  terms.plans = {ServiceClass::kDefault, ServiceClass::kPriority};
  terms.speed_value = 0.2;
  terms.speed_value_of_spiky = 0.5;
  const std::vector<Customer> customers = RandomCustomers(200, 3);
  const std::vector<Decision> decisions = RespondTo(tariff, customers, terms, 3);
  double quick_of[2] = {};
  double all_of[2] = {};  // smooth, spiky
  for (size_t i = 0; i < customers.size(); ++i) {
    const double factor = ShapeOf(WorkOfWindows(customers[i].load, Rates())).load_factor();
    const size_t group = factor < 0.1 ? 1 : 0;
    all_of[group] += 1;
    if (decisions[i].elastic == ServiceClass::kPriority) quick_of[group] += 1;
  }
  EXPECT_GT(std::min(all_of[0], all_of[1]), 50) << "seed 3";
  EXPECT_GT(quick_of[1] / all_of[1], 2 * quick_of[0] / all_of[0]) << "seed 3";
}

TEST(Response, SteadyLoadIsReservedSpikesAreNot) {
  ledger::Tariff tariff = FlatTariff(kReference);
  tariff.pools[0].capacity_price = 3'600 * kReference / 2;  // pays from half use on
  DemandTerms terms = Elastic(1);
  terms.may_reserve = true;
  terms.taste_noise = 0;
  const std::vector<Decision> decisions = RespondTo(tariff, {Steady(), Spiky()}, terms);
  EXPECT_NEAR(decisions[0].price, kReference / 2.0, 1);
  EXPECT_NEAR(decisions[0].volume, 2, 0.01);
  EXPECT_NEAR(static_cast<double>(decisions[0].reserves.count()), 120'000'000.0 / 600 * decisions[0].volume, 2);
  EXPECT_EQ(decisions[0].elastic, ServiceClass::kSpillover);
  EXPECT_EQ(decisions[1].reserves, WorkPerSecond());
  EXPECT_EQ(decisions[1].elastic, ServiceClass::kDefault);
}

TEST(Response, PeaksWaitWhenThatSavesMoreThanItCosts) {
  ledger::Tariff tariff = FlatTariff(kReference);
  ledger::DemandCharge charge = ledger::BusiestMinute(20'000);
  charge.windows = 10;
  tariff.pools[0].demand = {charge};
  DemandTerms terms = Elastic(1);
  terms.shiftable = 1;
  const std::vector<Customer> customers = {Spiky()};
  const Decision waits = RespondTo(tariff, customers, terms)[0];
  EXPECT_GT(waits.shifts, 0.5);
  EXPECT_LT(waits.price, kReference + 1'000);  // 2,000 if nothing waited
  terms.shift_cost = 100;
  EXPECT_EQ(RespondTo(tariff, customers, terms)[0].shifts, 0);
  terms.shift_cost = 0.1;
  terms.shiftable = 0;
  EXPECT_EQ(RespondTo(tariff, customers, terms)[0].shifts, 0);
}

/// Hours from 8 to 20 are dear: twice the price.
ledger::Tariff DayAndNight() {
  ledger::Tariff tariff = FlatTariff(kReference);
  tariff.calendar.bands = {"night", "day"};
  for (size_t hour = 0; hour < ledger::kHoursOfWeek; ++hour) {
    tariff.calendar.band_of_hour[hour] = hour % 24 >= 8 && hour % 24 < 20 ? 1 : 0;
  }
  ledger::TokenRule rule;
  rule.classes = 1u << static_cast<unsigned>(ServiceClass::kDefault);
  rule.kinds = (1u << static_cast<unsigned>(TokenKind::kInput)) | (1u << static_cast<unsigned>(TokenKind::kOutput));
  rule.by_band = {{1, 1}, {2, 1}};
  tariff.pools[0].token_rules = {rule};
  return tariff;
}

TEST(Response, WorkOfDearHoursWaitsForTheNight) {
  DemandTerms terms = Elastic(1);
  terms.shiftable = 1;
  terms.longest_shift = Hours(4);
  const std::vector<Customer> customers = {Steady()};
  const Decision decision = RespondTo(DayAndNight(), customers, terms)[0];
  EXPECT_NEAR(decision.shifts, 4.0 / 24, 0.01);  // what comes after 16:00
  const std::vector<double> after = WorkOfWindows(Shifted(customers[0].load, decision.load_shifts), Rates());
  EXPECT_NEAR(ShapeOf(after).total, 120e6 * kWindows, 1);
  EXPECT_EQ(after[17 * 6], 0);
  EXPECT_GT(after[20 * 6], 20 * 120e6);
  terms.shift_cost = 1;  // two hours on the average, for one reference price
  EXPECT_EQ(RespondTo(DayAndNight(), customers, terms)[0].shifts, 0);
}

TEST(Response, DearerTariffsDriveMoreAwayAndNobodyBack) {
  DemandTerms terms = Elastic(0.5);
  terms.churn_per_period = 0.05;
  terms.churn_by_price = 0.2;
  const std::vector<Customer> customers = RandomCustomers(300, 9);
  std::vector<Decision> before = RespondTo(FlatTariff(kReference), customers, terms, 9);
  const auto count = [](const std::vector<Decision>& decisions) {
    return std::count_if(decisions.begin(), decisions.end(), [](const Decision& d) { return !d.stays; });
  };
  EXPECT_NEAR(static_cast<double>(count(before)), 15, 12);
  for (const int64_t price : {3'000, 4'000, 8'000}) {
    const std::vector<Decision> after = RespondTo(FlatTariff(price), customers, terms, 9);
    EXPECT_GT(count(after), count(before)) << price;
    for (size_t i = 0; i < customers.size(); ++i) {
      EXPECT_LE(after[i].stays, before[i].stays) << i;
      EXPECT_TRUE(after[i].stays || after[i].volume + after[i].surplus == 0) << i;
    }
    before = after;
  }
}

TEST(Response, NobodyUsesMoreWhenPricesRiseWhateverTheirPlans) {
  for (const VolumeModel model : {VolumeModel::kConstantElasticity, VolumeModel::kLogit}) {
    DemandTerms terms = Elastic(1.2);
    terms.volume = model;
    terms.plans = {ServiceClass::kFlex, ServiceClass::kDefault, ServiceClass::kPriority};
    terms.speed_value = 0.3;
    terms.shiftable = 0.5;
    const std::vector<Customer> customers = RandomCustomers(40, 17);
    std::vector<Decision> before;
    for (const int64_t price : {1'000, 1'500, 2'000, 4'000, 9'000}) {
      ledger::Tariff tariff = FlatTariff(price);
      PricesOf(&tariff, ServiceClass::kFlex)[TokenKind::kInput] = 700 * price;
      PricesOf(&tariff, ServiceClass::kPriority)[TokenKind::kOutput] = 6'000 * price;
      ledger::DemandCharge charge = ledger::BusiestMinute(10 * price);
      charge.windows = 10;
      tariff.pools[0].demand = {charge};
      const std::vector<Decision> after = RespondTo(tariff, customers, terms, 17);
      for (size_t i = 0; i < before.size(); ++i) {
        EXPECT_LE(after[i].volume, before[i].volume) << i << " at " << price << ", seed 17";
        EXPECT_LE(after[i].surplus, before[i].surplus + 1e-9) << i << " at " << price << ", seed 17";
      }
      before = after;
    }
  }
}

TEST(Response, WhatOneCustomerIsLikeDoesNotDependOnTheOthers) {
  DemandTerms terms = Elastic(1.2);
  terms.plans = {ServiceClass::kFlex, ServiceClass::kDefault, ServiceClass::kPriority};
  terms.speed_value = 0.3;
  terms.shiftable = 0.5;
  terms.churn_per_period = 0.3;
  std::vector<Customer> customers = RandomCustomers(20, 23);
  const std::vector<Decision> before = RespondTo(FlatTariff(3'000), customers, terms, 23);
  customers[4].load = Scaled(customers[4].load, 100);
  customers.pop_back();
  const std::vector<Decision> after = RespondTo(FlatTariff(3'000), customers, terms, 23);
  for (size_t i = 0; i < customers.size(); ++i) {
    if (i == 4) continue;
    EXPECT_EQ(after[i].elastic, before[i].elastic) << i;
    EXPECT_EQ(after[i].volume, before[i].volume) << i;
    EXPECT_EQ(after[i].stays, before[i].stays) << i;
  }
}

TEST(Response, WhoHasNoLoadPaysNothingAndStays) {
  const Decision idle =
      RespondTo(FlatTariff(kReference), {CustomerWith("idle", std::vector<double>(144))}, Elastic(1))[0];
  EXPECT_TRUE(idle.stays);
  EXPECT_EQ(idle.price, 0);
  EXPECT_EQ(idle.surplus, 0);
}

TEST(Response, SurplusIsInCurrencyUnits) {
  DemandTerms terms = Elastic(0);
  const Decision decision = RespondTo(FlatTariff(kReference), {Steady()}, terms)[0];
  const double work = 120e6 * kWindows;
  EXPECT_NEAR(decision.surplus, work * 9 * kReference * 1e-12, 1e-6);
}

}  // namespace
}  // namespace penstock::sim
