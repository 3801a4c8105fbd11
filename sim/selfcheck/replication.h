// What one run of a queueing model is given, and the little that the models share.
#pragma once

#include <cmath>
#include <cstdint>

#include "admission/vocabulary/time.h"
#include "sim/distributions.h"
#include "sim/random.h"

namespace penstock::sim {

struct Replication {
  Streams streams;        // the class of a customer stands for the tenant
  int64_t warm_up = 0;    // customers before the first that counts
  int64_t customers = 0;  // that count
  double nudge = 1;       // every service rate times this: what a check must notice when it is not 1
};

/// The models' unit of time: a mean service time is one second.
inline Duration UnitsOfTime(double units) { return Duration(static_cast<int64_t>(std::llround(units * 1e9))); }
inline double InUnits(Duration d) { return static_cast<double>(d.count()) / 1e9; }

/// Exponential with this rate.
inline Duration ExponentialTime(Random& random, double rate) { return UnitsOfTime(Exponential(random) / rate); }

}  // namespace penstock::sim
