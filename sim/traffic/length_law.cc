#include "sim/traffic/length_law.h"

#include <algorithm>
#include <cstdint>

#include "sim/distributions.h"

namespace penstock::sim {
namespace {

constexpr size_t kSegments = kQuantiles.size() - 1;
constexpr size_t kCells = 1'000;  // every quantile of the table lies between two cells

/// The segment in which each thousandth of the probability lies.
constexpr std::array<uint8_t, kCells> kSegmentOfCell = [] {
  std::array<uint8_t, kCells> segments{};
  for (size_t cell = 0; cell < kCells; ++cell) {
    const double middle = (static_cast<double>(cell) + 0.5) / static_cast<double>(kCells);
    uint8_t segment = 0;
    while (kQuantiles[segment + 1u] < middle) ++segment;
    segments[cell] = segment;
  }
  return segments;
}();

constexpr std::array<double, kSegments> kPerWidth = [] {
  std::array<double, kSegments> per_width{};
  for (size_t i = 0; i < kSegments; ++i) per_width[i] = 1 / (kQuantiles[i + 1] - kQuantiles[i]);
  return per_width;
}();

}  // namespace

LengthLaw::LengthLaw(const QuantileTable& table) : values_(table.values) {
  double low = 0;   // the mean if every segment stayed at its lower end
  double span = 0;  // and what is missing to their upper ends
  for (size_t i = 0; i < kSegments; ++i) {
    const double width = kQuantiles[i + 1] - kQuantiles[i];
    low += width * values_[i];
    span += width * (values_[i + 1] - values_[i]);
  }
  // With the knot at (k, 1 - k) of a segment, its mean lies 1 - k of the way up.
  rise_ = span > 0 ? std::clamp((table.mean - low) / span, 0.01, 0.99) : 0.5;
  knot_ = 1 - rise_;
  before_ = rise_ / knot_;
  after_ = knot_ / rise_;
  mean_ = low + span * rise_;
}

double LengthLaw::Draw(Random& random) const {
  const double u = Uniform(random);
  const size_t segment = kSegmentOfCell[static_cast<size_t>(u * static_cast<double>(kCells))];
  const double way = (u - kQuantiles[segment]) * kPerWidth[segment];
  const double up = way < knot_ ? way * before_ : rise_ + (way - knot_) * after_;
  return values_[segment] + (values_[segment + 1] - values_[segment]) * up;
}

}  // namespace penstock::sim
