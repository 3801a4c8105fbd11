// What a demo plays, in plain words: main.cc fills it from the simulator, which the command line does not know.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "broker/core/settings.h"

namespace penstock::cli::demo {

struct Tenant {
  std::string name;
  std::string key;  // of the tenant, in the settings
  Tier tier = Tier::kElastic;
  std::optional<ServiceClass> asks;  // nothing: what its tier gives
  Duration max_wait;
};

struct Arrival {
  Duration at;                    // since the start
  uint32_t tenant = 0;            // index into Setup::tenants
  TokenCounts tokens;             // what the request turns out to be
  int64_t max_output_tokens = 0;  // what the client asks for
  std::string run;                // may be empty
};

struct FleetEvent {
  enum class Kind : uint8_t { kFirstToken, kFinished };
  Kind kind = Kind::kFirstToken;
  uint64_t id = 0;
  Instant at;
};

/// The accelerators that the demo does not have. Time comes in with every call and never goes back.
class ModelledFleet {
 public:
  virtual ~ModelledFleet() = default;
  virtual void Submit(uint64_t id, Tokens input, Tokens cached_input, Tokens generate, Instant now) = 0;
  virtual void Cancel(uint64_t id, Instant now) = 0;
  /// Nothing happens before this moment; Instant::Max() when idle.
  virtual Instant NextEvent() const = 0;
  virtual void AdvanceTo(Instant now, std::vector<FleetEvent>* out) = 0;
  /// Up to the last AdvanceTo; zero for a request that is not running.
  virtual Tokens GeneratedSoFar(uint64_t id) const = 0;
};

struct Flood {
  uint32_t tenant = 0;  // who
  Duration from;
  Duration to;
  int64_t times = 1;  // its usual traffic
};

struct Setup {
  core::EngineSettings settings;  // one pool
  std::vector<Tenant> tenants;
  std::vector<Arrival> arrivals;  // by time
  Flood flood;
  std::function<std::unique_ptr<ModelledFleet>(Instant start)> fleet;
  std::string hardware;     // what the fleet models, one line
  std::string attribution;  // of the traffic, one line
  std::string assumptions;  // what the traffic does not say, one line
};

constexpr int64_t kShortestSeconds = 3;     // below, the flood is too short to be seen
constexpr int64_t kLongestSeconds = 3'000;  // the traces are about an hour long

struct Options {
  int64_t seconds = 45;
  uint64_t seed = 7;
};

using SetupBuilder = std::function<Setup(const Options&)>;

}  // namespace penstock::cli::demo
