// One replica as a fluid: its sequences share a clock that counts output tokens, and whose pace is the law's time per
// output token under the present load. Between two changes of the load nothing is computed, however many tokens go by:
// a request costs a few events, not one per iteration.
//
// The clock stands at whole tokens where an iteration ends. So a request that comes in the middle of one waits for its
// end, prompts are prefilled first come first served in chunks of the step's budget while decodes stall, and who joined
// last is preempted when the KV blocks run out: the rules of iteration_model.h, told for whole stretches of iterations.
// The difference is one of rounding: a stretch is rounded to nanoseconds once, not for each iteration.
#pragma once

#include <cstdint>
#include <queue>
#include <vector>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"
#include "sim/fleet/fleet_model.h"
#include "sim/fleet/iteration_model.h"
#include "sim/fleet/kv_blocks.h"
#include "sim/fleet/sequence_list.h"

namespace penstock::sim {

class FluidReplica {
 public:
  using Handle = Replica::Handle;
  using Restart = Replica::Restart;

  explicit FluidReplica(const ReplicaTerms& terms);

  /// As of Replica.
  Handle Submit(const FleetRequest& request, Tokens delivered, Instant now);
  Tokens Cancel(Handle handle, Instant now);
  Tokens Generated(Handle handle, Instant now) const;
  std::vector<Restart> TakeAll(Instant now) const;

  /// When the load changes next by itself; Instant::Max() when idle.
  Instant iteration_end() const { return end_; }
  void FinishIteration(std::vector<FleetEvent>* out);

  int64_t running() const { return running_.size(); }
  int64_t waiting() const { return waiting_.size(); }
  int64_t preemptions() const { return preemptions_; }
  Duration BusyTime(Instant now) const { return end_ == Instant::Max() ? busy_ : busy_ + (now - start_); }

 private:
  enum class Stage : uint8_t { kFree, kWaiting, kPrefilling, kDecoding };

  struct Sequence {
    FleetRequest request;
    Tokens delivered;   // of an earlier life
    Tokens generated;   // unless it decodes
    Tokens to_prefill;  // what is left of input + generated
    int64_t birth = 0;  // when it decodes: when the clock shows `birth` + n it has generated n tokens
    uint64_t joined = 0;
    uint32_t previous = kNoSequence;
    uint32_t next = kNoSequence;
    Stage stage = Stage::kFree;
  };
  struct Finish {
    int64_t clock = 0;  // at the start of the iteration that makes its last token
    uint64_t joined = 0;
    Handle handle = 0;
    friend bool operator>(const Finish& a, const Finish& b) {
      return a.clock != b.clock ? a.clock > b.clock : a.joined > b.joined;
    }
  };
  struct Happening {
    uint64_t joined = 0;
    FleetEvent event;
  };

  Tokens GeneratedBy(const Sequence& sequence) const;
  Tokens ContextOf(const Sequence& sequence) const;
  int64_t BlocksHeldBy(const Sequence& sequence) const;
  bool HasRoomFor(const Sequence& sequence) const;
  bool SomebodyCouldJoin() const;
  int64_t IterationsBy(Instant now) const;
  void SkipIterations(int64_t count);
  void CutTo(Instant now);
  void LineChanged(Instant now);
  void GrowDecodes();
  void PreemptLast();
  void Join(Handle handle);
  Tokens Compute(Handle handle, Tokens budget);
  Tokens ContinuePrefill(Tokens budget);
  Tokens JoinWaiting(Tokens budget);
  void StartStretch(Instant now);
  int64_t LengthOfStretch() const;
  void BeginDecode(Handle handle);
  void LeaveBatch(Handle handle);
  void EndPrefills();
  void EndDecodes();
  void Free(Handle handle);
  void Tell(FleetEvent::Kind kind, const Sequence& sequence, Tokens generated);

  ReplicaTerms terms_;
  std::vector<Sequence> sequences_;  // by handle
  std::vector<Handle> free_;
  SequenceList<Sequence> waiting_;
  SequenceList<Sequence> running_;  // in order of joining
  std::vector<Handle> computing_;   // have prefill, or their only token, in the iteration under way
  Handle partial_ = kNoSequence;    // in the middle of its prompt
  std::priority_queue<Finish, std::vector<Finish>, std::greater<>> finishes_;
  std::vector<Happening> happenings_;
  int64_t clock_ = 0;       // iterations, at `start_`
  int64_t iterations_ = 0;  // of the stretch under way; more than one only if nothing is prefilled
  IterationLoad load_;      // of its first; kept up to date between stretches
  KvBlocks blocks_;         // of all that run, in that first iteration
  uint64_t joins_ = 0;
  int64_t may_join_ = 0;  // as of Replica
  int64_t preemptions_ = 0;
  Instant start_;
  Instant end_ = Instant::Max();
  Duration busy_;  // until start_
};

}  // namespace penstock::sim
