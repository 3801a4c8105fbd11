// Many tariffs of a scenario's space on the fluid screen and on the full model. See tests/long/tariff_evaluations.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "sim/commands/parallel.h"
#include "sim/commands/scenario_runs.h"
#include "sim/commands/tune_setup.h"
#include "sim/distributions.h"
#include "sim/statistics/rank_correlation.h"

namespace penstock::sim {
namespace {

struct Drawn {
  std::vector<double> point;
  Evaluation screen;
  Evaluation full;
};

double Seconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

template <class Figure>
double RanksAgree(const std::vector<Drawn>& all, const Figure& figure) {
  std::vector<double> screen;
  std::vector<double> full;
  for (const Drawn& drawn : all) {
    screen.push_back(figure(drawn.screen));
    full.push_back(figure(drawn.full));
  }
  return RankCorrelation(screen, full);
}

std::vector<Drawn> Draw(const TariffSpace& space, size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<Drawn> all(count);
  for (Drawn& drawn : all) {
    for (size_t axis = 0; axis < space.AxisNames().size(); ++axis) drawn.point.push_back(Uniform(random));
  }
  return all;
}

void PrintEach(const TariffSpace& space, const std::vector<Drawn>& all) {
  for (size_t i = 0; i < all.size(); ++i) {
    std::printf("%4zu", i);
    for (const auto& [what, evaluation] : {std::pair("screen", &all[i].screen), std::pair("full", &all[i].full)}) {
      std::printf(" | %s %9.4g revenue %6.4f in time %6.4f subsidy %5.2f used %5.2f peak", what, evaluation->revenue,
                  evaluation->service_level, evaluation->cross_subsidy, evaluation->utilisation,
                  evaluation->peak_utilisation);
      for (const double part : evaluation->by_component) {
        if (part != 0) std::printf(" %.3g", part);
      }
    }
    for (const AxisReading& reading : space.Read(all[i].point)) {
      std::printf(" | %s %s", reading.name.c_str(), reading.value.substr(0, reading.value.find(' ')).c_str());
    }
    std::printf("\n");
  }
}

int Main(const std::string& name, size_t count, uint64_t seed, bool each) {
  const absl::StatusOr<Scenario> scenario = OpenScenario({.scenario = name, .trace = {}}, "");
  if (!scenario.ok() || !CheckTunable(*scenario).ok()) {
    std::fprintf(stderr, "%s\n",
                 scenario.ok() ? CheckTunable(*scenario).ToString().c_str() : scenario.status().ToString().c_str());
    return 64;
  }
  const absl::StatusOr<Run> pilot = RunScenario(*scenario, {.seed = seed});
  if (!pilot.ok()) return 1;
  const TariffSpace space = SpaceOf(*scenario);
  const FluidScreen screen = ScreenOf(*scenario, CustomersOf(*scenario, Streams(seed)), MeanServiceTime(*pilot));
  const Evaluator full = FullModelOf(*scenario);
  std::vector<Drawn> all = Draw(space, count, seed);
  const Parallel parallel = OnThreads(Processors());

  auto start = std::chrono::steady_clock::now();
  parallel(count, [&](size_t i) { all[i].screen = screen.Evaluate(space.TariffAt(all[i].point), seed); });
  const double on_screen = Seconds(start);
  start = std::chrono::steady_clock::now();
  parallel(count, [&](size_t i) { all[i].full = full(space.TariffAt(all[i].point), seed); });
  const double in_full = Seconds(start);
  if (each) PrintEach(space, all);
  std::printf("%zu tariffs of %s, seed %llu, %zu threads: screen %.1f s, full model %.1f s\n", count, name.c_str(),
              static_cast<unsigned long long>(seed), Processors(), on_screen, in_full);
  std::printf(
      "rank correlation of screen and full model: revenue %.3f, profit %.3f, welfare %.3f, service level %.3f, "
      "cross-subsidy %.3f\n",
      RanksAgree(all, [](const Evaluation& e) { return e.revenue; }),
      RanksAgree(all, [](const Evaluation& e) { return e.revenue - e.capacity_cost; }),
      RanksAgree(all, [](const Evaluation& e) { return e.welfare; }),
      RanksAgree(all, [](const Evaluation& e) { return e.service_level; }),
      RanksAgree(all, [](const Evaluation& e) { return e.cross_subsidy; }));
  return 0;
}

}  // namespace
}  // namespace penstock::sim

int main(int argc, char** argv) {
  const std::string scenario = argc > 1 ? argv[1] : "spiky-and-smooth";
  const size_t count = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 1'000;
  const uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
  return penstock::sim::Main(scenario, std::max<size_t>(count, 2), seed, argc > 4 && std::string(argv[4]) == "each");
}
