// A calibrated fleet as an element of `pools:` in the daemon's configuration.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sim/calibration/energy.h"
#include "sim/fleet/calibration.h"

namespace penstock::sim {

struct PoolDefinition {
  std::string name;  // as the configuration takes them: letters, digits, '-', '_', '.'
  std::string model;
  std::string hardware;  // for the comment, like the next
  std::string profile;
  FleetTerms fleet;
  Mix mix;
  Calibration calibration;
  std::optional<TokenEnergy> energy;
};

/// Lower case, what a name may not contain as '-': "meta-llama/Llama-3.1-8B" gives "llama-3.1-8b".
std::string PoolNameOf(const std::string& model);

/// YAML with a comment that says what the figures came from; ends with a newline. Slots are the calibrated batch of all
/// replicas and a fifth more, so that pace binds before slots; burst is one second of capacity.
std::string PoolYaml(const PoolDefinition& pool);

}  // namespace penstock::sim
