// A broker in virtual time: one engine, the planner that the daemon uses, modelled clients and a modelled fleet. No
// clock, no threads, no randomness: the same world gives the same journal, byte for byte.
//
// What happens, happens at whole nanoseconds. Two things at the same one: events before the engine's own wake, events
// among themselves in the order in which they were scheduled (arrivals one by one, as each is taken).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "broker/core/answer.h"
#include "broker/core/command.h"
#include "broker/core/engine.h"
#include "broker/core/settings.h"
#include "broker/planning/planner.h"
#include "sim/traffic/traffic.h"

namespace penstock::sim {

/// One tenant's client: how it asks, and what it does when it is refused.
struct Client {
  std::string tenant;                // of the settings
  std::string key = "prod";          // of that tenant
  std::optional<ServiceClass> asks;  // nothing: what its tier gives
  Duration max_wait;                 // how long its requests may stand in line
  int retries = 0;                   // how often it obeys a retry_after, with the same request_id
  Duration late;                     // it comes back up to this much after the time it was told
};

/// How long a granted request runs: no fleet model, but its law at the calibrated operating point.
struct ServiceTimes {
  Duration start;             // to the first token, whatever the prompt
  Duration per_input_token;   // to the first token, cached ones left out
  Duration per_output_token;  // after the first
};

struct CapacityChange {
  Duration at;
  WorkPerSecond capacity;
  int64_t max_in_flight = 0;  // 0: unchanged
};

/// Throughput that a tenant buys before anything else happens. Minutes of the world begin with the first whole one.
struct BoughtWindow {
  std::string tenant;
  int64_t from_minute = 0;
  int64_t to_minute = 0;  // exclusive
  WorkPerSecond rate;
  Overrun overrun = Overrun::kSpill;
};

struct VirtualWorld {
  core::EngineSettings settings;  // of one pool
  std::vector<BoughtWindow> purchases;
  std::vector<Client> clients;    // Arrival::tenant is an index into these
  std::vector<Arrival> arrivals;  // by time
  std::vector<CapacityChange> capacity_changes;
  ServiceTimes service;
};

/// One Admit of one request, and its answer. Times count from the start of the world.
struct Try {
  enum class End : uint8_t { kOpen, kGranted, kRefused, kError };

  size_t request = 0;  // index of the arrival
  uint32_t client = 0;
  int number = 1;  // 1, then one more with each retry
  Duration at;
  ServiceClass stood_as = ServiceClass::kDefault;
  Duration reclaim_bound;  // what the pool stated when it came

  End end = End::kOpen;
  Duration waited;                             // until the answer
  std::optional<ServiceClass> served;          // with a grant
  Duration contract_wait;                      // served inside a contract: how long that held it back
  std::optional<core::RefusalReason> refusal;  // with a refusal
  Duration retry_after;                        // likewise
  Work estimated_work;                         // what was held for it
  Duration line_forecast;                      // the line's, when it came
  std::optional<core::WaitRange> promised;     // set when it had to wait: from tables learnt before it came
  std::optional<core::ErrorReason> error;      // with an error

  /// It stood in line and left without running.
  bool departed() const { return promised.has_value() && end == End::kRefused; }
};

class VirtualBroker {
 public:
  /// What the engine says of its settings, when it does not take them.
  static absl::StatusOr<std::unique_ptr<VirtualBroker>> Open(VirtualWorld world);

  /// Everything that happens up to and including this time.
  void RunUntil(Duration at);
  /// Until nothing is left to happen: never, where the pool has a market.
  void RunToEnd();
  /// Where minute 0 of BoughtWindow lies.
  static Duration FirstMinute();

  Duration now() const { return now_ - kStart; }
  const core::Engine& engine() const { return *engine_; }
  const core::PoolState& pool() const { return *engine_->pools()[0]; }
  const VirtualWorld& world() const { return world_; }
  /// In the order in which they were made.
  const std::vector<Try>& tries() const { return tries_; }

 private:
  static constexpr Instant kStart{1'700'000'000'000'000'000};

  struct Event {
    enum class Kind : uint8_t { kArrival, kRetry, kFinish, kCapacity, kPlan };
    Instant at;
    uint64_t sequence = 0;
    Kind kind = Kind::kArrival;
    uint64_t index = 0;  // of the arrival, the try to repeat, the completion, the change
    friend bool operator>(const Event& a, const Event& b) {
      return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
    }
  };
  struct Identity {
    TenantId tenant;
    KeyId key;
    ServiceClass stands_as = ServiceClass::kDefault;
  };

  VirtualBroker(VirtualWorld world, std::unique_ptr<core::Engine> engine);
  void Identify();
  void Purchase();
  void Schedule(Event::Kind kind, Instant at, uint64_t index);
  void ScheduleArrival(size_t index);
  void Run(Instant until);
  void Happen(const Event& event);
  void Ask(size_t request, int number);
  void Plan();
  void Apply(const core::Command& command);
  void OnAnswer(const core::Answer& answer);
  void OnGrant(Try& made, const core::Granted& granted);
  void OnRefusal(Try& made, size_t index, const core::Refused& refused);

  const VirtualWorld world_;
  const std::unique_ptr<core::Engine> engine_;
  planning::Planner planner_;
  std::vector<Identity> identities_;  // by client
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<Try> tries_;
  std::map<core::Ticket, size_t> pending_;  // tries without an answer
  std::map<uint64_t, core::Complete> completions_;
  core::Effects effects_;
  Instant now_ = kStart;
  uint64_t scheduled_ = 0;
  core::Ticket tickets_ = 0;
};

}  // namespace penstock::sim
