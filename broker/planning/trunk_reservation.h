// Slots kept back for those who pay more: two classes of requests of the same size on one set of slots, where the cheap
// one is only let in while more than `held_back` slots are free (Miller 1969; Lippman 1975). Nobody waits: a request
// that is not let in is lost. A line would soften that, so the rule errs towards the dear class.
#pragma once

#include <vector>

namespace penstock::planning {

struct TwoClasses {
  double dear_load = 0;   // Erlangs: requests per second x mean seconds that each holds a slot
  double cheap_load = 0;  // likewise; not both zero
  double dear_reward = 0;
  double cheap_reward = 0;
};

/// What the slots earn per mean holding time with 0, 1, ... slots held back: exact, by the birth-death chain of the
/// number of busy slots. O(slots).
std::vector<double> TrunkRevenues(int slots, const TwoClasses& classes);

struct TrunkReservation {
  int held_back = 0;
  double revenue = 0;
  double revenue_without = 0;  // holding nothing back
};

/// The number of slots held back that earns most, the smallest one on ties.
TrunkReservation BestTrunkReservation(int slots, const TwoClasses& classes);

}  // namespace penstock::planning
