// A request as the simulator knows it: when it comes, whose it is, and what it turns out to be.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"

namespace penstock::sim {

struct Arrival {
  Duration at;                    // since the start of the traffic
  uint32_t tenant = 0;            // index into the scenario's tenants
  TokenCounts tokens;             // what the request turns out to be: input, cached_input, output, reasoning
  int64_t max_output_tokens = 0;  // what the client asks for; never less than output + reasoning
  std::string run;                // of a client's agent, named; or empty
  friend bool operator==(const Arrival&, const Arrival&) = default;
};

/// Requests one after the other, by time. Streams: a day of millions is never held in memory.
class ArrivalSource {
 public:
  virtual ~ArrivalSource() = default;
  /// Nothing at the end, and from then on.
  virtual std::optional<Arrival> Next() = 0;
};

/// Those of a list, which must be by time.
std::unique_ptr<ArrivalSource> ArrivalsOf(std::vector<Arrival> arrivals);

/// Several sources as one: by time, then in the order of the sources. O(log sources).
std::unique_ptr<ArrivalSource> MergedArrivals(std::vector<std::unique_ptr<ArrivalSource>> sources);

/// The same, each so much later.
std::unique_ptr<ArrivalSource> Later(std::unique_ptr<ArrivalSource> source, Duration by);

}  // namespace penstock::sim
