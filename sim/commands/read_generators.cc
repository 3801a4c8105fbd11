#include "sim/commands/read_generators.h"

namespace penstock::sim {

TrafficFactory ReadGenerator(config::Section& client, Duration /*length*/) {
  client.Complain("", "sends nothing; give it a `trace`");
  return {};
}

}  // namespace penstock::sim
