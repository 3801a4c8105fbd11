#include "sim/report/ticks.h"

#include <algorithm>
#include <cmath>

#include "admission/vocabulary/check.h"

namespace penstock::sim::report {
namespace {

// Powers of ten without pow(): the nearest double to the decimal literal in all that a report shows.
double TenTo(int exponent) {
  double power = 1;
  for (int i = 0; i < std::abs(exponent); ++i) power *= 10;
  return exponent < 0 ? 1 / power : power;
}

// The largest power of ten at or below a positive value.
int FloorLog10(double value) {
  int exponent = static_cast<int>(std::floor(std::log10(value)));
  while (TenTo(exponent + 1) <= value) ++exponent;
  while (TenTo(exponent) > value) --exponent;
  return exponent;
}

double NiceStep(double least) {
  const double power = TenTo(FloorLog10(least));
  for (double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

double HourStep(double least) {
  for (double step : {0.25, 0.5, 1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 48.0, 168.0}) {
    if (step >= least * (1 - 1e-9)) return step;
  }
  return 24 * NiceStep(least / 24);
}

int DecimalsOf(double step) {
  for (int decimals = 0; decimals < 9; ++decimals) {
    const double scaled = step * TenTo(decimals);
    if (std::abs(scaled - std::round(scaled)) < 1e-6 * scaled) return decimals;
  }
  return 9;
}

std::string Label(double value, const Scaling& scaling, int decimals) {
  const std::string digits = Decimals(value / scaling.divisor, decimals);
  return value == 0 && scaling.prefix.empty() && scaling.suffix != "\u00A0%" ? "0"
                                                                             : scaling.prefix + digits + scaling.suffix;
}

// 0.001 to 0.999 as they are, then with suffixes.
std::string LogLabel(double value, const Unit& unit) {
  const bool seconds = unit.measure == Measure::kSeconds && value >= 1;
  const Scaling scaling = ScalingOf(seconds ? 1 : value, unit);
  const double scaled = value / scaling.divisor;
  return Label(value, scaling, scaled < 1 ? -FloorLog10(scaled * 1.000001) : 0);
}

// Five decades need no room for a sixth that is nearly empty.
void TightenEnds(double low, double high, std::vector<Tick>& powers) {
  for (double factor : {5.0, 2.0}) {
    if (powers.front().value * factor > low) continue;
    powers.front() = {powers.front().value * factor, ""};
    break;
  }
  for (double factor : {5.0, 2.0}) {
    if (powers.back().value / factor < high) continue;
    powers.back() = {powers.back().value / factor, ""};
    break;
  }
}

}  // namespace

std::vector<Tick> LinearTicks(double low, double high, int wanted, const Unit& unit) {
  PENSTOCK_CHECK(std::isfinite(low) && std::isfinite(high) && low <= high && wanted > 1);
  const double largest_end = std::max(std::abs(low), std::abs(high));
  if (high - low <= largest_end * 1e-9) {  // nothing to tell apart
    const double margin = low == 0 ? 1 : std::abs(low) / 10;
    low = low > 0 ? low - margin : low == 0 ? 0 : low - margin;
    high += margin;
  }
  const double scale =
      unit.measure == Measure::kSeconds ? ScalingOf(std::max(std::abs(low), std::abs(high)), unit).divisor : 1;
  const double least = (high - low) / scale / wanted;
  const double step = (unit.measure == Measure::kHours ? HourStep(least) : NiceStep(least)) * scale;
  const auto first = static_cast<long long>(std::floor(low / step + 1e-9));
  const auto last = static_cast<long long>(std::ceil(high / step - 1e-9));
  const double largest = std::max(std::abs(static_cast<double>(first)), std::abs(static_cast<double>(last))) * step;
  const Scaling scaling = ScalingOf(largest, unit);
  const int decimals = DecimalsOf(step / scaling.divisor);
  std::vector<Tick> ticks;
  for (long long i = first; i <= last; ++i) {
    const double value = static_cast<double>(i) * step;
    ticks.push_back({value, Label(value, scaling, decimals)});
  }
  return ticks;
}

std::vector<Tick> LogTicks(double low, double high, int wanted, const Unit& unit) {
  PENSTOCK_CHECK(low > 0 && low <= high && std::isfinite(high) && wanted > 1);
  const int first = FloorLog10(low);
  const int last = std::max(first + 1, TenTo(FloorLog10(high)) == high ? FloorLog10(high) : FloorLog10(high) + 1);
  const int every = (last - first + wanted - 1) / wanted;
  const bool between = (last - first) * 3 <= wanted + 1;
  std::vector<Tick> ticks;
  for (int exponent = first; exponent <= last; ++exponent) {
    const double power = TenTo(exponent);
    ticks.push_back({power, (exponent - first) % every == 0 ? LogLabel(power, unit) : ""});
    if (!between || exponent == last) continue;
    for (double factor : {2.0, 5.0}) ticks.push_back({factor * power, LogLabel(factor * power, unit)});
  }
  if (!between) {
    TightenEnds(low, high, ticks);
    return ticks;
  }
  // With steps between the powers the outermost need not be whole powers.
  while (ticks.size() > 2 && ticks[1].value <= low) ticks.erase(ticks.begin());
  while (ticks.size() > 2 && ticks[ticks.size() - 2].value >= high) ticks.pop_back();
  return ticks;
}

}  // namespace penstock::sim::report
