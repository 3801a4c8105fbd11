// How figures of the simulator look to people.
#pragma once

#include <string>

#include "sim/statistics/estimate.h"

namespace penstock::sim {

/// "1,234.5" with so many decimals. Never "-0".
std::string Grouped(double value, int decimals);
/// Decimals that show four digits of the largest of several figures: 0 to 7.
int DecimalsFor(double largest);
/// Four significant digits and a unit prefix: "12.35 k", "40.00 M"; small ones as they are.
std::string Short(double value);
/// "12.3 ± 0.4"; without the interval when there is none (one replication).
std::string WithInterval(const Estimate& estimate, int decimals);
/// The same of a share, in percent: "71.3 % ± 0.4".
std::string Percent(const Estimate& share, int decimals);
/// Seconds for people: "85 ms", "1.25 s", "3 min 20 s"; "1.25 ± 0.08 s" with an interval.
std::string SecondsText(const Estimate& seconds);
std::string SecondsText(double seconds);

}  // namespace penstock::sim
