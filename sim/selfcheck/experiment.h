// A simulated system with the closed forms that hold for it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/selfcheck/replication.h"

namespace penstock::sim {

struct SimulatedCell {
  std::string name;
  double expected = 0;
  /// True: the figure is a difference that must not be below `expected`, by more than chance.
  bool at_least = false;
  /// A service rate that is off by 2 % moves the figure out of the interval with 99 % probability or more.
  bool feels_nudge = true;
};

struct Experiment {
  std::string name;  // its random streams hang on it: another name, other numbers
  std::vector<SimulatedCell> cells;
  int64_t warm_up = 0;      // customers, per replication
  int64_t customers = 0;    // likewise; that count
  bool production = false;  // the production scheduler decides
  /// One figure per cell.
  std::function<std::vector<double>(const Replication&)> run;
};

constexpr size_t kReplications = 64;

/// Everything that is simulated, always in the same order.
std::vector<Experiment> AllExperiments();

}  // namespace penstock::sim
