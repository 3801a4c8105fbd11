#include "sim/fleet/iteration_model.h"

#include <algorithm>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

Tokens WholeContext(const FleetRequest& request) { return request.cached_input + request.input + request.generate; }

}  // namespace

Replica::Replica(const ReplicaTerms& terms) : terms_(terms) {
  PENSTOCK_CHECK(terms.max_sequences > 0);
  PENSTOCK_CHECK(terms.step_token_budget.count() > terms.max_sequences);
  PENSTOCK_CHECK(terms.law.base > Duration::Zero());  // an iteration takes time, so virtual time moves on
}

void Replica::Submit(const FleetRequest& request, Instant now) {
  PENSTOCK_CHECK(request.generate > Tokens::Zero());
  PENSTOCK_CHECK(request.input >= Tokens::Zero() && request.cached_input >= Tokens::Zero());
  waiting_.push_back(request);
  if (iteration_end_ == Instant::Max()) StartIteration(now);
}

std::optional<Tokens> Replica::Cancel(uint64_t id) {
  const auto running =
      std::find_if(running_.begin(), running_.end(), [id](const Sequence& s) { return s.request.id == id; });
  if (running != running_.end()) {
    const Tokens generated = running->generated;
    running_.erase(running);
    return generated;
  }
  const auto waiting =
      std::find_if(waiting_.begin(), waiting_.end(), [id](const FleetRequest& r) { return r.id == id; });
  if (waiting == waiting_.end()) return std::nullopt;
  waiting_.erase(waiting);
  return Tokens::Zero();
}

std::optional<Tokens> Replica::Generated(uint64_t id) const {
  for (const Sequence& sequence : running_) {
    if (sequence.request.id == id) return sequence.generated;
  }
  for (const FleetRequest& request : waiting_) {
    if (request.id == id) return Tokens::Zero();
  }
  return std::nullopt;
}

Duration Replica::BusyTime(Instant now) const {
  return iteration_end_ == Instant::Max() ? busy_ : busy_ + (now - iteration_start_);
}

bool Replica::HasRoomFor(const FleetRequest& request) const {
  if (running_.empty()) return true;
  if (running() >= terms_.max_sequences) return false;
  if (!terms_.kv_limit) return true;
  Tokens held = WholeContext(request);
  for (const Sequence& sequence : running_) held += WholeContext(sequence.request);
  return held <= *terms_.kv_limit;
}

void Replica::Join() {
  while (!waiting_.empty() && HasRoomFor(waiting_.front())) {
    running_.push_back({.request = waiting_.front(), .prefilled = {}, .chunk = {}, .generated = {}});
    waiting_.pop_front();
  }
}

IterationLoad Replica::PlanLoad() {
  IterationLoad load;
  for (const Sequence& sequence : running_) {
    if (!sequence.prefill_done()) continue;
    ++load.decodes;
    load.kv += sequence.request.cached_input + sequence.request.input + sequence.generated;
  }
  Tokens budget = terms_.step_token_budget - Tokens(load.decodes);
  for (Sequence& sequence : running_) {
    sequence.chunk = std::min(sequence.request.input - sequence.prefilled, budget);
    budget -= sequence.chunk;
    load.prefill += sequence.chunk;
  }
  return load;
}

void Replica::StartIteration(Instant now) {
  Join();
  iteration_start_ = now;
  iteration_end_ = running_.empty() ? Instant::Max() : now + IterationTimeRoundDown(terms_.law, PlanLoad());
}

void Replica::FinishStep(Sequence& sequence, std::vector<FleetEvent>* out) const {
  sequence.prefilled += sequence.chunk;
  if (!sequence.prefill_done()) return;
  sequence.generated += Tokens(1);
  const auto emit = [&](FleetEvent::Kind kind) {
    out->push_back({kind, sequence.request.id, iteration_end_, sequence.generated});
  };
  if (sequence.generated == Tokens(1)) emit(FleetEvent::Kind::kFirstToken);
  if (sequence.generated == sequence.request.generate) emit(FleetEvent::Kind::kFinished);
}

void Replica::FinishIteration(std::vector<FleetEvent>* out) {
  PENSTOCK_CHECK(iteration_end_ != Instant::Max());
  for (Sequence& sequence : running_) FinishStep(sequence, out);
  std::erase_if(running_, [](const Sequence& s) { return s.generated == s.request.generate; });
  busy_ += iteration_end_ - iteration_start_;
  StartIteration(iteration_end_);
}

}  // namespace penstock::sim
