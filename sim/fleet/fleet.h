// A fleet of identical replicas behind a least-loaded router, in virtual time: no clock, no threads, no randomness.
//
// Time comes in with every call and never goes back. Submit and Cancel first bring the fleet to `now`; what happens on
// the way is handed out by the next AdvanceTo. The same calls give the same events, in whatever steps time advances.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"
#include "sim/fleet/iteration_model.h"

namespace penstock::sim {

struct FleetTerms {
  ReplicaTerms replica;
  int replicas = 1;
};

class Fleet {
 public:
  Fleet(const FleetTerms& terms, Instant start);

  /// Sends a request to the replica with the fewest requests, the lowest index among equals. Its id must not be in the
  /// fleet already.
  void Submit(const FleetRequest& request, Instant now);
  /// Drops a request at once and returns the tokens that it had generated; nothing when the id is not in the fleet (it
  /// may have finished on the way to `now`). Nothing happens to it after `now`; a first token that it had before, and
  /// that was not handed out yet, still is.
  std::optional<Tokens> Cancel(uint64_t id, Instant now);

  /// No event comes before this moment; Instant::Max() when idle. It is the end of an iteration, which may bring
  /// nothing.
  Instant NextEvent() const;
  /// Brings the fleet to `now` and appends every event up to and including it, ordered by time, replica and joining.
  void AdvanceTo(Instant now, std::vector<FleetEvent>* out);

  /// Tokens generated up to the last moment that the fleet was brought to; nothing when the id is not in the fleet.
  std::optional<Tokens> GeneratedSoFar(uint64_t id) const;
  /// Requests in batches, and requests that wait for a place in one.
  int64_t running() const;
  int64_t waiting() const;
  /// The share of replica time since the start that was spent in iterations: 0 to 1.
  double BusyFraction() const;

 private:
  size_t LeastLoaded() const;
  size_t NextReplica() const;
  void BringTo(Instant now);

  std::vector<Replica> replicas_;
  std::unordered_map<uint64_t, size_t> replica_of_;  // looked up, never walked
  std::vector<FleetEvent> undelivered_;
  Instant start_;
  Instant now_;
};

}  // namespace penstock::sim
