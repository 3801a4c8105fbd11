// Capacity shared out window by window, as a fluid: no requests, only work.
//
// In each window every stream gets its weighted share (DESIGN's classes under the tiers), and what one leaves over goes
// to the others. What is not served waits as long as its stream lets it, first come, first served, and is refused then;
// what is left after the last window is refused too.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sim/demand/load_profile.h"

namespace penstock::sim {

struct FluidStream {
  std::vector<double> load;  // comes in each window; any one unit
  double weight = 1;         // positive
  size_t patience = 0;       // windows that work waits beyond its own; 0: it is served in its window or refused
};

/// What became of a stream. Of each window: at once + later + refused = 1 (at once is 1 where nothing came).
struct FluidService {
  std::vector<double> at_once;  // share of what came in the window and was served in it
  std::vector<LoadShift> later;
  std::vector<double> refused;  // share of what came in the window
  std::vector<double> served;   // in each window, whenever it came
};

/// What each gets of `room` when each wants so much: never more than it wants; in proportion to weights among those who
/// do not get all that they want; all the room is used if they want it.
std::vector<double> WaterFill(double room, std::span<const double> wants, std::span<const double> weights);

/// `room`: what there is in each window. All streams have as many windows.
std::vector<FluidService> ShareOut(std::span<const FluidStream> streams, std::span<const double> room);

}  // namespace penstock::sim
