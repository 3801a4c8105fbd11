#include "tests/sim/report/example_reports.h"

#include <algorithm>
#include <cmath>

#include "sim/distributions.h"
#include "sim/random.h"

namespace penstock::sim::report {
namespace {

constexpr size_t kCustomers = 162;
const Unit kMoney{Measure::kMoney, "USD"};
const Unit kPerCapacity{Measure::kMoney, "USD per k nt/s"};
const Unit kShare{Measure::kShare, ""};

std::string CustomerName(size_t i) { return "customer-" + std::to_string(100 + i); }

std::vector<double> Week(Random& random, double mean, double swing, double spikes) {
  std::vector<double> loads;
  for (int window = 0; window < 7 * 288; ++window) {
    const double hour = window / 12.0;
    const double day = 1 + swing * std::sin((hour - 9) / 24 * 2 * 3.14159265);
    const double spike = Uniform(random) < 0.02 ? 1 + spikes * Uniform(random) : 1;
    loads.push_back(mean * day * spike * (0.94 + 0.12 * Uniform(random)));
  }
  return loads;
}

std::vector<CustomerShare> Shares(Random& random, double spread) {
  std::vector<CustomerShare> customers;
  double bills = 0;
  double peaks = 0;
  for (size_t i = 0; i < kCustomers; ++i) {
    const double weight = LognormalMean1(random, 2.0);
    customers.push_back({CustomerName(i), weight, weight * LognormalMean1(random, spread)});
    if (i % 17 == 3) customers.back().of_bills = 0;
    bills += customers.back().of_bills;
    peaks += customers.back().of_peak;
  }
  for (CustomerShare& customer : customers) {
    customer.of_bills /= bills;
    customer.of_peak /= peaks;
  }
  return customers;
}

BillImpact Impact(Random& random) {
  BillImpact impact{"flat token price", "tuned", kMoney, {}};
  for (size_t i = 0; i < kCustomers; ++i) {
    const double before = i % 40 == 7 ? 0 : 5000 * LognormalMean1(random, 2);
    const double change = 0.05 + 0.28 * Normal(random) + (i % 31 == 5 ? 2.5 : 0);
    impact.changes.push_back({CustomerName(i), before, before == 0 ? 12.5 : before * std::max(0.05, 1 + change)});
  }
  return impact;
}

ParetoFront Front(Random& random) {
  ParetoFront front{kMoney, {}};
  for (int i = 0; i < 400; ++i) {
    const double subsidy = 0.06 + 0.28 * Uniform(random);
    const double best = 1.28e6 - 9e3 / (subsidy - 0.02);
    const double revenue = best - 2.2e5 * Exponential(random);
    front.candidates.push_back({"evaluation " + std::to_string(i), std::max(revenue, 5.5e5), subsidy,
                                Uniform(random) > 0.25 && revenue < best - 4e3});
  }
  using enum ParetoCandidate::Kind;
  front.candidates.push_back({"flat token price", 1.102e6, 0.291, true, kBaseline});
  front.candidates.push_back({"cost plus", 0.981e6, 0.262, true, kBaseline});
  front.candidates.push_back({"peak load (closed form)", 1.134e6, 0.148, true, kBaseline});
  front.candidates.push_back({"Ramsey (closed form)", 1.142e6, 0.158, false, kBaseline});
  front.candidates.push_back({"random search", 1.151e6, 0.172, true, kBaseline});
  front.candidates.push_back({"tuned", 1.205e6, 0.141, true, kWinner});
  return front;
}

SearchProgress Progress(Random& random) {
  SearchProgress progress{"Revenue", kMoney, {{"CMA-ES", {}}, {"NSGA-II", {}}, {"random search", {}}}, {}};
  const double limits[] = {1.205e6, 1.192e6, 1.151e6};
  for (size_t method = 0; method < 3; ++method) {
    double best = 9.2e5;
    for (double at = 1; at < 1000; at += 1 + 30 * Uniform(random)) {
      best += (limits[method] - best) * 0.12 * Uniform(random);
      progress.methods[method].points.push_back({at, best});
    }
  }
  progress.baselines = {{1.102e6, "flat token price"}, {1.134e6, "peak load (closed form)"}};
  return progress;
}

TimeDistribution Times(const std::string& name, double median, double sigma) {
  TimeDistribution distribution{name, {}};
  constexpr double kShares[] = {0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999};
  constexpr double kDeviates[] = {-2.33, -1.64, -1.28, -0.67, 0, 0.67, 1.28, 1.64, 2.33, 3.09};
  for (size_t i = 0; i < 10; ++i) {
    distribution.quantiles.push_back({kShares[i], median * std::exp(sigma * kDeviates[i])});
  }
  return distribution;
}

std::vector<TimeChart> Waits() {
  return {{"Wait for admission",
           std::nullopt,
           {Times("reserved", 0.002, 0.8), Times("elastic", 0.03, 1.4), Times("free", 1.8, 1.9)}},
          {"Time to first token",
           2.0,
           {Times("reserved", 0.31, 0.5), Times("elastic", 0.38, 0.7), Times("free", 2.6, 1.3)}},
          {"Latency of the whole answer",
           std::nullopt,
           {Times("reserved", 7.5, 0.9), Times("elastic", 8.1, 0.95), Times("free", 14, 1.1)}}};
}

std::vector<ElasticitySweep> Sweeps() {
  const auto estimate = [](double mean, double half) { return Estimate{mean, half, 8}; };
  return {{"Revenue per unit of capacity",
           "the flat token price",
           kPerCapacity,
           true,
           {{-0.2, estimate(410, 60)},
            {-0.5, estimate(355, 58)},
            {-0.8, estimate(240, 71)},
            {-1.0, estimate(130, 66)},
            {-1.3, estimate(21, 70)},
            {-1.6, estimate(-38, 64)},
            {-2.0, estimate(-141, 75)}}},
          {"Cross-subsidy",
           "the flat token price",
           kShare,
           false,
           {{-0.2, estimate(-0.15, 0.012)},
            {-0.5, estimate(-0.151, 0.012)},
            {-0.8, estimate(-0.143, 0.013)},
            {-1.0, estimate(-0.128, 0.013)},
            {-1.3, estimate(-0.101, 0.015)},
            {-1.6, estimate(-0.082, 0.016)},
            {-2.0, estimate(-0.049, 0.019)}}}};
}

DemandRules Rules() {
  return {{"spiky (load factor below 0.1)", "bursty (0.1 to 0.4)", "steady (above 0.4)"},
          kCustomers,
          {{"share of the volume", {0.33, 0.27, 0.40}, false, std::nullopt, std::nullopt},
           {"share of the peak", {0.75, 0.15, 0.10}, false, std::nullopt, std::nullopt},
           {"non-coincident peak", {0.81, 0.13, 0.06}, true, 0, 0.11},
           {"coincident peak", {0.74, 0.16, 0.10}, true, 9, 0.02},
           {"95th percentile", {0.12, 0.31, 0.57}, true, 75, 0.63},
           {"ratchet, 11 months", {0.79, 0.14, 0.07}, true, 0, 0.08}}};
}

PriceAndDemand Demand() {
  PriceAndDemand demand;
  for (double elasticity : {0.2, 0.5, 1.0, 1.6}) {
    Curve curve{"elasticity \u2212" + Decimals(elasticity, 1), {}};
    for (int i = 4; i <= 30; ++i) {
      const double multiple = i / 10.0;
      curve.points.push_back({multiple, multiple > 2.6 ? 0 : 6.2e6 * std::pow(multiple, -elasticity)});
    }
    demand.curves.push_back(std::move(curve));
  }
  demand.chosen_multiple = 1.18;
  return demand;
}

constexpr char kTariff[] = R"(# found by penstock sim tune; loadable by penstock serve as it stands
tariff: m-large-tuned
currency: USD
tokens:
  input: 0.62        # per million
  cached_input: 0.08
  output: 2.35
demand:
  rule: coincident
  price: 14.20       # per nt/s and month
  window: 5m
)";

}  // namespace

TuneReport ExampleTuneReport() {
  Random random(7);
  TuneReport report;
  report.heading = "Tariff search: pool m-large";
  report.subtitle =
      "Scenario m-large.yaml, 14 days, judged on hold-out days 11 to 14 and 41 hold-out customers, 8 seeds";
  report.verdict = {
      Finding::kBetter,
      "The tuned tariff earns 9.4 % more than the flat token price and halves the cross-subsidy, with service kept.",
      {"It beats cost plus and random search in the same budget of 1,000 evaluations. Against the closed-form "
       "peak-load "
       "price the gain is 6.3 % ± 1.1 %.",
       "It does not beat the flat price when customers are very elastic: at −2.0 it loses 141 USD per k nt/s."}};
  report.key_figures = {{"Revenue per month", kMoney, {1205400, 18200, 8}, "flat token price: 1.10 M USD"},
                        {"Revenue per unit of capacity", kPerCapacity, {1842, 61, 8}, "flat token price: 1.68 k"},
                        {"Cross-subsidy", kShare, {0.141, 0.009, 8}, "flat token price: 29.1 %"},
                        {"Service level", kShare, {0.9962, 0.0006, 8}, "wanted: 99.5 %"}};
  report.comparison.note = "on four days and 41 customers that the search never saw";
  report.comparison.tariffs = {"tuned", "flat token price", "cost plus", "peak load"};
  report.comparison.rows = {
      {"Revenue", kMoney, {{1205400, 18200, 8}, {1102100, 17600, 8}, {981000, 15100, 8}, {1134000, 19700, 8}}},
      {"Revenue per unit of capacity", kPerCapacity, {{1842, 61, 8}, {1684, 58, 8}, {1499, 52, 8}, {1733, 63, 8}}},
      {"Cross-subsidy", kShare, {{0.141, 0.009, 8}, {0.291, 0.011, 8}, {0.262, 0.010, 8}, {0.148, 0.009, 8}}},
      {"Service level", kShare, {{0.9962, 0.0006, 8}, {0.9951, 0.0009, 8}, {0.9954, 0.0008, 8}, {0.9966, 0.0005, 8}}},
      {"Utilisation", kShare, {{0.612, 0.008, 8}, {0.588, 0.009, 8}, {0.571, 0.009, 8}, {0.604, 0.008, 8}}},
      {"Welfare", kMoney, {{2.41e6, 41000, 8}, {2.33e6, 43000, 8}, {2.29e6, 40000, 8}, {2.40e6, 44000, 8}}}};
  report.tariff_yaml = kTariff;
  report.load_duration.capacity = 9.6e6;
  report.load_duration.samples = {{"tuned", Week(random, 5.2e6, 0.35, 0.5)},
                                  {"flat token price", Week(random, 5.0e6, 0.45, 1.4)},
                                  {"cost plus", Week(random, 4.7e6, 0.45, 1.2)}};
  report.price_and_demand = Demand();
  report.pareto = Front(random);
  report.tornado = {"Revenue",
                    kMoney,
                    {{"demand price", "7.10", "21.30", -61000, -18000},
                     {"output price", "1.80", "2.90", -84000, 12000},
                     {"reserved discount", "10 %", "45 %", 9000, -43000},
                     {"window", "1 min", "1 h", 4000, -26000},
                     {"cached input price", "0.02", "0.20", -7000, 3000},
                     {"season factor", "1.0", "1.6", -15000, 11000}}};
  report.revenue = {kMoney,
                    {"tokens", "demand", "capacity", "commitments", "seats", "credits"},
                    {{"tuned", {612000, 351000, 184000, 92400, 0, -34000}},
                     {"flat token price", {1102100, 0, 0, 0, 0, 0}},
                     {"cost plus", {981000, 0, 0, 0, 0, 0}},
                     {"peak load", {704000, 430000, 0, 0, 0, 0}}}};
  report.bills = Impact(random);
  report.cross_subsidy.tariffs = {{"tuned", Shares(random, 0.5)}, {"flat token price", Shares(random, 1.6)}};
  report.waits = Waits();
  report.demand_rules = Rules();
  report.progress = Progress(random);
  report.sweeps = Sweeps();
  report.provenance = {{"Scenario", "m-large.yaml, SHA-256 5a1e…c09f"},
                       {"Seeds", "1 to 8"},
                       {"Evaluations", "1,000 on the fluid fleet, 24 finalists in full"},
                       {"Version", "penstock 0.6.0"}};
  return report;
}

RunReport ExampleRunReport() {
  Random random(11);
  RunReport report;
  report.heading = "Overload by free traffic";
  report.subtitle = "Scenario overload.yaml, 7 days, tariff free-payg-reserved, 8 seeds";
  report.key_figures = {{"Revenue", kMoney, {48210, 312, 8}, "of 7 days"},
                        {"Utilisation", kShare, {0.871, 0.004, 8}, "peak: 1.31 of capacity asked for"},
                        {"Refused", kShare, {0.0621, 0.0031, 8}, "free requests only"}};
  report.load_over_time.capacity = 1.6e6;
  double level = 0.3e6;
  for (const char* kind : {"reserved", "elastic", "free"}) {
    Curve curve{kind, {}};
    const std::vector<double> loads = Week(random, level, 0.5, level > 0.5e6 ? 0.8 : 0.1);
    for (size_t i = 0; i < loads.size(); ++i) curve.points.push_back({static_cast<double>(i) / 12, loads[i]});
    report.load_over_time.curves.push_back(std::move(curve));
    report.load_duration.samples.push_back({kind, loads});
    level += 0.25e6;
  }
  report.load_duration.capacity = 1.6e6;
  report.service_levels = {{"reserved", {0.9991, 0.0003, 8}, 0.999, Estimate{0, 0, 8}},
                           {"elastic", {0.991, 0.002, 8}, 0.995, Estimate{0.0012, 0.0004, 8}},
                           {"free", {0.61, 0.03, 8}, std::nullopt, Estimate{0.18, 0.02, 8}}};
  report.waits = Waits();
  report.revenue = {kMoney, {"tokens", "capacity"}, {{"free-payg-reserved", {31100, 17110}}}};
  report.bills.unit = kMoney;
  for (size_t i = 0; i < 40; ++i) {
    report.bills.bills.push_back(
        {CustomerName(i), 900 * LognormalMean1(random, 1.5), 3e9 * Exponential(random), 0.1 * Uniform(random)});
  }
  report.provenance = {{"Scenario", "overload.yaml"}, {"Seeds", "1 to 8"}};
  return report;
}

}  // namespace penstock::sim::report
