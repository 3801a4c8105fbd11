// A broker in virtual time: one engine, the planner that the daemon uses, modelled clients and modelled fleets. No
// clock, no threads, no randomness of its own: the same world gives the same journal, byte for byte.
//
// What happens, happens at whole nanoseconds. Of two things at the same one, fleets come before what was scheduled
// (retries, reports of running requests, changes of capacity, plans; among themselves in the order in which they were
// scheduled), then arrivals in the order of their source, then the engine's own wake.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
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
#include "sim/arrival.h"
#include "sim/event_queue.h"
#include "sim/fleet/fleet_model.h"
#include "sim/random.h"
#include "sim/world_begin.h"

namespace penstock::sim {

/// One tenant's client: how it asks, and what it does when it is refused.
struct Client {
  std::string tenant;                // of the settings
  std::string key = "prod";          // of that tenant
  std::vector<size_t> pools = {0};   // candidates by preference: indices into the settings' pools
  std::optional<ServiceClass> asks;  // nothing: what its tier gives
  Duration max_wait;                 // how long its requests may stand in line
  int retries = 0;                   // how often it obeys a retry_after, with the same request_id
  Duration late;                     // it comes back up to this much after the time it was told
};

/// A pool reports another capacity. `replicas` of the fleet change with it; 0: as before.
struct CapacityChange {
  Duration at;
  WorkPerSecond capacity;
  int64_t max_in_flight = 0;  // 0: unchanged
  int replicas = 0;
  size_t pool = 0;
  int64_t kv_tokens = 0;  // 0: unchanged
};

/// What a client says about one request beyond what it turns out to be. Recorded requests have this.
struct Said {
  TokenCounts input;  // that it asks for: input kinds only
  ByTokenKind<bool> estimated;
  int64_t depth = 0;
  std::optional<ledger::BodyDigest> content;
  std::vector<ledger::Label> labels;
  ledger::Outcome outcome = ledger::Outcome::kSucceeded;  // that it reports at the end
};

/// Throughput that a tenant buys in the first pool before anything else happens. Minutes of the world begin with the
/// first whole one that can be bought.
struct BoughtWindow {
  std::string tenant;
  int64_t from_minute = 0;
  int64_t to_minute = 0;  // exclusive
  WorkPerSecond rate;
  Overrun overrun = Overrun::kSpill;
};

/// One Admit of one request, and its answer. Times count from the start of the world.
struct Try {
  enum class End : uint8_t { kOpen, kGranted, kRefused, kError };

  uint64_t request = 0;  // the arrivals counted from 0
  uint32_t client = 0;
  int number = 1;    // 1, then one more with each retry
  bool last = true;  // its client will not try again
  Duration at;
  ServiceClass stood_as = ServiceClass::kDefault;
  Duration reclaim_bound;  // what the first candidate pool stated when it came

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

/// A request that ran to its end. Times count from the start of the world.
struct Finished {
  uint64_t request = 0;
  uint32_t client = 0;
  size_t pool = 0;
  ServiceClass served = ServiceClass::kDefault;
  TokenCounts tokens;
  Duration came;  // when its client first asked
  Duration granted;
  Duration first_token;
  Duration ended;
};

/// What looks on.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void OnArrival(const Arrival& /*arrival*/) {}
  /// What the engine is about to be told.
  virtual void OnCommand(const core::Command& /*command*/, Instant /*now*/) {}
  virtual void OnAnswer(const Try& /*made*/, const Arrival& /*arrival*/) {}
  virtual void OnFinish(const Finished& /*request*/) {}
};

/// The class that a tenant's requests stand in line as; `asks`: nothing is what its tier gives.
ServiceClass StandsAs(const core::TenantSettings& tenant, std::optional<ServiceClass> asks);

struct VirtualWorld {
  core::EngineSettings settings;
  std::vector<BoughtWindow> purchases;
  std::vector<Client> clients;  // Arrival::tenant is an index into these
  std::unique_ptr<ArrivalSource> traffic;
  std::vector<std::unique_ptr<FleetModel>> fleets;  // one for each pool, starting at `begin`
  std::vector<CapacityChange> capacity_changes;
  Instant begin = kWorldBegin;            // a whole hour: what every Duration here counts from
  std::vector<Said> said;                 // by number of the request; empty: clients say what is the case, no more
  Duration last_retry = Duration::Max();  // who would have to come back later than this gives up
  uint64_t seed = 0;                      // of how late clients come back
  bool keeps_journal = true;              // false: its chain only, so that long runs stay small
};

class VirtualBroker {
 public:
  /// So many make a row of the journal, or fewer where RunUntil ends.
  static constexpr size_t kCommandsPerRow = 64;
  /// What the engine says of its settings, when it does not take them; INVALID_ARGUMENT when a purchase cannot be had.
  /// `watcher` may be null, and must live on.
  static absl::StatusOr<std::unique_ptr<VirtualBroker>> Open(VirtualWorld world, Watcher* watcher);

  /// Everything that happens up to and including this time, to which fleets are brought too.
  void RunUntil(Duration at);
  /// Until nothing is left to happen: never, where a pool has a market.
  void RunToEnd();
  /// Where minute 0 of BoughtWindow lies, from the begin of any world.
  static Duration FirstMinute();

  Duration now() const { return now_ - world_.begin; }
  const core::Engine& engine() const { return *engine_; }
  /// Closes a period now: what the engine says. The command's ticket is set here.
  core::Outcome Close(core::CloseStatement close);
  const core::PoolState& pool(size_t index = 0) const { return *engine_->pools()[index]; }
  const FleetModel& fleet(size_t index = 0) const { return *world_.fleets[index]; }
  const VirtualWorld& world() const { return world_; }
  /// Commands that the engine applied, events of fleets, and whatever else happened.
  uint64_t events() const { return events_seen_; }
  /// Requests that have come.
  uint64_t requests() const { return arrived_; }
  /// Requests whose client waits for an answer, that run, or that it will ask for again.
  size_t open_requests() const { return open_; }
  /// Everybody has come, and everybody has been served or sent away.
  bool over() const { return !next_arrival_ && open_ == 0; }

 private:
  struct Event {
    enum class Kind : uint8_t { kRetry, kReport, kCapacity, kPlan };
    Kind kind = Kind::kPlan;
    uint32_t index = 0;    // of the request's place, or of the change
    uint64_t request = 0;  // kRetry, kReport: that must still be there
  };
  struct Identity {
    TenantId tenant;
    KeyId key;
    ServiceClass stands_as = ServiceClass::kDefault;
    std::vector<PoolId> pools;
  };
  /// A request from its arrival to its end.
  struct Request {
    Arrival arrival;
    uint64_t number = 0;
    core::Ticket ticket = 0;  // of the Admit under way
    Try made;
    bool running = false;
    core::Complete complete;  // once it runs
    size_t pool = 0;
    Duration granted;
  };

  VirtualBroker(VirtualWorld world, Watcher* watcher, std::unique_ptr<core::Engine> engine);
  void Identify();
  absl::Status Purchase();
  /// What the engine says at once to a command that is no request's. The command's ticket is set here.
  template <class Command>
  core::Outcome Tell(Command command);
  void Run(Instant until);
  Instant NextOfFleets() const;
  void AdvanceFleets();
  void OnFleet(size_t pool, const FleetEvent& event);
  void Happen(const Event& event);
  void Arrive();
  uint32_t Place();
  void Leave(uint32_t place);
  void Ask(uint32_t place);
  void Report(uint32_t place, uint64_t request);
  void ChangeCapacity(const CapacityChange& change);
  void Plan();
  void Apply(core::Command&& command);
  void OnAnswer(const core::Answer& answer);
  void OnGrant(uint32_t place, const core::Granted& granted);
  void OnRefusal(uint32_t place, const core::Refused& refused);
  void Finish(uint32_t place, Instant at);

  VirtualWorld world_;
  Watcher* const watcher_;
  const std::unique_ptr<core::Engine> engine_;
  const Streams streams_;
  planning::Planner planner_;
  std::vector<Identity> identities_;  // by client
  EventQueue<Event> scheduled_;
  std::optional<Arrival> next_arrival_;
  std::vector<Request> requests_;  // by place
  std::vector<uint32_t> free_places_;
  std::vector<FleetEvent> fleet_events_;
  core::Ticket telling_ = 0;  // of the command under way that Tell is waiting for
  core::Outcome told_;
  core::Effects effects_;
  Instant now_;
  uint64_t arrived_ = 0;
  uint64_t asked_ = 0;
  uint64_t events_seen_ = 0;
  size_t open_ = 0;
  size_t unwritten_ = 0;  // commands since the journal was written
};

}  // namespace penstock::sim
