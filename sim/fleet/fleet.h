// A fleet of identical replicas behind a least-loaded router: iteration by iteration (Fleet), or as a fluid
// (FluidFleet), which skips the iterations in which nobody comes or goes. No clock, no threads, no randomness: the same
// calls give the same events, in whatever steps time advances.
//
// An event costs O(log replicas) and what the replica does in it; idle replicas cost nothing.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"
#include "sim/fleet/fleet_model.h"
#include "sim/fleet/fluid_replica.h"
#include "sim/fleet/iteration_model.h"
#include "sim/fleet/least_index.h"

namespace penstock::sim {

struct FleetTerms {
  ReplicaTerms replica;
  int replicas = 1;
};

/// ReplicaModel: Replica or FluidReplica.
template <class ReplicaModel>
class RoutedFleet final : public FleetModel {
 public:
  RoutedFleet(const FleetTerms& terms, Instant start);

  /// Sends a request to the replica with the fewest requests, the lowest index among equals. Its id must not be in the
  /// fleet already.
  void Submit(const FleetRequest& request, Instant now) override;
  std::optional<Tokens> Cancel(uint64_t id, Instant now) override;
  /// The replicas with the highest indices go; what they had is sent to the others in the order of their indices, what
  /// ran before what waited. What waits in another replica's line stays there.
  void SetReplicas(int replicas, Instant now) override;

  /// The end of an iteration (or of several), which may bring nothing.
  Instant NextEvent() const override;
  /// Events are ordered by time, replica and joining.
  void AdvanceTo(Instant now, std::vector<FleetEvent>* out) override;

  /// Tokens generated up to the last moment that the fleet was brought to; nothing when the id is not in the fleet.
  std::optional<Tokens> GeneratedSoFar(uint64_t id) const;
  int64_t running() const override { return running_; }
  int64_t waiting() const override { return waiting_; }
  double BusyFraction() const override;
  /// So often a running request lost its KV, in the replicas there are.
  int64_t Preemptions() const;
  /// Iterations that have ended; of a fluid, stretches of them.
  int64_t iterations() const { return iterations_; }

 private:
  struct Place {
    size_t replica = 0;
    typename ReplicaModel::Handle handle = 0;
  };

  void Route(const FleetRequest& request, Tokens delivered);
  /// Runs `change` on a replica and keeps the sums and orders right.
  template <class Change>
  void Changing(size_t replica, Change change);
  void BringTo(Instant now);
  std::vector<Replica::Restart> Retire(size_t from);

  ReplicaTerms terms_;
  std::vector<ReplicaModel> replicas_;
  LeastIndex<Instant> next_end_;
  LeastIndex<int64_t> load_;
  absl::flat_hash_map<uint64_t, Place> place_of_;  // looked up, never walked
  std::vector<FleetEvent> undelivered_;
  int64_t running_ = 0;
  int64_t waiting_ = 0;
  int64_t iterations_ = 0;
  Instant counted_from_;   // of replica_time_
  Duration replica_time_;  // until the last change of the number of replicas
  Duration retired_busy_;
  Instant now_;
};

using Fleet = RoutedFleet<Replica>;
using FluidFleet = RoutedFleet<FluidReplica>;
extern template class RoutedFleet<Replica>;
extern template class RoutedFleet<FluidReplica>;

}  // namespace penstock::sim
