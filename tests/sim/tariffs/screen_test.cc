#include "sim/tariffs/screen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "ledger/charges.h"
#include "sim/demand/load_profile.h"
#include "sim/distributions.h"

namespace penstock::sim {
namespace {

constexpr char kPool[] = "chat";
constexpr size_t kWindows = 432;  // three days of ten minutes: a tenth of a month
constexpr int64_t kReference = 2'000;

Customer CustomerWith(std::string name, std::vector<double> input) {
  Customer customer;
  customer.name = std::move(name);
  customer.load.window = Minutes(10);
  customer.load.requests.assign(input.size(), 1);
  customer.load.tokens_of_kind[static_cast<size_t>(TokenKind::kInput)] = std::move(input);
  return customer;
}

/// So many nt/s all the time.
Customer Steady(std::string name, double rate) {
  return CustomerWith(std::move(name), std::vector<double>(kWindows, 600 * rate));
}

/// So many nt/s in every tenth window.
Customer Spiky(std::string name, double rate) {
  std::vector<double> input(kWindows);
  for (size_t w = 5; w < kWindows; w += 10) input[w] = 600 * rate;
  return CustomerWith(std::move(name), std::move(input));
}

ScreenTerms Terms(std::vector<Customer> customers, double capacity) {
  ScreenTerms terms;
  terms.customers = std::move(customers);
  terms.pool = kPool;
  terms.burndown[TokenKind::kInput] = 1'000;
  terms.capacity = capacity;
  terms.capacity_cost = 2;
  terms.demand.reference_price = kReference;
  return terms;
}

ledger::Tariff FlatTariff(int64_t price = kReference) {
  ledger::Tariff tariff;
  tariff.version = "flat";
  tariff.currency = "EUR";
  tariff.pools.resize(1);
  tariff.pools[0].pool = kPool;
  for (const ServiceClass served :
       {ServiceClass::kFlex, ServiceClass::kDefault, ServiceClass::kPriority, ServiceClass::kSpillover}) {
    tariff.pools[0].by_class[static_cast<size_t>(served)][TokenKind::kInput] = 1'000 * price;
  }
  return tariff;
}

ledger::Tariff WithDemand(ledger::Tariff tariff, ledger::DemandRule rule, int64_t price) {
  ledger::DemandCharge charge = ledger::BusiestMinute(price);
  charge.rule = rule;
  if (rule == ledger::DemandRule::kBlockMaximum) charge.windows = 10;
  tariff.pools[0].demand = {charge};
  return tariff;
}

Evaluation Evaluate(ScreenTerms terms, const ledger::Tariff& tariff, uint64_t seed = 1) {
  EXPECT_TRUE(ledger::CheckTariff(tariff).ok()) << ledger::CheckTariff(tariff);
  return FluidScreen(std::move(terms)).Evaluate(tariff, seed);
}

TEST(Screen, AFlatTariffByHand) {
  const Evaluation e = Evaluate(Terms({Steady("a", 100), Steady("b", 300)}, 500), FlatTariff());
  const double nt = 400.0 * 86'400 * 30;
  EXPECT_NEAR(e.revenue, nt * 1'000 * kReference * 1e-12, 1e-6);
  EXPECT_NEAR(e.by_component[static_cast<size_t>(ledger::rating::LineKind::kTokens)], e.revenue, 1e-6);
  EXPECT_DOUBLE_EQ(e.capacity_cost, 1'000);
  EXPECT_DOUBLE_EQ(e.utilisation, 0.8);
  EXPECT_DOUBLE_EQ(e.peak_utilisation, 0.8);
  EXPECT_EQ(e.refused, 0);
  EXPECT_EQ(e.service_level, 1);
  EXPECT_NEAR(e.cross_subsidy, 0, 1e-12);
  EXPECT_DOUBLE_EQ(e.revenue_per_capacity, e.revenue / 500);
  EXPECT_NEAR(e.customers[1].work, nt * 0.75, 1);
  EXPECT_NEAR(e.customers[1].bill, 3 * e.customers[0].bill, 1e-6);
  // Fixed volume: worth ten reference prices, of which one is paid.
  EXPECT_NEAR(e.welfare, 10 * e.revenue - 1'000, 1e-3);
}

TEST(Screen, ADemandChargeOfTheMonthIsPaidOnce) {
  const Evaluation e =
      Evaluate(Terms({Spiky("a", 100)}, 500), WithDemand(FlatTariff(), ledger::DemandRule::kBlockMaximum, 50'000));
  EXPECT_NEAR(e.by_component[static_cast<size_t>(ledger::rating::LineKind::kDemand)], 60'000e3 * 50'000e-12, 1e-9);
}

TEST(Screen, UnderAFlatPriceTheSmoothPayForTheSpiky) {
  const ScreenTerms terms = Terms({Steady("smooth", 100), Spiky("spiky", 300)}, 500);
  const Evaluation flat = Evaluate(terms, FlatTariff());
  // Bills 100 : 30 (by 432 windows: 44 of them); in the busiest windows 100 : 300.
  EXPECT_NEAR(flat.cross_subsidy, 0.75 - 300.0 * 43 / (300.0 * 43 + 100.0 * 432), 1e-9);
  const Evaluation fair = Evaluate(terms, WithDemand(FlatTariff(1), ledger::DemandRule::kCoincident, 1'000'000));
  EXPECT_LT(fair.cross_subsidy, 0.01);
}

TEST(Screen, ATariffUnderWhichNobodyPaysSubsidisesNobody) {
  EXPECT_EQ(Evaluate(Terms({Steady("smooth", 100), Spiky("spiky", 300)}, 500), FlatTariff(0)).cross_subsidy, 0);
}

TEST(Screen, OverloadIsRefusedAndNotBilled) {
  const Evaluation e = Evaluate(Terms({Steady("a", 800)}, 500), FlatTariff());
  EXPECT_NEAR(e.refused, 3.0 / 8, 1e-9);
  EXPECT_EQ(e.service_level, 0);
  EXPECT_NEAR(e.utilisation, 1, 1e-9);
  EXPECT_DOUBLE_EQ(e.peak_utilisation, 1.6);
  EXPECT_NEAR(e.customers[0].bill, 500.0 * 86'400 * 30 * 1'000 * kReference * 1e-12, 1e-3);
}

TEST(Screen, FlexWaitsForTheTrough) {
  ScreenTerms terms = Terms({Spiky("a", 800)}, 500);
  EXPECT_NEAR(Evaluate(terms, FlatTariff()).refused, 3.0 / 8, 1e-9);
  terms.demand.plans = {ServiceClass::kFlex};
  const Evaluation e = Evaluate(terms, FlatTariff());
  EXPECT_NEAR(e.refused, 0, 1e-9);
  EXPECT_NEAR(e.service_level, 1, 1e-9);
  terms.flex_deadline = Minutes(9);
  EXPECT_NEAR(Evaluate(terms, FlatTariff()).refused, 3.0 / 8, 1e-9);
}

TEST(Screen, FreeTrafficFillsWhatIsLeftAndTakesItsWeight) {
  ScreenTerms terms = Terms({Steady("a", 400)}, 500);
  terms.free_load.assign(kWindows, 600 * 10'000.0);
  const Evaluation e = Evaluate(terms, FlatTariff());
  EXPECT_NEAR(e.utilisation, 1, 1e-9);
  EXPECT_NEAR(e.refused, 0, 1e-9);  // its weight is 8 of 9
  terms.weights[static_cast<size_t>(ServiceClass::kFree)] = 8;
  EXPECT_NEAR(Evaluate(terms, FlatTariff()).refused, 1 - 250.0 / 400, 1e-9);
}

TEST(Screen, WhatIsReservedIsServedFirst) {
  ScreenTerms terms = Terms({Steady("smooth", 300), Spiky("spiky", 900)}, 500);
  terms.demand.may_reserve = true;
  terms.demand.taste_noise = 0;
  ledger::Tariff tariff = FlatTariff();
  tariff.pools[0].capacity_price = 3'600 * kReference / 2;
  const Evaluation e = Evaluate(terms, tariff);
  const double smooth = 300.0 * 86'400 * 30;
  EXPECT_NEAR(e.customers[0].work, smooth, 1e-6 * smooth);
  EXPECT_NEAR(e.by_component[static_cast<size_t>(ledger::rating::LineKind::kCapacity)],
              smooth * 1e3 * kReference / 2 * 1e-12, 1e-3);
  EXPECT_NEAR(e.customers[1].work, smooth / 300 * 200 * 43 / 432, 1);
}

TEST(Screen, ShareInTimeOfOneSlotIsTheTextbooks) {
  // M/M/1: P(wait > t) = rho exp(-(1 - rho) t / s).
  EXPECT_NEAR(ShareInTime(0.8, 1, Seconds(2), Seconds(5)), 1 - 0.8 * std::exp(-0.2 * 2.5), 1e-12);
  EXPECT_EQ(ShareInTime(1.0, 1, Seconds(2), Seconds(5)), 0);
  EXPECT_EQ(ShareInTime(0.99, 0, Duration(), Duration()), 1);
  EXPECT_EQ(ShareInTime(0, 4, Seconds(2), Duration()), 1);
}

TEST(Screen, ShareInTimeOfManySlotsIsNearErlangC) {
  for (const int64_t slots : {4, 16, 64}) {
    for (const double rho : {0.6, 0.8, 0.9}) {
      const double load = rho * static_cast<double>(slots);
      double blocked = 1;  // Erlang B by its recursion
      for (int64_t n = 1; n <= slots; ++n) blocked = load * blocked / (static_cast<double>(n) + load * blocked);
      const double waits = blocked / (1 - rho * (1 - blocked));
      EXPECT_NEAR(1 - ShareInTime(rho, slots, Seconds(1), Duration()), waits, 0.08) << slots << " at " << rho;
    }
  }
}

TEST(Screen, ShareInTimeOfARateIsTheTextbooksForExponentialWork) {
  // M/M/1 again: the mean residual is the mean.
  EXPECT_NEAR(ShareInTimeOfRate(0.8, Seconds(2), Seconds(5)), 1 - 0.8 * std::exp(-0.2 * 2.5), 1e-12);
  EXPECT_EQ(ShareInTimeOfRate(1.0, Seconds(2), Seconds(5)), 0);
  EXPECT_EQ(ShareInTimeOfRate(0.9, Duration(), Duration()), 1) << "requests without a size wait for nobody";
}

TEST(Screen, LargeRequestsMakeOthersWait) {
  ScreenTerms terms = Terms({Steady("a", 400)}, 500);
  EXPECT_EQ(Evaluate(terms, FlatTariff()).service_level, 1);
  terms.request_work = 2'000;  // two seconds of the pool's rate after one that has begun, on the mean
  EXPECT_NEAR(Evaluate(terms, FlatTariff()).service_level, 1 - 0.8 * std::exp(-0.2 * 0.5), 1e-9);
}

ScreenTerms RandomTerms(uint64_t seed) {
  std::vector<Customer> customers;
  for (size_t i = 0; i < 30; ++i) {
    Random random = Streams(seed).Of(i, Purpose::kArrivals);
    std::vector<double> input(kWindows);
    const double spread = 2 * Uniform(random);
    for (double& each : input) each = 10'000 * LognormalMean1(random, spread);
    customers.push_back(CustomerWith("c" + std::to_string(i), std::move(input)));
  }
  ScreenTerms terms = Terms(std::move(customers), 700);
  terms.demand.volume = VolumeModel::kConstantElasticity;
  terms.demand.plans = {ServiceClass::kFlex, ServiceClass::kDefault, ServiceClass::kPriority};
  terms.demand.may_reserve = true;
  terms.demand.speed_value = 0.2;
  terms.demand.shiftable = 0.5;
  terms.slots = 32;
  terms.service_time = Seconds(4);
  return terms;
}

TEST(Screen, FiguresAddUp) {
  const ScreenTerms terms = RandomTerms(6);
  ledger::Tariff tariff = WithDemand(FlatTariff(), ledger::DemandRule::kCoincident, 100'000);
  tariff.pools[0].capacity_price = 3'600 * kReference * 2 / 3;
  const Evaluation e = Evaluate(terms, tariff, 6);
  double bills = 0, peaks = 0, surplus = 0, work = 0;
  for (const CustomerOutcome& customer : e.customers) {
    bills += customer.bill;
    peaks += customer.peak_share;
    surplus += customer.surplus;
    work += customer.work;
  }
  EXPECT_NEAR(bills, e.revenue, 1e-6 * e.revenue);
  EXPECT_NEAR(std::accumulate(e.by_component.begin(), e.by_component.end(), 0.0), e.revenue, 1e-6 * e.revenue);
  EXPECT_NEAR(peaks, 1, 1e-9);
  EXPECT_NEAR(surplus + e.revenue - e.capacity_cost, e.welfare, 1e-6 * e.revenue);
  EXPECT_NEAR(work / (700.0 * 86'400 * 30), e.utilisation, 1e-3);
  EXPECT_LE(e.service_level + e.refused, 1 + 1e-9);
}

TEST(Screen, TheSameSeedGivesTheSameFiguresToTheBit) {
  const FluidScreen screen(RandomTerms(6));
  const Evaluation a = screen.AsEvaluator()(FlatTariff(), 6);
  const Evaluation b = FluidScreen(RandomTerms(6)).Evaluate(FlatTariff(), 6);
  EXPECT_EQ(a.revenue, b.revenue);
  EXPECT_EQ(a.welfare, b.welfare);
  EXPECT_EQ(a.service_level, b.service_level);
  EXPECT_NE(a.revenue, screen.Evaluate(FlatTariff(), 7).revenue);
}

TEST(Screen, InAnInelasticMarketADearerTariffEarnsMoreInAnElasticOneLess) {
  ScreenTerms terms = Terms({Steady("a", 100), Steady("b", 50)}, 1'000);
  terms.demand.volume = VolumeModel::kConstantElasticity;
  terms.demand.elasticity = 0.5;
  EXPECT_GT(Evaluate(terms, FlatTariff(3'000)).revenue, Evaluate(terms, FlatTariff(2'000)).revenue);
  terms.demand.elasticity = 1.5;
  EXPECT_LT(Evaluate(terms, FlatTariff(3'000)).revenue, Evaluate(terms, FlatTariff(2'000)).revenue);
}

}  // namespace
}  // namespace penstock::sim
