// One accelerator replica: continuous batching with chunked prefill under the iteration-time law, in virtual time.
//
// Rules, in the order of an iteration's life:
//  1. Every sequence past its prefill makes one token per iteration. When its context has filled its last KV block, it
//     takes another. While the blocks do not suffice, the sequence that joined last is preempted: its KV is freed, it
//     goes to the front of the line, and its prompt and what it generated will be prefilled again (recompute). One that
//     runs alone is never preempted, however large.
//  2. The tokens of (1) come off the step's token budget; what is left goes to prefill, first come first served, so
//     that a long prompt is computed in chunks. The sequence that is in the middle of its prompt comes first, then
//     waiting ones join: while there is budget, a place (max_sequences) and blocks for all that they have to prefill,
//     and if nothing was preempted in this iteration. One without anything to prefill takes one token of the budget.
//  3. The iteration that computes the last prompt token makes the first token too. A request without uncached input has
//     its first token at the end of its first iteration.
//  4. An idle replica starts an iteration the moment a request arrives.
//  5. With plans_ahead (asynchronous scheduling) who joins an iteration was settled when the one before began: only
//  those
//     that stood in line then, and only in places that were free then.
//
// An iteration costs O(1) and what happens in it, not O(batch): a sequence that began to decode in iteration b has made
// step - b tokens in iteration `step`, all contexts together grow by one token per decoding sequence, and who finishes
// is the top of a heap.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"
#include "sim/fleet/fleet_model.h"
#include "sim/fleet/iteration_law.h"
#include "sim/fleet/kv_blocks.h"
#include "sim/fleet/sequence_list.h"

namespace penstock::sim {

enum class KvHolding : uint8_t {
  kAsItGrows,     // blocks of what was computed: more sequences fit, some are preempted
  kWholeContext,  // blocks for all that it will ever generate, from joining to its end: nothing is preempted
};

struct ReplicaTerms {
  IterationLaw law;
  int64_t max_sequences = 128;
  Tokens step_token_budget = Tokens(2'048);  // more than max_sequences, or prefill could starve
  std::optional<Tokens> kv_limit;            // rounded down to whole blocks
  Tokens kv_block = Tokens(16);
  KvHolding kv_holding = KvHolding::kAsItGrows;
  bool plans_ahead = false;
};

class Replica {
 public:
  /// A request in this replica, until it finishes or is taken out.
  using Handle = uint32_t;

  /// A request that had to start again elsewhere, and what its client has already got of it.
  struct Restart {
    FleetRequest request;
    Tokens delivered;
  };

  explicit Replica(const ReplicaTerms& terms);

  /// Takes a request into the line; an idle replica starts on it at once. No first token is told if some were
  /// delivered.
  Handle Submit(const FleetRequest& request, Tokens delivered, Instant now);
  /// Drops a request and returns what it had generated. An iteration under way keeps its length.
  Tokens Cancel(Handle handle);
  Tokens Generated(Handle handle) const;
  /// All that run, in order of joining, then all that wait. The replica must not be used afterwards.
  std::vector<Restart> TakeAll() const;

  /// When the iteration under way ends; Instant::Max() when idle.
  Instant iteration_end() const { return iteration_end_; }
  /// Ends the iteration under way, appends what it brought in order of joining, and starts the next if there is work.
  void FinishIteration(std::vector<FleetEvent>* out);

  int64_t running() const { return running_.size(); }
  int64_t waiting() const { return waiting_.size(); }
  /// So often a sequence lost its KV.
  int64_t preemptions() const { return preemptions_; }
  /// Time spent in iterations up to now, the part of the one under way included.
  Duration BusyTime(Instant now) const;

 private:
  enum class Stage : uint8_t { kFree, kWaiting, kPrefilling, kDecoding };

  struct Sequence {
    FleetRequest request;
    Tokens delivered;   // of an earlier life
    Tokens generated;   // unless it decodes
    Tokens prefilled;   // of input + generated
    Tokens chunk;       // prefill in the iteration under way
    int64_t birth = 0;  // when it decodes: in iteration `step` it has generated step - birth tokens
    uint64_t joined = 0;
    uint32_t previous = kNoSequence;
    uint32_t next = kNoSequence;
    Stage stage = Stage::kFree;
  };
  /// The iteration at whose end a sequence has all its tokens. Void when the sequence is no longer in that decode.
  struct Finish {
    int64_t step = 0;
    uint64_t joined = 0;
    Handle handle = 0;
    friend bool operator>(const Finish& a, const Finish& b) {
      return a.step != b.step ? a.step > b.step : a.joined > b.joined;
    }
  };
  struct Happening {
    uint64_t joined = 0;
    FleetEvent event;
  };

  Tokens GeneratedBy(const Sequence& sequence) const;
  Tokens ContextOf(const Sequence& sequence) const;
  int64_t BlocksHeldBy(const Sequence& sequence) const;

  void GrowDecodes();
  void PreemptLast();
  Tokens ContinuePrefill(Tokens budget);
  Tokens JoinWaiting(Tokens budget);
  bool HasRoomFor(const Sequence& sequence) const;
  void Join(Handle handle);
  void Compute(Handle handle, Tokens budget);
  void StartIteration(Instant now);

  void BeginDecode(Handle handle);
  void StopComputing(Handle handle);
  void LeaveBatch(Handle handle);
  void EndPrefills();
  void EndDecodes();
  void Tell(FleetEvent::Kind kind, const Sequence& sequence, Tokens generated);

  ReplicaTerms terms_;
  std::vector<Sequence> sequences_;  // by handle
  std::vector<Handle> free_;
  SequenceList<Sequence> waiting_;
  SequenceList<Sequence> running_;  // in order of joining
  std::vector<Handle> computing_;   // have a chunk, or their only token, in the iteration under way
  Handle partial_ = kNoSequence;    // in the middle of its prompt
  std::priority_queue<Finish, std::vector<Finish>, std::greater<>> finishes_;
  std::vector<Happening> happenings_;
  KvBlocks blocks_;
  int64_t step_ = 0;     // number of the iteration that is planned or under way
  int64_t decodes_ = 0;  // sequences past their prefill
  Tokens context_;       // of those together, at the start of iteration `step_`
  uint64_t joins_ = 0;
  int64_t may_join_ = 0;  // this many in the iteration that is planned next
  int64_t preemptions_ = 0;
  Instant iteration_start_;
  Instant iteration_end_ = Instant::Max();
  Duration busy_;  // of the iterations that have ended
};

}  // namespace penstock::sim
