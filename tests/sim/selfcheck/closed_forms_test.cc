// The figures in the code are those of tests/data/vectors/queueing.yaml.
#include "sim/selfcheck/closed_forms.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <span>
#include <string>
#include <vector>

namespace penstock::sim::closed_forms {
namespace {

YAML::Node Vectors(const std::string& key) {
  static const YAML::Node file = YAML::LoadFile(PENSTOCK_SOURCE_DIR "/tests/data/vectors/queueing.yaml");
  return file[key];
}

std::vector<double> Numbers(const YAML::Node& node) { return node.as<std::vector<double>>(); }

std::vector<double> Numbers(std::span<const double> values) { return {values.begin(), values.end()}; }

template <class Row>
std::vector<double> Column(std::span<const Row> rows, double Row::*figure) {
  std::vector<double> column;
  for (const Row& row : rows) column.push_back(row.*figure);
  return column;
}

std::vector<double> SingleServerColumn(double SingleServer::*figure) {
  return Column<SingleServer>(kSingleServer, figure);
}

TEST(ClosedForms, OfOneServer) {
  for (const char* queue : {"mm1", "md1", "mg1_cs2_4", "mg1_ps_slowdown"}) {
    EXPECT_EQ(Numbers(Vectors(queue)["rho"]), SingleServerColumn(&SingleServer::load)) << queue;
  }
  EXPECT_EQ(Numbers(Vectors("mm1")["mean_wait"]), SingleServerColumn(&SingleServer::mm1_wait));
  EXPECT_EQ(Numbers(Vectors("mm1")["p99_sojourn"]), SingleServerColumn(&SingleServer::mm1_p99_sojourn));
  EXPECT_EQ(Numbers(Vectors("md1")["mean_wait"]), SingleServerColumn(&SingleServer::md1_wait));
  EXPECT_EQ(Numbers(Vectors("mg1_cs2_4")["mean_wait"]), SingleServerColumn(&SingleServer::mg1_wait));
  EXPECT_EQ(Numbers(Vectors("mg1_ps_slowdown")["slowdown"]), SingleServerColumn(&SingleServer::ps_slowdown));
}

void ExpectRows(const YAML::Node& rows, std::span<const ManyServers> table) {
  ASSERT_EQ(rows.size(), table.size());
  for (size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(Numbers(rows[i]), (std::vector{table[i].load, static_cast<double>(table[i].servers), table[i].chance}));
  }
}

TEST(ClosedForms, OfManyServers) {
  ExpectRows(Vectors("erlang_b"), kErlangB);
  ExpectRows(Vectors("erlang_c"), kErlangC);
}

TEST(ClosedForms, OfPriorities) {
  const YAML::Node cobham = Vectors("cobham_non_preemptive");
  EXPECT_EQ(Numbers(cobham["lambda"]), Numbers(kCobhamLoad));
  EXPECT_EQ(Numbers(cobham["mean_wait"]), Numbers(kCobhamWait));
  EXPECT_EQ(cobham["conservation_sum_rho_w"].as<double>(), kCobhamConservation);
}

TEST(ClosedForms, OfSharedUnits) {
  const YAML::Node form = Vectors("kaufman_roberts");
  EXPECT_EQ(form["capacity"].as<int>(), kKaufmanRobertsUnits);
  ASSERT_EQ(form["classes"].size(), kKaufmanRoberts.size());
  for (size_t i = 0; i < kKaufmanRoberts.size(); ++i) {
    EXPECT_EQ(form["classes"][i][0].as<double>(), kKaufmanRoberts[i].load);
    EXPECT_EQ(form["classes"][i][1].as<int>(), kKaufmanRoberts[i].units);
    EXPECT_EQ(form["blocking"][i].as<double>(), kKaufmanRoberts[i].blocking);
  }
}

TEST(ClosedForms, OfTrunkReservation) {
  const YAML::Node rows = Vectors("trunk_reservation");
  ASSERT_EQ(rows.size(), kTrunkReservation.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const TrunkReservation& form = kTrunkReservation[i];
    EXPECT_EQ(rows[i]["servers"].as<int>(), form.servers);
    EXPECT_EQ(Numbers(rows[i]["load"]), Numbers(form.load));
    EXPECT_EQ(Numbers(rows[i]["reward"]), Numbers(form.reward));
    EXPECT_EQ(rows[i]["best_t"].as<int>(), form.best_held_back);
    EXPECT_EQ(rows[i]["revenue"].as<double>(), form.revenue);
    EXPECT_EQ(rows[i]["revenue_at_0"].as<double>(), form.revenue_at_0);
  }
}

TEST(ClosedForms, OfProtection) {
  const YAML::Node littlewood = Vectors("littlewood");
  EXPECT_EQ(littlewood["mean"].as<double>(), kLittlewood.mean);
  EXPECT_EQ(littlewood["sd"].as<double>(), kLittlewood.sd);
  EXPECT_EQ(littlewood["fare_ratio"].as<double>(), kLittlewood.fare_ratio);
  EXPECT_EQ(littlewood["protection"].as<double>(), kLittlewood.protection);
  const YAML::Node emsr = Vectors("emsr_b");
  EXPECT_EQ(Numbers(emsr["fares"]), Numbers(kEmsrFare));
  EXPECT_EQ(Numbers(emsr["mean"]), Numbers(kEmsrMean));
  EXPECT_EQ(Numbers(emsr["sd"]), Numbers(kEmsrSd));
  EXPECT_EQ(Numbers(emsr["protection"]), Numbers(kEmsrProtection));
}

TEST(ClosedForms, OfNewsvendors) {
  const YAML::Node rows = Vectors("newsvendor_reservation");
  ASSERT_EQ(rows.size(), kNewsvendor.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i]["ratio"].as<double>(), kNewsvendor[i].price_ratio);
    EXPECT_EQ(rows[i]["reserve"].as<double>(), kNewsvendor[i].reserve);
    EXPECT_EQ(rows[i]["cost"].as<double>(), kNewsvendor[i].cost);
  }
  EXPECT_EQ(Vectors("newsvendor_spiky")["ratio"].as<double>(), kSpikyPriceRatio);
  EXPECT_EQ(Numbers(Vectors("newsvendor_spiky")["lognormal_sigma"]), Numbers(kSpikySigma));
  EXPECT_EQ(Numbers(Vectors("newsvendor_spiky")["cost"]), Numbers(kSpikyCost));
}

TEST(ClosedForms, OfPeakLoadPrices) {
  const YAML::Node rows = Vectors("peak_load_pricing");
  ASSERT_EQ(rows.size(), kPeakLoadPricing.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i]["beta"].as<double>(), kPeakLoadPricing[i].capacity_cost);
    EXPECT_EQ(rows[i]["case"].as<std::string>(), kPeakLoadPricing[i].peak);
    EXPECT_EQ(Numbers(rows[i]["price"]), Numbers(kPeakLoadPricing[i].price));
    EXPECT_EQ(rows[i]["capacity"].as<double>(), kPeakLoadPricing[i].capacity);
  }
}

TEST(ClosedForms, OfMonopolyPrices) {
  const YAML::Node form = Vectors("monopoly_linear");
  EXPECT_EQ(form["demand"].as<std::string>(), "10-p");
  EXPECT_EQ(form["cost"].as<double>(), kMonopolyCost);
  EXPECT_EQ(form["price"].as<double>(), kMonopolyPrice);
  EXPECT_EQ(form["profit"].as<double>(), kMonopolyProfit);
  EXPECT_EQ(form["welfare"].as<double>(), kMonopolyWelfare);
  EXPECT_EQ(form["two_part"]["price"].as<double>(), kTwoPartPrice);
  EXPECT_EQ(form["two_part"]["fee"].as<double>(), kTwoPartFee);
}

TEST(ClosedForms, OfRamseyPricesAndPriorityClasses) {
  const YAML::Node ramsey = Vectors("ramsey");
  EXPECT_EQ(Numbers(ramsey["elasticity"]), Numbers(kRamseyElasticity));
  EXPECT_EQ(ramsey["cost"].as<double>(), kRamseyCost);
  EXPECT_EQ(ramsey["profit"].as<double>(), kRamseyProfit);
  EXPECT_EQ(Numbers(ramsey["price"]), Numbers(kRamseyPrice));
  EXPECT_EQ(Numbers(Vectors("priority_classes")["share"]), Numbers(kPriorityClassShare));
}

TEST(ClosedForms, OfIterationLaws) {
  const YAML::Node rows = Vectors("fluid_capacity");
  ASSERT_EQ(rows.size(), kFluidCapacity.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const FluidCapacity& form = kFluidCapacity[i];
    EXPECT_EQ(rows[i]["model"].as<std::string>(), form.model);
    EXPECT_EQ(rows[i]["hw"].as<std::string>(), form.hardware);
    EXPECT_EQ((std::vector{rows[i]["c0"].as<double>(), rows[i]["d"].as<double>(), rows[i]["k"].as<double>(),
                           rows[i]["a"].as<double>()}),
              (std::vector{form.c0, form.d, form.k, form.a}));
  }
}

}  // namespace
}  // namespace penstock::sim::closed_forms
