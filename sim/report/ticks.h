// Where an axis has its marks: at numbers that a person would choose.
#pragma once

#include <vector>

#include "sim/report/figures.h"

namespace penstock::sim::report {

struct Tick {
  double value = 0;
  std::string label;  // empty: a line without a number (a log axis that is crowded)
};

/// About `wanted` multiples of 1, 2 or 5 times a power of ten (hours: of 1, 2, 3, 6, 12 h or days) that cover
/// [low, high]: the first is at or below low, the last at or above high. A range of one value, or nearly, is widened.
/// Both finite; wanted > 1. Labels have one suffix and as many decimals as their step needs.
std::vector<Tick> LinearTicks(double low, double high, int wanted, const Unit& unit);

/// Powers of ten that cover [low, high], both positive; with 2 and 5 between them where there are few; every second,
/// third ... power where there are more than `wanted`; the outermost ticks may be 2 or 5 times a power, without a
/// label.
std::vector<Tick> LogTicks(double low, double high, int wanted, const Unit& unit);

}  // namespace penstock::sim::report
