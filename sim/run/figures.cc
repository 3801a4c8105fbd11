#include "sim/run/figures.h"

#include <algorithm>

namespace penstock::sim {

Counts& Counts::operator+=(const Counts& other) {
  came += other.came;
  finished += other.finished;
  refused_yours += other.refused_yours;
  refused_pool += other.refused_pool;
  failed += other.failed;
  tries += other.tries;
  for (size_t i = 0; i < refusals.size(); ++i) refusals[i] += other.refusals[i];
  tokens = tokens + other.tokens;
  work += other.work;
  return *this;
}

bool RunFigures::Holds() const {
  return std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.holds; });
}

}  // namespace penstock::sim
