// Points and curves: what charts are given.
#pragma once

#include <string>
#include <vector>

namespace penstock::sim::report {

struct Point {
  double x = 0;
  double y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

/// A name and its points, by x.
struct Curve {
  std::string name;
  std::vector<Point> points;
};

}  // namespace penstock::sim::report
