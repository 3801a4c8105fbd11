#include "sim/report/thinning.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace penstock::sim::report {
namespace {

void AppendExtremes(std::span<const Point> stretch, std::vector<Point>& to) {
  const auto [low, high] =
      std::minmax_element(stretch.begin(), stretch.end(), [](const Point& a, const Point& b) { return a.y < b.y; });
  const auto [first, second] = std::minmax(low, high);
  to.push_back(*first);
  if (first != second) to.push_back(*second);
}

}  // namespace

std::vector<Point> Thinned(std::span<const Point> points, size_t most) {
  std::vector<Point> finite;
  for (const Point& point : points) {
    if (std::isfinite(point.x) && std::isfinite(point.y)) finite.push_back(point);
  }
  if (finite.size() <= most || finite.size() < 4) return finite;
  const std::span<const Point> middle = std::span<const Point>(finite).subspan(1, finite.size() - 2);
  const size_t stretches = std::max<size_t>(most / 2, 1);
  std::vector<Point> thinned = {finite.front()};
  for (size_t i = 0; i < stretches; ++i) {
    const size_t from = middle.size() * i / stretches;
    const size_t to = middle.size() * (i + 1) / stretches;
    if (to > from) AppendExtremes(middle.subspan(from, to - from), thinned);
  }
  thinned.push_back(finite.back());
  return thinned;
}

}  // namespace penstock::sim::report
