// One accelerator replica: continuous batching with chunked prefill under the iteration-time law, in virtual time.
//
// Rules, in the order of an iteration's life:
//  1. Waiting requests join at iteration boundaries only, first come first served, while max_sequences and the KV limit
//     allow. A request holds KV for its whole context (cached, input and all it will generate) from joining to its end:
//     nothing is preempted. One that is larger than the KV limit runs alone.
//  2. Every sequence past its prefill makes one token per iteration. Those tokens come off the step's token budget;
//  what
//     is left goes to prefill, first come first served, so that a long prompt is computed in chunks.
//  3. The iteration that computes the last prompt token makes the first token too. A request without uncached input has
//     its first token at the end of its first iteration.
//  4. An idle replica starts an iteration the moment a request arrives.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"
#include "sim/fleet/fleet_model.h"
#include "sim/fleet/iteration_law.h"

namespace penstock::sim {

struct ReplicaTerms {
  IterationLaw law;
  int64_t max_sequences = 128;
  Tokens step_token_budget = Tokens(2'048);  // more than max_sequences, or prefill could starve
  std::optional<Tokens> kv_limit;
};

class Replica {
 public:
  explicit Replica(const ReplicaTerms& terms);

  /// Takes a request into the line; an idle replica starts on it at once.
  void Submit(const FleetRequest& request, Instant now);
  /// Drops a request, returns what it had generated, nothing if the id is not here. An iteration under way keeps its
  /// length.
  std::optional<Tokens> Cancel(uint64_t id);
  std::optional<Tokens> Generated(uint64_t id) const;

  /// When the iteration under way ends; Instant::Max() when idle.
  Instant iteration_end() const { return iteration_end_; }
  /// Ends the iteration under way, appends what it brought in order of joining, and starts the next if there is work.
  void FinishIteration(std::vector<FleetEvent>* out);

  int64_t running() const { return static_cast<int64_t>(running_.size()); }
  int64_t waiting() const { return static_cast<int64_t>(waiting_.size()); }
  /// Time spent in iterations up to now, the part of the one under way included.
  Duration BusyTime(Instant now) const;

 private:
  struct Sequence {
    FleetRequest request;
    Tokens prefilled;
    Tokens chunk;  // prefill in the iteration under way
    Tokens generated;
    bool prefill_done() const { return prefilled == request.input; }
  };

  bool HasRoomFor(const FleetRequest& request) const;
  void Join();
  IterationLoad PlanLoad();
  void StartIteration(Instant now);
  void FinishStep(Sequence& sequence, std::vector<FleetEvent>* out) const;

  ReplicaTerms terms_;
  std::deque<FleetRequest> waiting_;
  std::vector<Sequence> running_;  // in order of joining
  Instant iteration_start_;
  Instant iteration_end_ = Instant::Max();
  Duration busy_;  // of the iterations that have ended
};

}  // namespace penstock::sim
