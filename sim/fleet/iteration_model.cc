#include "sim/fleet/iteration_model.h"

#include <algorithm>
#include <tuple>

#include "admission/vocabulary/check.h"

namespace penstock::sim {

Replica::Replica(const ReplicaTerms& terms) : terms_(terms), blocks_(terms.kv_limit, terms.kv_block) {
  PENSTOCK_CHECK(terms.max_sequences > 0);
  PENSTOCK_CHECK(terms.step_token_budget.count() > terms.max_sequences);
  PENSTOCK_CHECK(terms.law.base > Duration::Zero());  // an iteration takes time, so virtual time moves on
}

Replica::Handle Replica::Submit(const FleetRequest& request, Tokens delivered, Instant now) {
  PENSTOCK_CHECK(request.generate > Tokens::Zero());
  PENSTOCK_CHECK(request.input >= Tokens::Zero() && request.cached_input >= Tokens::Zero());
  if (free_.empty()) {
    free_.push_back(static_cast<Handle>(sequences_.size()));
    sequences_.emplace_back();
  }
  const Handle handle = free_.back();
  free_.pop_back();
  sequences_[handle] = Sequence{.request = request, .delivered = delivered, .stage = Stage::kWaiting};
  waiting_.PushBack(sequences_, handle);
  if (iteration_end_ == Instant::Max()) StartIteration(now);
  return handle;
}

Tokens Replica::Cancel(Handle handle) {
  const Tokens generated = Generated(handle);
  Sequence& sequence = sequences_[handle];
  if (sequence.stage == Stage::kWaiting) {
    waiting_.Remove(sequences_, handle);
  } else {
    StopComputing(handle);
    LeaveBatch(handle);
  }
  sequence.stage = Stage::kFree;
  free_.push_back(handle);
  return generated;
}

Tokens Replica::Generated(Handle handle) const {
  const Sequence& sequence = sequences_[handle];
  PENSTOCK_CHECK(sequence.stage != Stage::kFree);
  return std::max(GeneratedBy(sequence), sequence.delivered);
}

std::vector<Replica::Restart> Replica::TakeAll() const {
  std::vector<Restart> all;
  for (const SequenceList<Sequence>* list : {&running_, &waiting_}) {
    for (Handle h = list->first(); h != kNoSequence; h = sequences_[h].next) {
      all.push_back({sequences_[h].request, Generated(h)});
    }
  }
  return all;
}

Duration Replica::BusyTime(Instant now) const {
  return iteration_end_ == Instant::Max() ? busy_ : busy_ + (now - iteration_start_);
}

Tokens Replica::GeneratedBy(const Sequence& sequence) const {
  return sequence.stage == Stage::kDecoding ? Tokens(step_ - sequence.birth) : sequence.generated;
}

/// What it has, or will have once it is prefilled, at the start of iteration `step_`.
Tokens Replica::ContextOf(const Sequence& sequence) const {
  return sequence.request.cached_input + sequence.request.input + GeneratedBy(sequence);
}

int64_t Replica::BlocksHeldBy(const Sequence& sequence) const {
  if (terms_.kv_holding == KvHolding::kAsItGrows) return blocks_.BlocksOf(ContextOf(sequence));
  return blocks_.BlocksOf(sequence.request.cached_input + sequence.request.input + sequence.request.generate);
}

void Replica::GrowDecodes() {
  if (terms_.kv_holding == KvHolding::kAsItGrows) blocks_.Take(blocks_.GrowthIn(step_));
  while (!blocks_.Fits(0) && running_.size() > 1) PreemptLast();
}

void Replica::PreemptLast() {
  const Handle handle = running_.last();
  LeaveBatch(handle);
  Sequence& sequence = sequences_[handle];
  sequence.generated = GeneratedBy(sequence);
  sequence.prefilled = Tokens::Zero();
  sequence.stage = Stage::kWaiting;
  waiting_.PushFront(sequences_, handle);
  ++preemptions_;
}

bool Replica::HasRoomFor(const Sequence& sequence) const {
  if (running_.empty()) return true;
  return running_.size() < terms_.max_sequences && blocks_.Fits(BlocksHeldBy(sequence));
}

void Replica::Join(Handle handle) {
  waiting_.Remove(sequences_, handle);
  running_.PushBack(sequences_, handle);
  Sequence& sequence = sequences_[handle];
  blocks_.Take(BlocksHeldBy(sequence));
  sequence.joined = ++joins_;
  sequence.stage = Stage::kPrefilling;
}

void Replica::Compute(Handle handle, Tokens budget) {
  Sequence& sequence = sequences_[handle];
  sequence.chunk = std::min(sequence.request.input + sequence.generated - sequence.prefilled, budget);
  computing_.push_back(handle);
}

Tokens Replica::ContinuePrefill(Tokens budget) {
  if (partial_ == kNoSequence) return Tokens::Zero();
  Compute(partial_, budget);
  return sequences_[partial_].chunk;
}

Tokens Replica::JoinWaiting(Tokens budget) {
  Tokens prefill;
  if (running_.empty() || !terms_.plans_ahead) may_join_ = waiting_.size();
  for (; may_join_ > 0 && !waiting_.empty() && budget > Tokens::Zero(); --may_join_) {
    if (!HasRoomFor(sequences_[waiting_.first()])) break;
    const Handle handle = waiting_.first();
    Join(handle);
    Compute(handle, budget);
    const Tokens chunk = sequences_[handle].chunk;
    prefill += chunk;
    budget -= std::max(chunk, Tokens(1));
    if (chunk == Tokens::Zero()) BeginDecode(handle);
  }
  return prefill;
}

void Replica::StartIteration(Instant now) {
  iteration_start_ = now;
  iteration_end_ = Instant::Max();
  const int64_t preempted_before = preemptions_;
  GrowDecodes();
  const Tokens budget = terms_.step_token_budget - Tokens(decodes_);
  Tokens prefill = ContinuePrefill(budget);
  if (preemptions_ == preempted_before) prefill += JoinWaiting(budget - prefill);
  may_join_ = std::min(waiting_.size(), terms_.max_sequences - running_.size());
  if (running_.empty()) return;
  iteration_end_ = now + IterationTimeRoundDown(terms_.law, {decodes_, context_, prefill});
}

void Replica::BeginDecode(Handle handle) {
  Sequence& sequence = sequences_[handle];
  const Tokens context = ContextOf(sequence);
  sequence.birth = step_ - sequence.generated.count();
  sequence.stage = Stage::kDecoding;
  finishes_.push({sequence.birth + sequence.request.generate.count() - 1, sequence.joined, handle});
  ++decodes_;
  context_ += context;
  if (terms_.kv_holding == KvHolding::kAsItGrows) blocks_.StartGrowing(context, step_);
}

void Replica::StopComputing(Handle handle) {
  std::erase(computing_, handle);
  if (partial_ == handle) partial_ = kNoSequence;
}

/// Out of the batch, its KV freed; its stage is left to the caller.
void Replica::LeaveBatch(Handle handle) {
  const Sequence& sequence = sequences_[handle];
  blocks_.GiveBack(BlocksHeldBy(sequence));
  if (partial_ == handle) partial_ = kNoSequence;
  if (sequence.stage == Stage::kDecoding) {
    --decodes_;
    context_ -= ContextOf(sequence);
    if (terms_.kv_holding == KvHolding::kAsItGrows) blocks_.StopGrowing(ContextOf(sequence), step_);
  }
  running_.Remove(sequences_, handle);
}

void Replica::Tell(FleetEvent::Kind kind, const Sequence& sequence, Tokens generated) {
  happenings_.push_back({sequence.joined, {kind, sequence.request.id, iteration_end_, generated}});
}

void Replica::EndPrefills() {
  partial_ = kNoSequence;
  for (const Handle handle : computing_) {
    Sequence& sequence = sequences_[handle];
    sequence.prefilled += sequence.chunk;
    if (sequence.prefilled < sequence.request.input + sequence.generated) {
      partial_ = handle;
      continue;
    }
    const bool is_first = sequence.generated == Tokens::Zero() && sequence.delivered == Tokens::Zero();
    if (is_first) Tell(FleetEvent::Kind::kFirstToken, sequence, Tokens(1));
    if (sequence.stage == Stage::kPrefilling) BeginDecode(handle);
  }
  computing_.clear();
}

void Replica::EndDecodes() {
  while (!finishes_.empty() && finishes_.top().step == step_) {
    const Finish finish = finishes_.top();
    finishes_.pop();
    Sequence& sequence = sequences_[finish.handle];
    if (sequence.stage != Stage::kDecoding || sequence.joined != finish.joined) continue;
    Tell(FleetEvent::Kind::kFinished, sequence, sequence.request.generate);
    LeaveBatch(finish.handle);
    sequence.stage = Stage::kFree;
    free_.push_back(finish.handle);
  }
}

void Replica::FinishIteration(std::vector<FleetEvent>* out) {
  PENSTOCK_CHECK(iteration_end_ != Instant::Max());
  happenings_.clear();
  EndPrefills();
  EndDecodes();
  std::sort(happenings_.begin(), happenings_.end(), [](const Happening& a, const Happening& b) {
    return std::tuple(a.joined, a.event.kind) < std::tuple(b.joined, b.event.kind);
  });
  for (const Happening& happening : happenings_) out->push_back(happening.event);
  context_ += Tokens(decodes_);
  ++step_;
  busy_ += iteration_end_ - iteration_start_;
  StartIteration(iteration_end_);
}

}  // namespace penstock::sim
