#include "sim/fleet/fixed_times.h"

#include <algorithm>

#include "admission/vocabulary/check.h"

namespace penstock::sim {

void FixedTimes::Submit(const FleetRequest& request, Instant now) {
  PENSTOCK_CHECK(request.generate > Tokens::Zero());
  BringTo(now);
  if (open_.empty()) busy_since_ = now;
  const Instant first = now + terms_.start + terms_.per_input_token * request.input.count();
  const Instant last = first + terms_.per_output_token * (request.generate.count() - 1);
  const bool is_new = open_.emplace(request.id, Open{++submitted_, request.generate, first}).second;
  PENSTOCK_CHECK(is_new);
  due_.push({submitted_, {FleetEvent::Kind::kFirstToken, request.id, first, Tokens(1)}});
  due_.push({submitted_, {FleetEvent::Kind::kFinished, request.id, last, request.generate}});
}

Tokens FixedTimes::GeneratedBy(const Open& open, Instant now) const {
  if (now < open.first_token) return Tokens::Zero();
  if (terms_.per_output_token == Duration::Zero()) return open.generate;
  const int64_t later = DivideRoundDown((now - open.first_token).count(), terms_.per_output_token.count());
  return std::min(open.generate, Tokens(1 + later));
}

std::optional<Tokens> FixedTimes::Cancel(uint64_t id, Instant now) {
  BringTo(now);
  const auto found = open_.find(id);
  if (found == open_.end()) return std::nullopt;
  const Tokens generated = GeneratedBy(found->second, now);
  open_.erase(found);
  if (open_.empty()) busy_ += now - busy_since_;
  DropVoid();
  return generated;
}

void FixedTimes::SetReplicas(int replicas, Instant now) {
  PENSTOCK_CHECK(replicas > 0);
  BringTo(now);
}

Instant FixedTimes::NextEvent() const {
  if (!undelivered_.empty()) return undelivered_.front().at;
  return due_.empty() ? Instant::Max() : due_.top().event.at;
}

void FixedTimes::AdvanceTo(Instant now, std::vector<FleetEvent>* out) {
  BringTo(now);
  out->insert(out->end(), undelivered_.begin(), undelivered_.end());
  undelivered_.clear();
}

double FixedTimes::BusyFraction() const {
  if (now_ == start_) return 0;
  const Duration busy = open_.empty() ? busy_ : busy_ + (now_ - busy_since_);
  return static_cast<double>(busy.count()) / static_cast<double>((now_ - start_).count());
}

bool FixedTimes::IsVoid(const Due& due) const {
  const auto found = open_.find(due.event.id);
  return found == open_.end() || found->second.number != due.number;
}

void FixedTimes::DropVoid() {
  while (!due_.empty() && IsVoid(due_.top())) due_.pop();
}

void FixedTimes::BringTo(Instant now) {
  PENSTOCK_CHECK(now >= now_ && now < Instant::Max());
  for (; !due_.empty() && due_.top().event.at <= now; DropVoid()) {
    const FleetEvent event = due_.top().event;
    due_.pop();
    undelivered_.push_back(event);
    if (event.kind != FleetEvent::Kind::kFinished) continue;
    open_.erase(event.id);
    if (open_.empty()) busy_ += event.at - busy_since_;
  }
  now_ = now;
}

}  // namespace penstock::sim
