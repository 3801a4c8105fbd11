#include "sim/fleet/fluid_replica.h"

#include <algorithm>
#include <tuple>

#include "admission/vocabulary/check.h"
#include "sim/fleet/stretch.h"

namespace penstock::sim {

FluidReplica::FluidReplica(const ReplicaTerms& terms) : terms_(terms) {
  PENSTOCK_CHECK(terms.max_sequences > 0);
  PENSTOCK_CHECK(terms.step_token_budget.count() > terms.max_sequences);
  PENSTOCK_CHECK(terms.law.base > Duration::Zero());  // tokens take time, so virtual time moves on
}

FluidReplica::Handle FluidReplica::Submit(const FleetRequest& request, Tokens delivered, Instant now) {
  PENSTOCK_CHECK(request.generate > Tokens::Zero());
  PENSTOCK_CHECK(request.input >= Tokens::Zero() && request.cached_input >= Tokens::Zero());
  if (free_.empty()) {
    free_.push_back(static_cast<Handle>(sequences_.size()));
    sequences_.emplace_back();
  }
  const Handle handle = free_.back();
  free_.pop_back();
  sequences_[handle] =
      Sequence{.request = request, .delivered = delivered, .to_prefill = request.input, .stage = Stage::kWaiting};
  waiting_.PushBack(sequences_, handle);
  if (end_ == Instant::Max()) {
    StartStretch(now);
  } else if (SomebodyCouldJoin()) {
    CutTo(now);
  }
  return handle;
}

Tokens FluidReplica::Cancel(Handle handle, Instant now) {
  const Tokens generated = Generated(handle, now);
  if (sequences_[handle].stage == Stage::kWaiting) {
    waiting_.Remove(sequences_, handle);
    if (SomebodyCouldJoin()) CutTo(now);
  } else {
    CutTo(now);
    std::erase(computing_, handle);
    LeaveBatch(handle);
  }
  Free(handle);
  return generated;
}

Tokens FluidReplica::Generated(Handle handle, Instant now) const {
  const Sequence& sequence = sequences_[handle];
  PENSTOCK_CHECK(sequence.stage != Stage::kFree);
  if (sequence.stage != Stage::kDecoding) return sequence.delivered;
  return std::max(Tokens(clock_ + IterationsBy(now) - sequence.birth), sequence.delivered);
}

std::vector<FluidReplica::Restart> FluidReplica::TakeAll(Instant now) const {
  std::vector<Restart> all;
  for (const SequenceList<Sequence>* list : {&running_, &waiting_}) {
    for (Handle h = list->first(); h != kNoSequence; h = sequences_[h].next) {
      all.push_back({sequences_[h].request, Generated(h, now)});
    }
  }
  return all;
}

Tokens FluidReplica::KvOf(const Sequence& sequence) const {
  const Tokens prompt = sequence.request.cached_input + sequence.request.input;
  if (terms_.kv_holding == KvHolding::kWholeContext) return prompt + sequence.request.generate;
  return sequence.stage == Stage::kDecoding ? prompt + Tokens(clock_ - sequence.birth) : prompt;
}

bool FluidReplica::HasRoomFor(const Sequence& sequence) const {
  if (running_.empty()) return true;
  if (running_.size() >= terms_.max_sequences) return false;
  return !terms_.kv_limit || kv_held_ + KvOf(sequence) <= *terms_.kv_limit;
}

bool FluidReplica::SomebodyCouldJoin() const { return !waiting_.empty() && HasRoomFor(sequences_[waiting_.first()]); }

int64_t FluidReplica::IterationsBy(Instant now) const {
  if (iterations_ <= 1 || end_ == Instant::Max()) return 0;
  return IterationsWithin(terms_.law, load_, now - start_, iterations_ - 1);
}

/// The stretch under way becomes the one iteration of it in which `now` lies.
void FluidReplica::CutTo(Instant now) {
  if (iterations_ <= 1) return;
  const int64_t over = IterationsBy(now);
  const Duration past = StretchTimeRoundDown(terms_.law, load_, over);
  const Tokens made(over * load_.decodes);
  clock_ += over;
  load_.kv += made;
  if (terms_.kv_holding == KvHolding::kAsItGrows) kv_held_ += made;
  busy_ += past;
  start_ = start_ + past;
  iterations_ = 1;
  end_ = start_ + StretchTimeRoundDown(terms_.law, load_, 1);
}

Tokens FluidReplica::Compute(Handle handle, Tokens budget) {
  const Tokens chunk = std::min(sequences_[handle].to_prefill, budget);
  sequences_[handle].to_prefill -= chunk;
  computing_.push_back(handle);
  return chunk;
}

void FluidReplica::Join(Handle handle) {
  waiting_.Remove(sequences_, handle);
  running_.PushBack(sequences_, handle);
  Sequence& sequence = sequences_[handle];
  kv_held_ += KvOf(sequence);
  sequence.joined = ++joins_;
  sequence.stage = Stage::kPrefilling;
}

/// Chooses who is prefilled in the next iteration and returns how much.
Tokens FluidReplica::Prefill() {
  Tokens budget = terms_.step_token_budget - Tokens(load_.decodes);
  Tokens prefill;
  if (partial_ != kNoSequence) prefill = Compute(partial_, budget);
  budget -= prefill;
  if (running_.empty() || !terms_.plans_ahead) may_join_ = waiting_.size();
  for (; may_join_ > 0 && budget > Tokens::Zero() && SomebodyCouldJoin(); --may_join_) {
    const Handle handle = waiting_.first();
    Join(handle);
    const Tokens chunk = Compute(handle, budget);
    prefill += chunk;
    budget -= std::max(chunk, Tokens(1));
    if (chunk == Tokens::Zero()) BeginDecode(handle, Tokens::Zero());
  }
  return prefill;
}

int64_t FluidReplica::LengthOfStretch() const {
  if (!computing_.empty() || SomebodyCouldJoin()) return 1;
  return finishes_.top().clock - clock_;
}

void FluidReplica::StartStretch(Instant now) {
  start_ = now;
  end_ = Instant::Max();
  load_.prefill = Prefill();
  may_join_ = std::min(waiting_.size(), terms_.max_sequences - running_.size());
  if (running_.empty()) return;
  iterations_ = LengthOfStretch();
  end_ = now + StretchTimeRoundDown(terms_.law, load_, iterations_);
}

void FluidReplica::BeginDecode(Handle handle, Tokens generated) {
  Sequence& sequence = sequences_[handle];
  sequence.stage = Stage::kDecoding;
  sequence.birth = clock_ - generated.count();
  finishes_.push({sequence.birth + sequence.request.generate.count(), sequence.joined, handle});
  ++load_.decodes;
  load_.kv += sequence.request.cached_input + sequence.request.input + generated;
  if (terms_.kv_holding == KvHolding::kAsItGrows) kv_held_ += generated;
}

void FluidReplica::LeaveBatch(Handle handle) {
  const Sequence& sequence = sequences_[handle];
  if (partial_ == handle) partial_ = kNoSequence;
  kv_held_ -= KvOf(sequence);
  if (sequence.stage == Stage::kDecoding) {
    --load_.decodes;
    load_.kv -= sequence.request.cached_input + sequence.request.input + Tokens(clock_ - sequence.birth);
  }
  running_.Remove(sequences_, handle);
}

void FluidReplica::Free(Handle handle) {
  sequences_[handle].stage = Stage::kFree;
  free_.push_back(handle);
}

void FluidReplica::Tell(FleetEvent::Kind kind, const Sequence& sequence, Tokens generated) {
  happenings_.push_back({sequence.joined, {kind, sequence.request.id, start_, generated}});
}

void FluidReplica::EndPrefills() {
  partial_ = kNoSequence;
  for (const Handle handle : computing_) {
    const Sequence& sequence = sequences_[handle];
    if (sequence.to_prefill > Tokens::Zero()) {
      partial_ = handle;
      continue;
    }
    if (sequence.delivered == Tokens::Zero()) Tell(FleetEvent::Kind::kFirstToken, sequence, Tokens(1));
    if (sequence.stage == Stage::kPrefilling) BeginDecode(handle, Tokens(1));
  }
  computing_.clear();
}

void FluidReplica::EndDecodes() {
  const auto is_void = [this](const Finish& finish) {
    const Sequence& sequence = sequences_[finish.handle];
    return sequence.stage != Stage::kDecoding || sequence.joined != finish.joined;
  };
  while (!finishes_.empty() && (finishes_.top().clock <= clock_ || is_void(finishes_.top()))) {
    const Finish finish = finishes_.top();
    finishes_.pop();
    if (is_void(finish)) continue;
    const Sequence& sequence = sequences_[finish.handle];
    Tell(FleetEvent::Kind::kFinished, sequence, sequence.request.generate);
    LeaveBatch(finish.handle);
    Free(finish.handle);
  }
}

void FluidReplica::FinishIteration(std::vector<FleetEvent>* out) {
  PENSTOCK_CHECK(end_ != Instant::Max());
  const Tokens made(iterations_ * load_.decodes);
  clock_ += iterations_;
  load_.kv += made;
  if (terms_.kv_holding == KvHolding::kAsItGrows) kv_held_ += made;
  busy_ += end_ - start_;
  start_ = end_;
  happenings_.clear();
  EndPrefills();
  EndDecodes();
  std::sort(happenings_.begin(), happenings_.end(), [](const Happening& a, const Happening& b) {
    return std::tuple(a.joined, a.event.kind) < std::tuple(b.joined, b.event.kind);
  });
  for (const Happening& happening : happenings_) out->push_back(happening.event);
  StartStretch(start_);
}

}  // namespace penstock::sim
