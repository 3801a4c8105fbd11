// Closed forms that nothing random is needed for: what a rule of the planning code says, against its published figure.
#pragma once

#include <string>
#include <vector>

namespace penstock::sim {

struct ComputedCell {
  std::string name;
  double expected = 0;
  double computed = 0;
  double tolerance = 0;  // absolute; half a unit of the figure's last digit where it is published rounded
};

/// Protection levels, reserving by newsvendor, trunk reservation, and the iteration-time laws.
std::vector<ComputedCell> PlanningCells();

}  // namespace penstock::sim
