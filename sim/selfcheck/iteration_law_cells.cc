#include <absl/strings/str_cat.h>

#include <cmath>

#include "sim/fleet/calibration.h"
#include "sim/selfcheck/closed_forms.h"
#include "sim/selfcheck/computed_cell.h"

namespace penstock::sim {
namespace {

constexpr int64_t kBatch = 32;
constexpr int64_t kInput = 2'000;
constexpr int64_t kOutput = 400;

Duration RoundToNearestNanosecond(double milliseconds) { return Nanoseconds(std::llround(milliseconds * 1e6)); }

double ByTheFormula(const closed_forms::FluidCapacity& form) {
  constexpr double kKvKtokens = (kInput + kOutput / 2) / 1'000.0;
  constexpr double kPromptsPerToken = static_cast<double>(kInput) / kOutput;
  return form.c0 + kBatch * (form.d + form.k * kKvKtokens + form.a * kPromptsPerToken);
}

}  // namespace

// In a steady batch every iteration replaces kBatch / kOutput requests: so much prompt comes with it.
std::vector<ComputedCell> IterationLawCells() {
  constexpr double kOneNanosecondInMs = 1e-6;
  const IterationLoad steady{
      .decodes = kBatch, .kv = Tokens(kBatch * (kInput + kOutput / 2)), .prefill = Tokens(kBatch * kInput / kOutput)};
  std::vector<ComputedCell> cells;
  for (const closed_forms::FluidCapacity& form : closed_forms::kFluidCapacity) {
    const IterationLaw law{RoundToNearestNanosecond(form.c0), RoundToNearestNanosecond(form.d),
                           RoundToNearestNanosecond(form.k), RoundToNearestNanosecond(form.a)};
    const std::string name = absl::StrCat("fluid_capacity/", form.model, " on ", form.hardware);
    cells.push_back({name + "/iteration_ms", ByTheFormula(form),
                     static_cast<double>(IterationTimeRoundDown(law, steady).count()) / 1e6, kOneNanosecondInMs});
    cells.push_back({name + "/tpot_ms", ByTheFormula(form), FluidTimePerOutputTokenMs(law, {kInput, kOutput}, kBatch),
                     kOneNanosecondInMs});
  }
  return cells;
}

}  // namespace penstock::sim
