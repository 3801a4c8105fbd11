// Load over time, and sorted: for how much of the time the pool was loaded how much.
#pragma once

#include <string>
#include <vector>

#include "sim/report/section.h"

namespace penstock::sim::report {

struct LoadSamples {
  std::string name;           // of the tariff, or of the kind of load
  std::vector<double> loads;  // of windows of equal length, in any order
};

struct LoadDuration {
  Unit unit{Measure::kNumber, "nt/s"};
  double capacity = 0;  // 0: no line
  std::vector<LoadSamples> samples;
};
Section LoadDurationSection(const LoadDuration& load);

struct LoadOverTime {
  Unit unit{Measure::kNumber, "nt/s"};
  double capacity = 0;        // 0: no line
  std::vector<Curve> curves;  // x: hours since the start
};
Section LoadOverTimeSection(const LoadOverTime& load);

}  // namespace penstock::sim::report
