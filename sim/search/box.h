// Where a search may look: an interval for each parameter.
#pragma once

#include <cstddef>
#include <vector>

namespace penstock::sim {

using Point = std::vector<double>;

struct Box {
  Point low;
  Point high;  // each above its low

  size_t size() const { return low.size(); }
  /// The point whose coordinates are these shares of the sides: 0 is low, 1 is high. Never outside.
  Point AtShares(const Point& shares) const;
  /// The inverse, for points inside.
  Point SharesOf(const Point& at) const;
  bool Contains(const Point& at) const;
};

/// [0, 1] in so many dimensions.
Box UnitCube(size_t dimensions);

/// A bug when there is no dimension or a side is empty.
void CheckBox(const Box& box);

}  // namespace penstock::sim
