// Accelerators in virtual time: what every model of them can do. No clock, no threads, no randomness.
//
// Time comes in with every call and never goes back. Submit, Cancel and SetReplicas first bring the fleet to `now`;
// what happens on the way is handed out by the next AdvanceTo. The same calls give the same events.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"

namespace penstock::sim {

struct FleetRequest {
  uint64_t id = 0;      // the caller's; unique among the requests in the fleet
  Tokens input;         // prompt tokens to prefill
  Tokens cached_input;  // prompt tokens already in KV: no prefill, but context
  Tokens generate;      // tokens to make, at least 1
  uint64_t number = 0;  // of the arrival, for a model that knows each
};

struct FleetEvent {
  enum class Kind : uint8_t { kFirstToken, kFinished };
  Kind kind = Kind::kFirstToken;
  uint64_t id = 0;
  Instant at;
  Tokens generated;  // so far: 1 at the first token, all of them at the end
  friend bool operator==(const FleetEvent&, const FleetEvent&) = default;
};

class FleetModel {
 public:
  virtual ~FleetModel() = default;

  virtual void Submit(const FleetRequest& request, Instant now) = 0;
  /// Drops a request at once and returns the tokens that it had generated; nothing when the id is not in the fleet (it
  /// may have finished on the way to `now`). Nothing happens to it after `now`; a first token that it had before, and
  /// that was not handed out yet, still is.
  virtual std::optional<Tokens> Cancel(uint64_t id, Instant now) = 0;
  /// From now on there are so many replicas, at least 1. What ran on one that is gone starts again elsewhere, from its
  /// prompt; tokens that its client has already got are not handed out again, but take their time once more.
  virtual void SetReplicas(int replicas, Instant now) = 0;

  /// No event comes before this moment; Instant::Max() when idle. It may bring nothing.
  virtual Instant NextEvent() const = 0;
  /// Brings the fleet to `now` and appends every event up to and including it, by time; ties in a fixed order.
  virtual void AdvanceTo(Instant now, std::vector<FleetEvent>* out) = 0;

  /// Requests that compute, and requests that wait for a place.
  virtual int64_t running() const = 0;
  virtual int64_t waiting() const = 0;
  /// The share of replica time since the start that was spent computing: 0 to 1.
  virtual double BusyFraction() const = 0;
};

}  // namespace penstock::sim
