// Work that may wait: a share of the requests moves out of busy windows into later ones.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "sim/arrival.h"
#include "sim/random.h"

namespace penstock::sim {

struct Deferral {
  Duration window;               // length of a window; the first begins at time 0
  std::vector<Duration> delays;  // of what moves out of each window; zero, and beyond the list: nothing moves
  double share = 0;              // of the requests of a window with a delay, 0 to 1
};

/// Each window's delay towards the least loaded one that begins at most `longest` later (the earliest of them), where
/// that is less loaded than itself.
std::vector<Duration> DelaysTowardsTroughs(std::span<const double> load, Duration window, Duration longest);

/// Every request takes one number from the stream, whether it can move or not, and one that moves at some share moves
/// at every higher one. What moves comes exactly the delay of its window later. Holds what is under way. By time.
std::unique_ptr<ArrivalSource> Deferred(std::unique_ptr<ArrivalSource> source, Deferral deferral, Random random);

}  // namespace penstock::sim
