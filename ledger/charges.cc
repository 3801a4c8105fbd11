#include "ledger/charges.h"

#include <numeric>

#include "admission/vocabulary/check.h"

namespace penstock::ledger {
namespace {

/// The denominator of percent / 100.
int64_t PartsOf(int64_t percent) { return 100 / std::gcd(percent, int64_t{100}); }

}  // namespace

Ratio operator*(const Ratio& a, const Ratio& b) {
  return {CheckedMul(a.numerator, b.numerator), CheckedMul(a.denominator, b.denominator)};
}

std::optional<Int128> WholeTimes(Int128 amount, const Ratio& ratio) {
  const Int128 product = CheckedMul(amount, Int128{ratio.numerator});
  if (product % ratio.denominator != 0) return std::nullopt;
  return product / ratio.denominator;
}

DemandCharge BusiestMinute(int64_t price) {
  DemandCharge charge;
  charge.name = "demand";
  charge.steps = {{0, price}};
  return charge;
}

int64_t DemandScale(const DemandCharge& charge) {
  int64_t percents = 1;
  if (charge.ratchet.look_back > 0) {
    for (const int64_t percent : charge.ratchet.percent) percents = std::lcm(percents, PartsOf(percent));
    for (const int64_t percent : charge.ratchet.own_percent) percents = std::lcm(percents, PartsOf(percent));
  }
  int64_t scale = charge.n;
  if (charge.contracted.IsOn()) {
    percents = std::lcm(percents, PartsOf(charge.contracted.low_percent));
    percents = std::lcm(percents, PartsOf(charge.contracted.high_percent));
    scale = CheckedMul(scale, charge.contracted.excess.denominator);
  }
  return CheckedMul(scale, percents);
}

int64_t UnitsFor(const ProvisionedUnit& unit, int64_t input_per_minute, int64_t output_per_minute) {
  PENSTOCK_CHECK(unit.input_per_minute > 0 && unit.output_per_minute > 0);
  return DivideRoundUp(input_per_minute, unit.input_per_minute) +
         DivideRoundUp(output_per_minute, unit.output_per_minute);
}

}  // namespace penstock::ledger
