#include "sim/fleet/fleet.h"

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

size_t CountOf(int replicas) {
  PENSTOCK_CHECK(replicas > 0);
  return static_cast<size_t>(replicas);
}

}  // namespace

Fleet::Fleet(const FleetTerms& terms, Instant start)
    : terms_(terms.replica),
      replicas_(CountOf(terms.replicas), Replica(terms.replica)),
      next_end_(replicas_.size(), Instant::Max(), Instant::Max()),
      load_(replicas_.size(), 0, INT64_MAX),
      counted_from_(start),
      now_(start) {}

template <class Change>
void Fleet::Changing(size_t index, Change change) {
  Replica& replica = replicas_[index];
  running_ -= replica.running();
  waiting_ -= replica.waiting();
  change(replica);
  running_ += replica.running();
  waiting_ += replica.waiting();
  if (next_end_[index] != replica.iteration_end()) next_end_.Set(index, replica.iteration_end());
  const int64_t load = replica.running() + replica.waiting();
  if (load_[index] != load) load_.Set(index, load);
}

void Fleet::Route(const FleetRequest& request, Tokens delivered) {
  const size_t index = load_.least();
  Changing(index, [&](Replica& replica) { place_of_[request.id] = {index, replica.Submit(request, delivered, now_)}; });
}

void Fleet::Submit(const FleetRequest& request, Instant now) {
  BringTo(now);
  PENSTOCK_CHECK(!place_of_.contains(request.id));
  Route(request, Tokens::Zero());
}

std::optional<Tokens> Fleet::Cancel(uint64_t id, Instant now) {
  BringTo(now);
  const auto found = place_of_.find(id);
  if (found == place_of_.end()) return std::nullopt;
  const Place place = found->second;
  place_of_.erase(found);
  Tokens generated;
  Changing(place.replica, [&](Replica& replica) { generated = replica.Cancel(place.handle); });
  return generated;
}

std::vector<Replica::Restart> Fleet::Retire(size_t from) {
  std::vector<Replica::Restart> restarts;
  for (size_t i = from; i < replicas_.size(); ++i) {
    const Replica& replica = replicas_[i];
    for (Replica::Restart& restart : replica.TakeAll()) restarts.push_back(std::move(restart));
    running_ -= replica.running();
    waiting_ -= replica.waiting();
    retired_busy_ += replica.BusyTime(now_);
  }
  return restarts;
}

void Fleet::SetReplicas(int replicas, Instant now) {
  BringTo(now);
  replica_time_ += (now - counted_from_) * static_cast<int64_t>(replicas_.size());
  counted_from_ = now;
  const size_t count = CountOf(replicas);
  const std::vector<Replica::Restart> restarts = Retire(count);
  replicas_.resize(count, Replica(terms_));
  next_end_.Resize(count, Instant::Max());
  load_.Resize(count, 0);
  for (const Replica::Restart& restart : restarts) Route(restart.request, restart.delivered);
}

Instant Fleet::NextEvent() const {
  return undelivered_.empty() ? next_end_[next_end_.least()] : undelivered_.front().at;
}

void Fleet::AdvanceTo(Instant now, std::vector<FleetEvent>* out) {
  BringTo(now);
  out->insert(out->end(), undelivered_.begin(), undelivered_.end());
  undelivered_.clear();
}

std::optional<Tokens> Fleet::GeneratedSoFar(uint64_t id) const {
  const auto found = place_of_.find(id);
  if (found == place_of_.end()) return std::nullopt;
  return replicas_[found->second.replica].Generated(found->second.handle);
}

double Fleet::BusyFraction() const {
  const Duration replica_time = replica_time_ + (now_ - counted_from_) * static_cast<int64_t>(replicas_.size());
  if (replica_time == Duration::Zero()) return 0;
  Duration busy = retired_busy_;
  for (const Replica& replica : replicas_) busy += replica.BusyTime(now_);
  return static_cast<double>(busy.count()) / static_cast<double>(replica_time.count());
}

int64_t Fleet::Preemptions() const {
  int64_t sum = 0;
  for (const Replica& replica : replicas_) sum += replica.preemptions();
  return sum;
}

void Fleet::BringTo(Instant now) {
  PENSTOCK_CHECK(now >= now_ && now < Instant::Max());
  for (size_t next = next_end_.least(); next_end_[next] <= now; next = next_end_.least()) {
    const size_t before = undelivered_.size();
    Changing(next, [&](Replica& replica) { replica.FinishIteration(&undelivered_); });
    ++iterations_;
    for (size_t i = before; i < undelivered_.size(); ++i) {
      if (undelivered_[i].kind == FleetEvent::Kind::kFinished) place_of_.erase(undelivered_[i].id);
    }
  }
  now_ = now;
}

}  // namespace penstock::sim
