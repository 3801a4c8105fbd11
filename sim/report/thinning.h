// A long curve as few points: what a chart of a thousand pixels cannot show is left out of the file.
#pragma once

#include <span>
#include <vector>

#include "sim/report/point.h"

namespace penstock::sim::report {

/// The finite points; of more than `most`, the first, the last, and of each of most / 2 stretches of equally many the
/// lowest and the highest, in their order: peaks stay.
std::vector<Point> Thinned(std::span<const Point> points, size_t most);

}  // namespace penstock::sim::report
