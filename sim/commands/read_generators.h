// The generators of traffic in a scenario file: what a client sends where no trace says it.
#pragma once

#include "broker/config/section.h"
#include "sim/run/scenario.h"

namespace penstock::sim {

/// poisson, gamma, weibull, diurnal or agents: one of them must be there.
TrafficFactory ReadGenerator(config::Section& client, Duration length);

}  // namespace penstock::sim
