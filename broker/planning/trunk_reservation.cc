// In state n, n slots are busy: both classes come in below m = slots - held_back, only the dear one from there on, and
// n end per holding time. With p(n) the weight of a state, the chances follow from three recursions, none of which has
// a difference in it:
//   below(m)  = sum of p(n) / p(m) over n < m  = (below(m - 1) + 1) x m / (dear + cheap load)
//   from(m)   = sum of p(n) / p(m) over n >= m = 1 + dear / (m + 1) x from(m + 1)
//   full(m)   = p(slots) / sum of p(n), n >= m = full(m + 1) x dear / (m + 1) x from(m + 1) / from(m)
// The sums may be astronomic, then they stay at kMost: what they are compared with is nothing beside it.
#include "broker/planning/trunk_reservation.h"

#include <algorithm>
#include <cstddef>

#include "admission/vocabulary/check.h"

namespace penstock::planning {
namespace {

constexpr double kMost = 1e280;

}  // namespace

std::vector<double> TrunkRevenues(int slots, const TwoClasses& classes) {
  PENSTOCK_CHECK(slots > 0 && classes.dear_load >= 0 && classes.cheap_load >= 0);
  const double load = classes.dear_load + classes.cheap_load;
  PENSTOCK_CHECK(load > 0);
  const auto count = static_cast<size_t>(slots) + 1;
  std::vector<double> below(count);
  for (size_t m = 1; m < count; ++m) {
    below[m] = std::min(kMost, (below[m - 1] + 1) * static_cast<double>(m) / load);
  }
  std::vector<double> revenues(count);
  double from = 1;
  double full = 1;
  for (size_t m = count; m-- > 0;) {
    if (m + 1 < count) {
      const double beyond = std::min(kMost, classes.dear_load / static_cast<double>(m + 1) * from);
      from = 1 + beyond;
      full *= beyond / from;
    }
    const double cheap_lost = from / (below[m] + from);
    const double dear_lost = full * cheap_lost;
    revenues[count - 1 - m] = classes.dear_reward * classes.dear_load * (1 - dear_lost) +
                              classes.cheap_reward * classes.cheap_load * (1 - cheap_lost);
  }
  return revenues;
}

TrunkReservation BestTrunkReservation(int slots, const TwoClasses& classes) {
  const std::vector<double> revenues = TrunkRevenues(slots, classes);
  const auto best = std::max_element(revenues.begin(), revenues.end());
  return {static_cast<int>(best - revenues.begin()), *best, revenues.front()};
}

}  // namespace penstock::planning
