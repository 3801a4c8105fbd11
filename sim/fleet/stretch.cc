#include "sim/fleet/stretch.h"

#include <algorithm>
#include <cmath>

#include "admission/vocabulary/checked.h"

namespace penstock::sim {

Duration StretchTimeRoundDown(const IterationLaw& law, const IterationLoad& first, int64_t iterations) {
  const Int128 n = iterations;
  const Int128 contexts = n * first.kv.count() + n * (n - 1) / 2 * first.decodes;
  const Int128 even = n * (law.base + law.per_decode * first.decodes).count();
  const Int128 prefill = Int128{law.per_prefill_token.count()} * first.prefill.count();
  return Duration(CheckedNarrow(even + prefill + contexts * law.per_kv_ktoken.count() / 1'000));
}

int64_t IterationsWithin(const IterationLaw& law, const IterationLoad& first, Duration elapsed, int64_t most) {
  // even x n + growth x n^2 / 2 = elapsed, solved in doubles for a guess that the whole numbers correct.
  const auto time = static_cast<double>(elapsed.count());
  const auto growth = static_cast<double>(law.per_kv_ktoken.count()) * static_cast<double>(first.decodes) / 1'000;
  const auto even = static_cast<double>(StretchTimeRoundDown(law, first, 1).count()) - growth / 2;
  const double root = std::sqrt(std::max(even * even + 2 * growth * time, 1.0));
  int64_t n = std::clamp<int64_t>(static_cast<int64_t>(std::min(2 * time / (even + root), 1e15)), 0, most);
  while (n < most && StretchTimeRoundDown(law, first, n + 1) <= elapsed) ++n;
  while (n > 0 && StretchTimeRoundDown(law, first, n) > elapsed) --n;
  return n;
}

}  // namespace penstock::sim
