#include "sim/fleet/fluid_replica.h"

#include <algorithm>
#include <tuple>

#include "admission/vocabulary/check.h"
#include "sim/fleet/stretch.h"

namespace penstock::sim {

FluidReplica::FluidReplica(const ReplicaTerms& terms) : terms_(terms), blocks_(terms.kv_limit, terms.kv_block) {
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
  Sequence& sequence = sequences_[handle] = {};
  sequence.request = request;
  sequence.delivered = delivered;
  sequence.to_prefill = request.input;
  sequence.stage = Stage::kWaiting;
  waiting_.PushBack(sequences_, handle);
  if (end_ == Instant::Max()) {
    StartStretch(now);
  } else {
    LineChanged(now);
  }
  return handle;
}

Tokens FluidReplica::Cancel(Handle handle, Instant now) {
  const Tokens generated = Generated(handle, now);
  if (sequences_[handle].stage == Stage::kWaiting) {
    waiting_.Remove(sequences_, handle);
    LineChanged(now);
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
  Tokens generated = GeneratedBy(sequence);
  if (sequence.stage == Stage::kDecoding) generated += Tokens(IterationsBy(now));
  return std::max(generated, sequence.delivered);
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

Tokens FluidReplica::GeneratedBy(const Sequence& sequence) const {
  return sequence.stage == Stage::kDecoding ? Tokens(clock_ - sequence.birth) : sequence.generated;
}

/// What it has, or will have once it is prefilled, at `clock_`.
Tokens FluidReplica::ContextOf(const Sequence& sequence) const {
  return sequence.request.cached_input + sequence.request.input + GeneratedBy(sequence);
}

int64_t FluidReplica::BlocksHeldBy(const Sequence& sequence) const {
  if (terms_.kv_holding == KvHolding::kAsItGrows) return blocks_.BlocksOf(ContextOf(sequence));
  return blocks_.BlocksOf(sequence.request.cached_input + sequence.request.input + sequence.request.generate);
}

bool FluidReplica::HasRoomFor(const Sequence& sequence) const {
  if (running_.empty()) return true;
  return running_.size() < terms_.max_sequences && blocks_.Fits(BlocksHeldBy(sequence));
}

bool FluidReplica::SomebodyCouldJoin() const { return !waiting_.empty() && HasRoomFor(sequences_[waiting_.first()]); }

int64_t FluidReplica::IterationsBy(Instant now) const {
  if (iterations_ <= 1 || end_ == Instant::Max()) return 0;
  return IterationsWithin(terms_.law, load_, now - start_, iterations_ - 1);
}

/// So many iterations of the stretch under way are over; nobody came or went.
void FluidReplica::SkipIterations(int64_t count) {
  if (terms_.kv_holding == KvHolding::kAsItGrows) blocks_.Take(blocks_.GrowthIn(clock_ + 1, count));
  clock_ += count;
  load_.kv += Tokens(count * load_.decodes);
}

/// The stretch under way becomes the one iteration of it in which `now` lies.
void FluidReplica::CutTo(Instant now) {
  if (iterations_ <= 1) return;
  const int64_t over = IterationsBy(now);
  const Duration past = StretchTimeRoundDown(terms_.law, load_, over);
  SkipIterations(over);
  busy_ += past;
  start_ = start_ + past;
  iterations_ = 1;
  end_ = start_ + StretchTimeRoundDown(terms_.law, load_, 1);
}

/// Whoever plans ahead counts the line as the next iteration begins.
void FluidReplica::LineChanged(Instant now) {
  if (terms_.plans_ahead || SomebodyCouldJoin()) CutTo(now);
}

void FluidReplica::GrowDecodes() {
  if (terms_.kv_holding == KvHolding::kAsItGrows) blocks_.Take(blocks_.GrowthIn(clock_));
  while (!blocks_.Fits(0) && running_.size() > 1) PreemptLast();
}

void FluidReplica::PreemptLast() {
  const Handle handle = running_.last();
  LeaveBatch(handle);
  Sequence& sequence = sequences_[handle];
  sequence.generated = GeneratedBy(sequence);
  sequence.to_prefill = sequence.request.input + sequence.generated;
  sequence.stage = Stage::kWaiting;
  waiting_.PushFront(sequences_, handle);
  ++preemptions_;
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
  blocks_.Take(BlocksHeldBy(sequence));
  sequence.joined = ++joins_;
  sequence.stage = Stage::kPrefilling;
}

Tokens FluidReplica::ContinuePrefill(Tokens budget) {
  return partial_ == kNoSequence ? Tokens::Zero() : Compute(partial_, budget);
}

Tokens FluidReplica::JoinWaiting(Tokens budget) {
  Tokens prefill;
  if (running_.empty() || !terms_.plans_ahead) may_join_ = waiting_.size();
  for (; may_join_ > 0 && budget > Tokens::Zero() && SomebodyCouldJoin(); --may_join_) {
    const Handle handle = waiting_.first();
    Join(handle);
    const Tokens chunk = Compute(handle, budget);
    prefill += chunk;
    budget -= std::max(chunk, Tokens(1));
    if (chunk == Tokens::Zero()) BeginDecode(handle);
  }
  return prefill;
}

/// Until somebody's last token, or until blocks run out.
int64_t FluidReplica::LengthOfStretch() const {
  if (!computing_.empty() || SomebodyCouldJoin()) return 1;
  const int64_t until_a_finish = finishes_.top().clock + 1 - clock_;
  if (terms_.kv_holding != KvHolding::kAsItGrows || running_.size() == 1) return until_a_finish;
  return std::min(until_a_finish, 1 + blocks_.IterationsThatFit(clock_ + 1, until_a_finish - 1));
}

void FluidReplica::StartStretch(Instant now) {
  start_ = now;
  end_ = Instant::Max();
  const int64_t preempted_before = preemptions_;
  GrowDecodes();
  const Tokens budget = terms_.step_token_budget - Tokens(load_.decodes);
  load_.prefill = ContinuePrefill(budget);
  if (preemptions_ == preempted_before) load_.prefill += JoinWaiting(budget - load_.prefill);
  may_join_ = std::min(waiting_.size(), terms_.max_sequences - running_.size());
  if (running_.empty()) return;
  iterations_ = LengthOfStretch();
  end_ = now + StretchTimeRoundDown(terms_.law, load_, iterations_);
}

void FluidReplica::BeginDecode(Handle handle) {
  Sequence& sequence = sequences_[handle];
  const Tokens context = ContextOf(sequence);
  sequence.birth = clock_ - sequence.generated.count();
  sequence.stage = Stage::kDecoding;
  finishes_.push({sequence.birth + sequence.request.generate.count() - 1, sequence.joined, handle});
  ++load_.decodes;
  load_.kv += context;
  if (terms_.kv_holding == KvHolding::kAsItGrows) blocks_.StartGrowing(context, clock_);
}

void FluidReplica::LeaveBatch(Handle handle) {
  const Sequence& sequence = sequences_[handle];
  if (partial_ == handle) partial_ = kNoSequence;
  blocks_.GiveBack(BlocksHeldBy(sequence));
  if (sequence.stage == Stage::kDecoding) {
    --load_.decodes;
    load_.kv -= ContextOf(sequence);
    if (terms_.kv_holding == KvHolding::kAsItGrows) blocks_.StopGrowing(ContextOf(sequence), clock_);
  }
  running_.Remove(sequences_, handle);
}

void FluidReplica::Free(Handle handle) {
  sequences_[handle].stage = Stage::kFree;
  free_.push_back(handle);
}

void FluidReplica::Tell(FleetEvent::Kind kind, const Sequence& sequence, Tokens generated) {
  happenings_.push_back({sequence.joined, {kind, sequence.request.id, end_, generated}});
}

void FluidReplica::EndPrefills() {
  partial_ = kNoSequence;
  for (const Handle handle : computing_) {
    const Sequence& sequence = sequences_[handle];
    if (sequence.to_prefill > Tokens::Zero()) {
      partial_ = handle;
      continue;
    }
    const bool is_first = sequence.generated == Tokens::Zero() && sequence.delivered == Tokens::Zero();
    if (is_first) Tell(FleetEvent::Kind::kFirstToken, sequence, Tokens(1));
    if (sequence.stage == Stage::kPrefilling) BeginDecode(handle);
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
  SkipIterations(iterations_ - 1);
  happenings_.clear();
  EndPrefills();
  EndDecodes();
  std::sort(happenings_.begin(), happenings_.end(), [](const Happening& a, const Happening& b) {
    return std::tuple(a.joined, a.event.kind) < std::tuple(b.joined, b.event.kind);
  });
  for (const Happening& happening : happenings_) out->push_back(happening.event);
  load_.kv += Tokens(load_.decodes);
  ++clock_;
  busy_ += end_ - start_;
  StartStretch(end_);
}

}  // namespace penstock::sim
