#include "sim/report/figures.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace penstock::sim::report {
namespace {

constexpr std::string_view kSpace = "\u00A0";
constexpr std::string_view kNotANumber = "n/a";

struct Step {
  double divisor;
  std::string_view suffix;
  double from;  // the least value that is written so
};
// Thousands are written out up to ten of them.
constexpr std::array<Step, 4> kCountSteps = {{{1e12, "T", 1e12}, {1e9, "G", 1e9}, {1e6, "M", 1e6}, {1e3, "k", 1e4}}};
constexpr std::array<Step, 4> kMoneySteps = {{{1e12, "tn", 1e12}, {1e9, "bn", 1e9}, {1e6, "M", 1e6}, {1e3, "k", 1e4}}};

// 999,600 is shown as 1.00 M, not as 1,000 k: the step is taken of what rounding leaves.
Step StepOf(double largest, const std::array<Step, 4>& steps) {
  for (const Step& step : steps) {
    if (largest >= step.from * 0.9995) return step;
  }
  return {1, "", 0};
}

Step SecondsStep(double largest) {
  if (largest >= 2 * 3600) return {3600, "h", 0};
  if (largest >= 120) return {60, "min", 0};
  if (largest >= 0.9995 || largest == 0) return {1, "s", 0};
  if (largest >= 0.9995e-3) return {1e-3, "ms", 0};
  return {1e-6, "µs", 0};
}

std::string WithSpace(std::string_view suffix) {
  return suffix.empty() ? std::string() : std::string(kSpace) + std::string(suffix);
}

// Digits before the point of a scaled value, at least 1.
int WholeDigits(double value) {
  int digits = 1;
  for (double limit = 10; std::abs(value) >= limit * 0.9995 && digits < 15; limit *= 10) ++digits;
  return digits;
}

int SignificantDecimals(double scaled, int significant) {
  if (scaled == 0) return 0;
  int decimals = significant - WholeDigits(scaled);
  for (double limit = 1; std::abs(scaled) < limit * 0.9995 && decimals < 6; limit /= 10) ++decimals;
  return std::clamp(decimals, 0, 6);
}

// Two digits of an error that begins with 1 or 2, else one: 0.018, 0.06.
int DecimalsOfError(double half) {
  const int decimals = SignificantDecimals(half, 1);
  double leading = half;
  for (int i = 0; i < decimals; ++i) leading *= 10;
  return std::min(leading < 2.95 ? decimals + (leading < 10 ? 1 : 0) : decimals, 6);
}

std::string NameOf(const Unit& unit) {
  const bool named = unit.measure == Measure::kNumber || unit.measure == Measure::kMoney;
  return named ? unit.name : std::string();
}

}  // namespace

std::string Decimals(double value, int decimals, Sign sign) {
  if (!std::isfinite(value)) return std::string(kNotANumber);
  char digits[400];
  const auto end =
      std::to_chars(digits, digits + sizeof(digits), std::abs(value), std::chars_format::fixed, decimals).ptr;
  std::string text(digits, end);
  if (text.find_first_not_of("0.") == std::string::npos) return text;
  const size_t whole = std::min(text.find('.'), text.size());
  for (size_t at = whole; at > 3;) text.insert(at -= 3, ",");
  if (value < 0) return "\u2212" + text;
  return sign == Sign::kAlways ? "+" + text : text;
}

Scaling ScalingOf(double largest, const Unit& unit) {
  largest = std::abs(largest);
  switch (unit.measure) {
    case Measure::kNumber: {
      const Step step = StepOf(largest, kCountSteps);
      return {step.divisor, "", WithSpace(step.suffix)};
    }
    case Measure::kMoney: {
      const Step step = StepOf(largest, kMoneySteps);
      return {step.divisor, "", WithSpace(step.suffix)};
    }
    case Measure::kShare:
      return {0.01, "", WithSpace("%")};
    case Measure::kSeconds: {
      const Step step = SecondsStep(largest);
      return {step.divisor, "", WithSpace(step.suffix)};
    }
    case Measure::kHours:
      return largest >= 48 ? Scaling{24, "", WithSpace("d")} : Scaling{1, "", WithSpace("h")};
    case Measure::kMultiple:
      return {1, "×", ""};
  }
  return {};
}

std::string FigureText(double value, const Unit& unit, Sign sign) {
  if (!std::isfinite(value)) return std::string(kNotANumber);
  const Scaling scaling = ScalingOf(value, unit);
  const double scaled = value / scaling.divisor;
  const int decimals = unit.measure == Measure::kMultiple ? 2 : SignificantDecimals(scaled, 3);
  const std::string sign_and_digits = Decimals(scaled, decimals, sign);
  return scaling.prefix + sign_and_digits + scaling.suffix + WithSpace(NameOf(unit));
}

EstimateParts EstimateInParts(const Estimate& estimate, const Unit& unit, Sign sign) {
  if (!std::isfinite(estimate.mean)) return {std::string(kNotANumber), "", ""};
  const Unit nameless = {unit.measure, ""};
  if (!std::isfinite(estimate.half_width)) {
    return {FigureText(estimate.mean, nameless, sign), "(no interval)", NameOf(unit)};
  }
  const Scaling scaling = ScalingOf(std::max(std::abs(estimate.mean), estimate.half_width), unit);
  const double mean = estimate.mean / scaling.divisor;
  const double half = estimate.half_width / scaling.divisor;
  const int decimals = half > 0 ? DecimalsOfError(half) : SignificantDecimals(mean, 3);
  return {scaling.prefix + Decimals(mean, decimals, sign) + scaling.suffix,
          "±" + std::string(kSpace) + Decimals(half, decimals) + scaling.suffix, NameOf(unit)};
}

std::string EstimateText(const Estimate& estimate, const Unit& unit, Sign sign) {
  const EstimateParts parts = EstimateInParts(estimate, unit, sign);
  if (parts.interval.empty()) return parts.mean;
  if (!std::isfinite(estimate.half_width)) return parts.mean + WithSpace(parts.unit) + " " + parts.interval;
  return parts.mean + " " + parts.interval + WithSpace(parts.unit);
}

}  // namespace penstock::sim::report
