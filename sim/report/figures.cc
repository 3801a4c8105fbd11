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
};
constexpr std::array<Step, 4> kCountSteps = {{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
constexpr std::array<Step, 4> kMoneySteps = {{{1e12, "tn"}, {1e9, "bn"}, {1e6, "M"}, {1e3, "k"}}};

// 999.6 is shown as 1.00 k, not as 1000: the step is taken of what rounding leaves.
template <size_t kCount>
Step StepOf(double largest, const std::array<Step, kCount>& steps) {
  for (const Step& step : steps) {
    if (largest >= step.divisor * 0.9995) return step;
  }
  return {1, ""};
}

Step SecondsStep(double largest) {
  if (largest >= 2 * 3600) return {3600, "h"};
  if (largest >= 120) return {60, "min"};
  if (largest >= 0.9995 || largest == 0) return {1, "s"};
  if (largest >= 0.9995e-3) return {1e-3, "ms"};
  return {1e-6, "µs"};
}

std::string WithSpace(std::string_view suffix) {
  return suffix.empty() ? std::string() : std::string(kSpace) + std::string(suffix);
}

// Digits before the point of a scaled value, at least 1.
int WholeDigits(double value) {
  int digits = 1;
  for (double limit = 10; std::abs(value) >= limit && digits < 15; limit *= 10) ++digits;
  return digits;
}

int SignificantDecimals(double scaled, int significant) {
  if (scaled == 0) return 0;
  int decimals = significant - WholeDigits(scaled);
  for (double limit = 1; std::abs(scaled) < limit && decimals < 6; limit /= 10) ++decimals;
  return std::clamp(decimals, 0, 6);
}

std::string NamePart(const Unit& unit) {
  const bool named = unit.measure == Measure::kNumber || unit.measure == Measure::kMoney;
  return named ? WithSpace(unit.name) : std::string();
}

}  // namespace

std::string Decimals(double value, int decimals, Sign sign) {
  if (!std::isfinite(value)) return std::string(kNotANumber);
  char digits[400];
  const auto end =
      std::to_chars(digits, digits + sizeof(digits), std::abs(value), std::chars_format::fixed, decimals).ptr;
  const std::string text(digits, end);
  if (text.find_first_not_of("0.") == std::string::npos) return text;
  if (value < 0) return "\u2212" + text;
  return sign == Sign::kAlways ? "+" + text : text;
}

std::string Grouped(double value, Sign sign) {
  if (!std::isfinite(value)) return std::string(kNotANumber);
  if (std::abs(value) < 1000) return Decimals(value, std::abs(value) < 10 && value != 0 ? 4 : 2, sign);
  std::string text = Decimals(value, 0, sign);
  for (size_t at = text.size(); at > 3;) {
    at -= 3;
    const char before = text[at - 1];
    if (before < '0' || before > '9') break;
    text.insert(at, ",");
  }
  return text;
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
  return scaling.prefix + sign_and_digits + scaling.suffix + NamePart(unit);
}

std::string EstimateText(const Estimate& estimate, const Unit& unit, Sign sign) {
  if (!std::isfinite(estimate.mean)) return std::string(kNotANumber);
  if (!std::isfinite(estimate.half_width)) return FigureText(estimate.mean, unit, sign) + " (no interval)";
  const Scaling scaling = ScalingOf(std::max(std::abs(estimate.mean), estimate.half_width), unit);
  const double mean = estimate.mean / scaling.divisor;
  const double half = estimate.half_width / scaling.divisor;
  const int decimals = half > 0 ? std::min(SignificantDecimals(half, 2), 4) : SignificantDecimals(mean, 3);
  return scaling.prefix + Decimals(mean, decimals, sign) + scaling.suffix + " ±" + std::string(kSpace) +
         Decimals(half, decimals) + scaling.suffix + NamePart(unit);
}

}  // namespace penstock::sim::report
