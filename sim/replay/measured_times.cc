#include "sim/replay/measured_times.h"

#include <algorithm>

#include "admission/vocabulary/check.h"

namespace penstock::sim {

void MeasuredTimes::Submit(const FleetRequest& request, Instant now) {
  PENSTOCK_CHECK(request.number < times_->size());
  const MeasuredTime& took = (*times_)[request.number];
  PENSTOCK_CHECK(took.end >= Duration::Zero() && took.first_token.value_or(took.end) <= took.end);
  const Instant first = now + took.first_token.value_or(took.end);
  const Instant end = now + took.end;
  const bool is_new = running_.emplace(request.id, Running{++submitted_, first, end, request.generate}).second;
  PENSTOCK_CHECK(is_new);
  if (took.first_token) {
    events_.Push(first, {{FleetEvent::Kind::kFirstToken, request.id, first, Tokens(1)}, submitted_});
  }
  events_.Push(end, {{FleetEvent::Kind::kFinished, request.id, end, request.generate}, submitted_});
}

std::optional<Tokens> MeasuredTimes::Cancel(uint64_t id, Instant now) {
  const auto found = running_.find(id);
  if (found == running_.end()) return std::nullopt;
  const Running request = found->second;
  running_.erase(found);
  if (now < request.first_token) return Tokens::Zero();
  if (request.end <= request.first_token) return request.generate;
  const Int128 made = Int128{request.generate.count()} * (now - request.first_token).count() /
                      (request.end - request.first_token).count();
  return std::min(Tokens(static_cast<int64_t>(made)), request.generate);
}

void MeasuredTimes::AdvanceTo(Instant now, std::vector<FleetEvent>* out) {
  while (events_.NextTime() <= now) {
    const Due due = events_.Pop();
    const auto found = running_.find(due.event.id);
    if (found == running_.end() || found->second.number != due.number) continue;
    out->push_back(due.event);
    if (due.event.kind == FleetEvent::Kind::kFinished) running_.erase(found);
  }
}

}  // namespace penstock::sim
