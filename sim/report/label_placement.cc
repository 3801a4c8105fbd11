#include "sim/report/label_placement.h"

#include <algorithm>

namespace penstock::sim::report {

bool LabelPlacement::IsFree(const Box& box) const {
  if (box.left < inside_.left || box.right > inside_.right || box.top < inside_.top || box.bottom > inside_.bottom) {
    return false;
  }
  return std::none_of(taken_.begin(), taken_.end(), [&](const Box& other) { return box.Overlaps(other); });
}

std::optional<Box> LabelPlacement::FirstFree(std::span<const Box> boxes) {
  for (const Box& box : boxes) {
    if (!IsFree(box)) continue;
    Occupy(box);
    return box;
  }
  return std::nullopt;
}

std::optional<Box> LabelPlacement::Place(double x, double y, double width, double height) {
  for (double gap = 8; gap <= 56; gap += 12) {
    const Box candidates[] = {
        {x + gap, y - height / 2, x + gap + width, y + height / 2},
        {x - gap - width, y - height / 2, x - gap, y + height / 2},
        {x - width / 2, y - gap - height, x + width / 2, y - gap},
        {x - width / 2, y + gap, x + width / 2, y + gap + height},
        {x + gap, y - gap - height, x + gap + width, y - gap},
        {x + gap, y + gap, x + gap + width, y + gap + height},
        {x - gap - width, y - gap - height, x - gap, y - gap},
        {x - gap - width, y + gap, x - gap, y + gap + height},
    };
    if (const std::optional<Box> box = FirstFree(candidates)) return box;
  }
  return std::nullopt;
}

}  // namespace penstock::sim::report
