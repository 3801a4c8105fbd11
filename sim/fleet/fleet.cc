#include "sim/fleet/fleet.h"

#include <algorithm>

#include "admission/vocabulary/check.h"

namespace penstock::sim {

Fleet::Fleet(const FleetTerms& terms, Instant start) : start_(start), now_(start) {
  PENSTOCK_CHECK(terms.replicas > 0);
  replicas_.assign(static_cast<size_t>(terms.replicas), Replica(terms.replica));
}

void Fleet::Submit(const FleetRequest& request, Instant now) {
  BringTo(now);
  const size_t index = LeastLoaded();
  const bool is_new = replica_of_.emplace(request.id, index).second;
  PENSTOCK_CHECK(is_new);
  replicas_[index].Submit(request, now);
}

std::optional<Tokens> Fleet::Cancel(uint64_t id, Instant now) {
  BringTo(now);
  const auto found = replica_of_.find(id);
  if (found == replica_of_.end()) return std::nullopt;
  const std::optional<Tokens> generated = replicas_[found->second].Cancel(id);
  PENSTOCK_CHECK(generated.has_value());
  replica_of_.erase(found);
  return generated;
}

Instant Fleet::NextEvent() const {
  return undelivered_.empty() ? replicas_[NextReplica()].iteration_end() : undelivered_.front().at;
}

void Fleet::AdvanceTo(Instant now, std::vector<FleetEvent>* out) {
  BringTo(now);
  out->insert(out->end(), undelivered_.begin(), undelivered_.end());
  undelivered_.clear();
}

std::optional<Tokens> Fleet::GeneratedSoFar(uint64_t id) const {
  const auto found = replica_of_.find(id);
  if (found == replica_of_.end()) return std::nullopt;
  return replicas_[found->second].Generated(id);
}

int64_t Fleet::running() const {
  int64_t sum = 0;
  for (const Replica& replica : replicas_) sum += replica.running();
  return sum;
}

int64_t Fleet::waiting() const {
  int64_t sum = 0;
  for (const Replica& replica : replicas_) sum += replica.waiting();
  return sum;
}

double Fleet::BusyFraction() const {
  if (now_ == start_) return 0;
  Duration busy;
  for (const Replica& replica : replicas_) busy += replica.BusyTime(now_);
  return static_cast<double>(busy.count()) /
         (static_cast<double>((now_ - start_).count()) * static_cast<double>(replicas_.size()));
}

size_t Fleet::LeastLoaded() const {
  const auto load = [](const Replica& replica) { return replica.running() + replica.waiting(); };
  const auto least = std::min_element(replicas_.begin(), replicas_.end(),
                                      [&](const Replica& a, const Replica& b) { return load(a) < load(b); });
  return static_cast<size_t>(least - replicas_.begin());
}

size_t Fleet::NextReplica() const {
  const auto next = std::min_element(replicas_.begin(), replicas_.end(), [](const Replica& a, const Replica& b) {
    return a.iteration_end() < b.iteration_end();
  });
  return static_cast<size_t>(next - replicas_.begin());
}

void Fleet::BringTo(Instant now) {
  PENSTOCK_CHECK(now >= now_ && now < Instant::Max());
  for (Replica* next = &replicas_[NextReplica()]; next->iteration_end() <= now; next = &replicas_[NextReplica()]) {
    const size_t before = undelivered_.size();
    next->FinishIteration(&undelivered_);
    for (size_t i = before; i < undelivered_.size(); ++i) {
      if (undelivered_[i].kind == FleetEvent::Kind::kFinished) replica_of_.erase(undelivered_[i].id);
    }
  }
  now_ = now;
}

}  // namespace penstock::sim
