// The readers of the parts of a scenario file. Problems are noted in the source; see broker/config/section.h.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "broker/config/section.h"
#include "sim/commands/read_scenario.h"
#include "sim/run/scenario.h"
#include "sim/traffic/request_terms.h"

namespace penstock::sim {

/// A span in any of the units h, min, s, ms: the key is `name` with the unit's ending, for example length_min. At most
/// one may be given; none: `otherwise`, or a problem when that is nothing.
Duration ReadDuration(config::Section& section, std::string_view name, std::optional<Duration> otherwise);
/// A positive decimal as a double, with up to six decimals.
double ReadFactor(config::Section& section, std::string_view name, std::optional<double> otherwise, double max,
                  std::string_view example);

/// cached, reasoning and usual_max_output_tokens.
ArrivalTerms ReadArrivalTerms(config::Section& section);

/// `fleets`: one for each pool of the settings, which must have been read.
void ReadFleets(config::Section& top, Scenario& scenario);
/// `traffic`: clients of the settings' tenants.
void ReadTraffic(config::Section& top, const ScenarioChanges& changes, Scenario& scenario);
/// `population`: customers that choose.
void ReadPopulation(config::Section& top, const ScenarioChanges& changes, Scenario& scenario);
/// `capacity` and `purchases`.
void ReadHappenings(config::Section& top, Scenario& scenario);

}  // namespace penstock::sim
