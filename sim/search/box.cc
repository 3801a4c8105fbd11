#include "sim/search/box.h"

#include <algorithm>
#include <cmath>

#include "admission/vocabulary/check.h"

namespace penstock::sim {

Point Box::AtShares(const Point& shares) const {
  Point at(size());
  for (size_t i = 0; i < size(); ++i) {
    at[i] = std::clamp(low[i] + shares[i] * (high[i] - low[i]), low[i], high[i]);
  }
  return at;
}

Point Box::SharesOf(const Point& at) const {
  Point shares(size());
  for (size_t i = 0; i < size(); ++i) shares[i] = std::clamp((at[i] - low[i]) / (high[i] - low[i]), 0.0, 1.0);
  return shares;
}

bool Box::Contains(const Point& at) const {
  if (at.size() != size()) return false;
  for (size_t i = 0; i < size(); ++i) {
    if (!(at[i] >= low[i] && at[i] <= high[i])) return false;
  }
  return true;
}

Box UnitCube(size_t dimensions) { return {Point(dimensions, 0.0), Point(dimensions, 1.0)}; }

void CheckBox(const Box& box) {
  PENSTOCK_CHECK(!box.low.empty() && box.low.size() == box.high.size());
  for (size_t i = 0; i < box.size(); ++i) {
    PENSTOCK_CHECK(std::isfinite(box.low[i]) && std::isfinite(box.high[i]) && box.low[i] < box.high[i]);
  }
}

}  // namespace penstock::sim
