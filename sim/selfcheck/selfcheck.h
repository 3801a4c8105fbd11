// The simulator checks itself: closed forms of queueing theory against what it measures, and published figures of
// planning rules against what they compute.
//
// All simulated cells together are in with 99 % probability when nothing is wrong: each has a t interval over 64
// replications at the confidence 1 - 0.009 / (number of simulated cells), whichever of them are asked for. Run lengths
// are fixed (sim/selfcheck/experiments.cc), so that a cell that says it feels a nudge is out, with 99 % probability or
// more, when a service rate is off by 2 %.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/selfcheck/computed_cell.h"
#include "sim/tariffs/evaluation.h"

namespace penstock::sim {

struct SelfcheckTerms {
  uint64_t seed = 1;
  double nudge = 1;  // every simulated service rate times this; positive, and close enough to 1 for queues to be stable
  std::string cells;  // only those whose name contains this; empty: all
  /// What is compared with a published figure without anything random.
  std::vector<ComputedCell> computed = AllComputedCells();
  /// Results do not depend on it: every replication of every experiment has its own random streams.
  Parallel parallel = Serially;
  /// Called when a part is done, with its share of the whole; by whoever runs it, so perhaps by several at once.
  std::function<void(double share)> progress;
};

struct CheckedCell {
  enum class How : uint8_t {
    kSimulated,   // by a queueing model on the simulator's event queue
    kProduction,  // the same, but the production scheduler decides
    kComputed,    // without randomness
  };
  std::string name;
  How how = How::kSimulated;
  double expected = 0;
  bool at_least = false;  // the measured figure must not be below the expected one, by more than chance
  double measured = 0;
  double low = 0;  // the interval that must hold `expected` (or end above it, with at_least)
  double high = 0;
  bool in = false;
  bool feels_nudge = false;
  int64_t customers = 0;  // over all replications, warm-up not counted; 0 when computed
};

struct SelfcheckResult {
  std::vector<CheckedCell> cells;
  double confidence = 0;  // of one simulated cell
  bool AllIn() const;
};

SelfcheckResult RunSelfcheck(const SelfcheckTerms& terms);

}  // namespace penstock::sim
