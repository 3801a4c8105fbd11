// More or less of the same traffic.
#pragma once

#include <memory>

#include "sim/arrival.h"
#include "sim/random.h"

namespace penstock::sim {

/// Extra copies of a request come up to so much later than it, uniformly.
constexpr Duration kCopyScatter = Seconds(30);

/// Of each request `volume` on average (not negative): floor(volume) and, with a chance of the rest, one more. The
/// first is the request itself, the others differ in their time alone. Every request takes one number from the stream,
/// whatever the volume, and a request that is there at some volume is there at every higher one: so a change of volume
/// by a price changes nothing else. Copies may come up to kCopyScatter after the last request. By time.
std::unique_ptr<ArrivalSource> WithVolume(std::unique_ptr<ArrivalSource> source, double volume, Random random);

}  // namespace penstock::sim
