// Numbers as a reader of the report sees them. Fixed rules, no locale: the same value gives the same bytes. Minus is
// U+2212, the space before a unit does not break. What is not a number is shown as "n/a".
#pragma once

#include <string>
#include <string_view>

#include "sim/statistics/estimate.h"

namespace penstock::sim::report {

enum class Measure {
  kNumber,    // 1,234 and 12.3 k, 4.5 M, 6.7 G and then the unit's name
  kMoney,     // 1,234 and 12.3 k, 4.5 M, 6.7 bn and then the unit's name: a currency, or "EUR per nt/s"
  kShare,     // 0.123 is 12.3 %
  kSeconds,   // 0.012 is 12 ms; 90 is 1.5 min
  kHours,     // 36 is 1.5 d from two days on
  kMultiple,  // 1.25 is ×1.25
};

struct Unit {
  Measure measure = Measure::kNumber;
  std::string name;  // of kNumber and kMoney; may be empty
};

enum class Sign { kWhenNegative, kAlways };

/// With so many decimals, thousands apart: "−1,234.50". Never "−0".
std::string Decimals(double value, int decimals, Sign sign = Sign::kWhenNegative);

/// Three significant digits, a suffix and the unit: "1.23 M USD".
std::string FigureText(double value, const Unit& unit, Sign sign = Sign::kWhenNegative);

/// Mean and half width in the same suffix, as many decimals as the half width deserves: "1.235 M ± 0.021 M USD".
/// "1.23 M USD (no interval)" when there is none.
std::string EstimateText(const Estimate& estimate, const Unit& unit, Sign sign = Sign::kWhenNegative);

/// The same in pieces: "1.235 M", "± 0.021 M", "USD".
struct EstimateParts {
  std::string mean;
  std::string interval;
  std::string unit;
};
EstimateParts EstimateInParts(const Estimate& estimate, const Unit& unit, Sign sign = Sign::kWhenNegative);

/// How the values of one axis are written: all with one suffix and as many decimals as its step needs.
struct Scaling {
  double divisor = 1;
  std::string prefix;  // "×"
  std::string suffix;  // " M", " %", " ms"
};
Scaling ScalingOf(double largest, const Unit& unit);

}  // namespace penstock::sim::report
