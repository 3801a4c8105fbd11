#include "sim/search/halton.h"

#include <array>

#include "admission/vocabulary/check.h"
#include "sim/distributions.h"

namespace penstock::sim {
namespace {

constexpr std::array<uint64_t, kMostHaltonDimensions> kPrimes = {2,  3,  5,  7,   11,  13,  17,  19,  23,  29, 31,
                                                                 37, 41, 43, 47,  53,  59,  61,  67,  71,  73, 79,
                                                                 83, 89, 97, 101, 103, 107, 109, 113, 127, 131};

// The digits of the index, mirrored at the point.
double Mirrored(uint64_t index, uint64_t radix) {
  double value = 0;
  double unit = 1;
  for (; index > 0; index /= radix) {
    unit /= static_cast<double>(radix);
    value += unit * static_cast<double>(index % radix);
  }
  return value;
}

}  // namespace

Point HaltonPoint(uint64_t index, size_t dimensions, uint64_t seed) {
  PENSTOCK_CHECK(dimensions >= 1 && dimensions <= kMostHaltonDimensions);
  Random offsets(Scramble(seed));
  Point point(dimensions);
  for (size_t i = 0; i < dimensions; ++i) {
    const double moved = Mirrored(index + 1, kPrimes[i]) + Uniform(offsets);
    point[i] = moved < 1 ? moved : moved - 1;
  }
  return point;
}

}  // namespace penstock::sim
