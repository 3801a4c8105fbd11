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

/// Protection levels, reserving by newsvendor, and trunk reservation.
std::vector<ComputedCell> PlanningCells();
/// Peak-load, monopoly, two-part and Ramsey prices, and what priority classes are worth.
std::vector<ComputedCell> PriceCells();
/// The iteration-time law under a steady batch.
std::vector<ComputedCell> IterationLawCells();
/// All of the above.
std::vector<ComputedCell> AllComputedCells();

}  // namespace penstock::sim
