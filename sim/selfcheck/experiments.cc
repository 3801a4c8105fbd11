// Run lengths. A cell is out when its closed form lies outside the t interval of 64 replications, at the level that
// keeps all cells together at 99 %: about 4.0 standard errors on either side. For a service rate that is off by 2 % to
// be noticed with 99 % it must move the figure by 4.0 + 2.4 standard errors. A pilot measured both; for M/M/1 it agrees
// with the asymptotic variance load (2 + 5 load - 4 load^2 + load^3) / (1 - load)^4 of the mean wait. Lengths are the
// larger of
//   - what makes that shift 7 standard errors: customers per replication 6,000 to 25,000 for mean waits and slowdowns
//     of M/M/1 and sharing, 15,000 to 60,000 with cs2 = 4, 25,000 to 240,000 for the share beyond a p99, 3,000 to
//     16,000 for Erlang B and C and Cobham, 42,000 for the rarest loss of Kaufman and Roberts, 4,000 to 17,000 for
//     revenues
//   - what makes a replication's mean nearly normal: at this level t intervals feel skewness. This asks for most near
//     saturation, where one busy period is thousands of customers. Over 192 replications of these lengths the skewness
//     is 0.7 for shares beyond a p99 at 0.9 and 0.95, 0.6 for mg1_cs2_4/0.95, 0.3 and less for the others: by
//     Edgeworth's first term such a cell is out with up to 0.0003 in place of 0.0002, all of them with less than 0.01
// Warm-up is more than 10 relaxation times: what is left of the empty start is nothing beside the interval. The
// relaxation time of one server is about (1 + cs2) / (1 - load)^2 customers, of a loss system what comes in a mean
// service time, of M/M/c about that / (1 - load/c)^2 / c.
#include <absl/strings/str_cat.h>

#include <array>

#include "sim/selfcheck/admission_system.h"
#include "sim/selfcheck/closed_forms.h"
#include "sim/selfcheck/experiment.h"
#include "sim/selfcheck/loss_system.h"
#include "sim/selfcheck/processor_sharing.h"
#include "sim/selfcheck/waiting_system.h"

namespace penstock::sim {
namespace {

using absl::StrCat;

struct Length {
  int64_t warm_up = 0;
  int64_t customers = 0;
};

// ---- one server

/// By load: 0.5, 0.8, 0.9, 0.95.
using LengthsByLoad = std::array<Length, 4>;
constexpr LengthsByLoad kMm1 = {{{200, 60'000}, {1'000, 200'000}, {4'000, 200'000}, {16'000, 1'000'000}}};
constexpr LengthsByLoad kMd1 = {{{100, 20'000}, {500, 60'000}, {2'000, 100'000}, {8'000, 300'000}}};
constexpr LengthsByLoad kMg1 = {{{500, 60'000}, {2'500, 150'000}, {10'000, 200'000}, {40'000, 1'000'000}}};
constexpr LengthsByLoad kSharing = {{{200, 20'000}, {1'000, 60'000}, {4'000, 100'000}, {16'000, 400'000}}};

Experiment SingleServerExperiment(const char* queue, size_t row, const Length& length, ServiceLaw service,
                                  double wait) {
  const closed_forms::SingleServer& form = closed_forms::kSingleServer[row];
  const WaitingSystem system{.service = service, .load = {form.load}, .long_sojourn = form.mm1_p99_sojourn};
  Experiment experiment{
      .name = StrCat(queue, "/", form.load), .warm_up = length.warm_up, .customers = length.customers};
  experiment.cells.push_back({.name = StrCat(experiment.name, "/mean_wait"), .expected = wait});
  const bool exponential = service == ServiceLaw::kExponential;
  if (exponential) {
    const std::string beyond = StrCat(experiment.name, "/share_beyond_p99_of_", form.mm1_p99_sojourn);
    experiment.cells.push_back({.name = beyond, .expected = 0.01});
  }
  experiment.run = [system, exponential](const Replication& replication) {
    const WaitingFigures figures = Run(system, replication);
    std::vector<double> values = {figures.mean_wait.front()};
    if (exponential) values.push_back(figures.share_long);
    return values;
  };
  return experiment;
}

Experiment ProcessorSharingExperiment(size_t row) {
  const closed_forms::SingleServer& form = closed_forms::kSingleServer[row];
  const Length& length = kSharing[row];
  const std::string name = StrCat("mg1_ps/", form.load);
  return {.name = name,
          .cells = {{.name = StrCat(name, "/slowdown_small"), .expected = form.ps_slowdown},
                    {.name = StrCat(name, "/slowdown_large"), .expected = form.ps_slowdown}},
          .warm_up = length.warm_up,
          .customers = length.customers,
          .run = [load = form.load](const Replication& replication) {
            const SlowdownFigures figures = RunProcessorSharing(load, replication);
            return std::vector{figures.small, figures.large};
          }};
}

void AddSingleServers(std::vector<Experiment>& all) {
  const auto& forms = closed_forms::kSingleServer;
  const auto add = [&](const char* queue, const LengthsByLoad& lengths, ServiceLaw service,
                       double closed_forms::SingleServer::*wait) {
    for (size_t i = 0; i < forms.size(); ++i) {
      all.push_back(SingleServerExperiment(queue, i, lengths[i], service, forms[i].*wait));
    }
  };
  add("mm1", kMm1, ServiceLaw::kExponential, &closed_forms::SingleServer::mm1_wait);
  add("md1", kMd1, ServiceLaw::kConstant, &closed_forms::SingleServer::md1_wait);
  add("mg1_cs2_4", kMg1, ServiceLaw::kHyperexponential, &closed_forms::SingleServer::mg1_wait);
  for (size_t i = 0; i < forms.size(); ++i) all.push_back(ProcessorSharingExperiment(i));
}

// ---- many servers

constexpr std::array<Length, 5> kErlangBLengths = {
    {{100, 30'000}, {200, 30'000}, {200, 30'000}, {2'000, 60'000}, {20'000, 60'000}}};
constexpr std::array<Length, 3> kErlangCLengths = {{{2'000, 60'000}, {4'000, 60'000}, {4'000, 100'000}}};

Experiment ErlangBExperiment(size_t row, bool production) {
  const closed_forms::ManyServers& form = closed_forms::kErlangB[row];
  const std::string name = StrCat(production ? "production/" : "", "erlang_b/", form.load, "/", form.servers);
  const LossSystem system{.units = form.servers, .classes = {{.load = form.load}}};
  return {.name = name,
          .cells = {{.name = StrCat(name, "/blocking"), .expected = form.chance}},
          .warm_up = kErlangBLengths[row].warm_up,
          .customers = kErlangBLengths[row].customers,
          .production = production,
          .run = [system, production](const Replication& replication) {
            return production ? LostSharesByAdmission(system, replication) : LostShares(system, replication);
          }};
}

Experiment ErlangCExperiment(size_t row, bool production) {
  const closed_forms::ManyServers& form = closed_forms::kErlangC[row];
  const std::string name = StrCat(production ? "production/" : "", "erlang_c/", form.load, "/", form.servers);
  return {.name = name,
          .cells = {{.name = StrCat(name, "/share_waiting"), .expected = form.chance}},
          .warm_up = kErlangCLengths[row].warm_up,
          .customers = kErlangCLengths[row].customers,
          .production = production,
          .run = [form, production](const Replication& replication) {
            if (production) return std::vector{ShareWaitingByAdmission(form.servers, form.load, replication)};
            return std::vector{Run({.servers = form.servers, .load = {form.load}}, replication).share_waiting};
          }};
}

Experiment CobhamExperiment() {
  const auto& loads = closed_forms::kCobhamLoad;
  Experiment experiment{.name = "cobham", .warm_up = 4'000, .customers = 200'000};
  for (size_t c = 0; c < loads.size(); ++c) {
    experiment.cells.push_back(
        {.name = StrCat("cobham/class_", c + 1, "/mean_wait"), .expected = closed_forms::kCobhamWait[c]});
  }
  experiment.cells.push_back({.name = "cobham/conservation_sum", .expected = closed_forms::kCobhamConservation});
  experiment.run = [](const Replication& replication) {
    std::vector<double> values = Run({.load = {loads.begin(), loads.end()}}, replication).mean_wait;
    double sum = 0;
    for (size_t c = 0; c < loads.size(); ++c) sum += loads[c] * values[c];
    values.push_back(sum);
    return values;
  };
  return experiment;
}

Experiment KaufmanRobertsExperiment() {
  Experiment experiment{.name = "kaufman_roberts", .warm_up = 200, .customers = 100'000};
  LossSystem system{.units = closed_forms::kKaufmanRobertsUnits, .classes = {}};
  for (const closed_forms::SharedUnits& form : closed_forms::kKaufmanRoberts) {
    system.classes.push_back({.load = form.load, .units = form.units});
    experiment.cells.push_back(
        {.name = StrCat("kaufman_roberts/", form.units, "_units/blocking"), .expected = form.blocking});
  }
  experiment.run = [system](const Replication& replication) { return LostShares(system, replication); };
  return experiment;
}

// ---- servers held back

constexpr std::array<Length, 2> kTrunkLengths = {{{300, 60'000}, {3'000, 60'000}}};

LossSystem TrunkSystem(const closed_forms::TrunkReservation& form, int held_back) {
  return {.units = form.servers,
          .classes = {{.load = form.load[0]}, {.load = form.load[1], .units = 1, .held_back = held_back}}};
}

/// What is let in, at the offered rate: the number of arrivals is not left to chance.
double Revenue(const closed_forms::TrunkReservation& form, const std::vector<double>& lost) {
  return form.load[0] * form.reward[0] * (1 - lost[0]) + form.load[1] * form.reward[1] * (1 - lost[1]);
}

Experiment TrunkExperiment(size_t row) {
  const closed_forms::TrunkReservation& form = closed_forms::kTrunkReservation[row];
  const std::string name = StrCat("trunk_reservation/", form.servers);
  const int best = form.best_held_back;
  const auto neighbour = [&](int t) {
    return SimulatedCell{.name = StrCat(name, "/gain_of_", best, "_over_", t), .at_least = true, .feels_nudge = false};
  };
  return {.name = name,
          .cells = {{.name = StrCat(name, "/revenue_at_", best), .expected = form.revenue},
                    {.name = StrCat(name, "/revenue_at_0"), .expected = form.revenue_at_0},
                    neighbour(best - 1),
                    neighbour(best + 1)},
          .warm_up = kTrunkLengths[row].warm_up,
          .customers = kTrunkLengths[row].customers,
          .run = [&form, best](const Replication& replication) {
            const auto revenue = [&](int t) { return Revenue(form, LostShares(TrunkSystem(form, t), replication)); };
            const double at_best = revenue(best);
            return std::vector{at_best, revenue(0), at_best - revenue(best - 1), at_best - revenue(best + 1)};
          }};
}

Experiment ProductionTrunkExperiment() {
  const closed_forms::TrunkReservation& form = closed_forms::kTrunkReservation.front();
  const std::string name = StrCat("production/trunk_reservation/", form.servers);
  return {.name = name,
          .cells = {{.name = StrCat(name, "/revenue_at_", form.best_held_back), .expected = form.revenue}},
          .warm_up = kTrunkLengths.front().warm_up,
          .customers = kTrunkLengths.front().customers,
          .production = true,
          .run = [](const Replication& replication) {
            const LossSystem system = TrunkSystem(form, form.best_held_back);
            return std::vector{Revenue(form, LostSharesByAdmission(system, replication))};
          }};
}

}  // namespace

std::vector<Experiment> AllExperiments() {
  std::vector<Experiment> all;
  AddSingleServers(all);
  for (size_t i = 0; i < closed_forms::kErlangB.size(); ++i) all.push_back(ErlangBExperiment(i, /*production=*/false));
  for (size_t i = 0; i < closed_forms::kErlangC.size(); ++i) all.push_back(ErlangCExperiment(i, /*production=*/false));
  all.push_back(CobhamExperiment());
  all.push_back(KaufmanRobertsExperiment());
  all.push_back(TrunkExperiment(0));
  all.push_back(TrunkExperiment(1));
  all.push_back(ErlangBExperiment(1, /*production=*/true));
  all.push_back(ErlangCExperiment(0, /*production=*/true));
  all.push_back(ProductionTrunkExperiment());
  return all;
}

}  // namespace penstock::sim
