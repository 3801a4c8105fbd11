// One client's requests, drawn window by window.
#pragma once

#include <memory>

#include "sim/traffic/servegen_population.h"

namespace penstock::sim {

/// As ServeGenPopulation::ArrivalsOf with a volume of 1.
std::unique_ptr<ArrivalSource> ServeGenArrivals(const ServeGenPopulation& population, size_t client, uint32_t tenant,
                                                const ServeGenSlice& slice, const ArrivalTerms& terms,
                                                const Streams& streams);

}  // namespace penstock::sim
