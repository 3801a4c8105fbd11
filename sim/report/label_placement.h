// Finds room for the labels of points, so that they cover neither each other nor the points.
#pragma once

#include <optional>
#include <span>
#include <vector>

namespace penstock::sim::report {

struct Box {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
  bool Overlaps(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

class LabelPlacement {
 public:
  explicit LabelPlacement(Box inside) : inside_(inside) {}

  /// Nothing may be placed here.
  void Occupy(const Box& box) { taken_.push_back(box); }
  /// The first of these boxes that is free, taken from then on; or nothing.
  std::optional<Box> FirstFree(std::span<const Box> boxes);
  /// A box of that size beside, above or below the point, as near as there is room; taken from then on. Nothing when
  /// there is none: better no label than an unreadable one.
  std::optional<Box> Place(double x, double y, double width, double height);

 private:
  bool IsFree(const Box& box) const;

  Box inside_;
  std::vector<Box> taken_;
};

}  // namespace penstock::sim::report
