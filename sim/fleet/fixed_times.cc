#include "sim/fleet/fixed_times.h"

#include <algorithm>

#include "admission/vocabulary/check.h"

namespace penstock::sim {

void FixedTimes::Submit(const FleetRequest& request, Instant now) {
  PENSTOCK_CHECK(request.generate > Tokens::Zero());
  if (!begin_) begin_ = now;
  if (running_.empty()) busy_since_ = now;
  const Instant first = now + times_.start + times_.per_input_token * request.input.count();
  const Instant end = first + times_.per_output_token * (request.generate.count() - 1);
  const bool is_new = running_.emplace(request.id, Running{++submitted_, first, request.generate}).second;
  PENSTOCK_CHECK(is_new);
  events_.Push(first, {{FleetEvent::Kind::kFirstToken, request.id, first, Tokens(1)}, submitted_});
  events_.Push(end, {{FleetEvent::Kind::kFinished, request.id, end, request.generate}, submitted_});
}

std::optional<Tokens> FixedTimes::Cancel(uint64_t id, Instant now) {
  const auto found = running_.find(id);
  if (found == running_.end()) return std::nullopt;
  const Running request = found->second;
  running_.erase(found);
  if (running_.empty()) busy_ += now - busy_since_;
  if (now < request.first_token) return Tokens::Zero();
  if (times_.per_output_token <= Duration::Zero()) return request.generate;
  const int64_t after = (now - request.first_token).count() / times_.per_output_token.count();
  return std::min(Tokens(1 + after), request.generate);
}

void FixedTimes::AdvanceTo(Instant now, std::vector<FleetEvent>* out) {
  while (events_.NextTime() <= now) {
    const Due due = events_.Pop();
    const auto found = running_.find(due.event.id);
    if (found == running_.end() || found->second.number != due.number) continue;
    last_ = due.event.at;
    out->push_back(due.event);
    if (due.event.kind != FleetEvent::Kind::kFinished) continue;
    running_.erase(found);
    if (running_.empty()) busy_ += due.event.at - busy_since_;
  }
}

double FixedTimes::BusyFraction() const {
  if (!begin_ || last_ <= *begin_) return 0;
  const Duration busy = running_.empty() ? busy_ : busy_ + (last_ - std::min(busy_since_, last_));
  return static_cast<double>(busy.count()) / static_cast<double>((last_ - *begin_).count());
}

}  // namespace penstock::sim
