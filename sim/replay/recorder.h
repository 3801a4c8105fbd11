// Makes a recording of a boot by looking on while its arrival log is replayed.
//
// What is one request, and how its client behaves, is read out of the log like this:
//   1. Admits with one request id of one tenant are one request until it has ended. It asks again after a refusal as
//      often as it did then; one that was not refused then as often as the tenant's refused ones did (their median)
//   2. a client that went away while it waited is one that would not have waited longer
//   3. an Admit that only asked, one that was an error, and one of a tenant, key or pool that the boot did not begin
//   with
//      is left out
//   4. capacity changes are kept; plans are not: the planner makes its own. Everything else is counted as left out
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "broker/arrivals/replay.h"
#include "sim/replay/recording.h"

namespace penstock::sim {

class Recorder final : public arrivals::Spectator {
 public:
  void OnBirth(const arrivals::Birth& birth, const core::Engine& engine) override;
  void OnApplied(const core::Command& command, Instant now, std::span<const core::Answer> answers,
                 const core::Engine& engine) override;

  /// What was recorded, once the log is at its end. A birth must have been seen.
  Recording Take();

 private:
  /// A request while the log goes on.
  struct Open {
    RecordedRequest request;
    Client client;
    size_t tenant = 0;
    Instant asked;                 // its last Admit
    int tries = 0;                 // answered by a grant or a refusal
    bool refused = false;          // by the last
    std::optional<size_t> answer;  // the last of recording_.tries
    bool is_error = false;         // it never got anything else
    Instant granted;
    Instant lease_deadline;
    TokenCounts so_far;
  };

  void On(const core::Admit& admit, Instant now, const core::Engine& engine);
  void On(const core::Abandon& abandon, Instant now);
  void On(const core::Undeliverable& undeliverable);
  void On(const core::Progress& progress, std::span<const core::Answer> answers);
  void On(const core::Complete& complete, Instant now, std::span<const core::Answer> answers);
  void On(const core::SetCapacity& set, Instant now, std::span<const core::Answer> answers, const core::Engine& engine);
  void OnAnswer(const core::Answer& answer, Instant now, const core::Engine& engine);
  /// The settings' names of what is asked; false when the boot did not begin with them.
  bool Identify(const core::Admit& admit, const core::Engine& engine, Open* open) const;
  std::optional<size_t> PoolOf(PoolId id, const core::Engine& engine) const;
  void LeaveOut(std::string what) { ++recording_.left_out[std::move(what)]; }
  void SettleFates();
  void SettleRetries();
  void DropErrors();
  void NameClients();

  Recording recording_;
  std::vector<Open> requests_;
  std::map<std::pair<uint32_t, std::string>, size_t> by_name_;  // by tenant and request id: the newest
  absl::flat_hash_map<core::Ticket, size_t> by_ticket_;         // whose Admit waits for its answer
  absl::flat_hash_map<GrantId, size_t> by_grant_;               // that run
  Instant last_;
};

}  // namespace penstock::sim
