// Points that fill a cube evenly (Halton 1960), for the start of a search.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sim/search/box.h"

namespace penstock::sim {

constexpr size_t kMostHaltonDimensions = 32;

/// The `index`-th point in [0, 1)^dimensions, moved (around the edges) by offsets that the seed draws.
Point HaltonPoint(uint64_t index, size_t dimensions, uint64_t seed);

}  // namespace penstock::sim
