// One first-in-first-out line over everything: no weights, no contracts, the same gates. Deliberately unfair, for tests
// that must be able to fail: what holds with FairScheduler and not with this one is what fair queueing is good for.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "admission/scheduler.h"

namespace penstock::admission {

class FifoScheduler : public Scheduler {
 public:
  FifoScheduler(const PoolTerms& terms, Instant now) { SetTerms(terms, now); }

  void SetTerms(const PoolTerms& terms, Instant now) override {
    terms_ = terms;
    pace_.SetTerms({.quantity = terms.capacity.count(), .period = Seconds(1), .burst = terms.burst.count()}, now);
  }
  ContractId AddContract(const ContractTerms&, Instant) override { return ++last_contract_; }
  void SetContract(ContractId, const ContractTerms&, Instant) override {}
  void RemoveContract(ContractId, Instant) override {}

  Enqueued Enqueue(const Offer& offer, Instant now) override {
    Offer standing = offer;
    if (standing.reserved) standing.share_class = ServiceClass::kSpillover;
    const size_t c = IndexOf(standing.share_class);
    if (terms_.kv_tokens > 0 && offer.kv_tokens > terms_.kv_tokens) {
      return Enqueued{.id = 0, .refusal = EnqueueRefusal::kTooLarge, .retry_after = Milliseconds(1)};
    }
    if (sums_[c].waiting >= terms_.classes[c].max_waiting * (offer.promised ? 2 : 1)) {
      const Duration again = std::max(ForecastWait(offer, Work::Zero(), now), Milliseconds(1));
      return Enqueued{.id = 0, .refusal = EnqueueRefusal::kQueueFull, .retry_after = again};
    }
    line_.emplace(++last_id_, standing);
    deadlines_.emplace(standing.deadline, last_id_);
    ++sums_[c].waiting;
    sums_[c].waiting_work += standing.work;
    return Enqueued{.id = last_id_, .refusal = std::nullopt, .retry_after = Duration::Zero()};
  }

  bool Cancel(WaitingId id, Instant) override {
    const auto found = line_.find(id);
    if (found == line_.end()) return false;
    Remove(found);
    return true;
  }

  std::optional<Dispatch> PopDispatch(Instant now) override {
    const auto first = FirstThatMay(now);
    if (in_flight_ >= terms_.max_in_flight || first == line_.end()) return std::nullopt;
    const Offer offer = first->second;
    if (!KvIsFree(offer) || pace_.WaitFor(offer.work.count(), now) > Duration::Zero()) return std::nullopt;
    Started(offer);
    Remove(first);
    kv_in_use_ += offer.kv_tokens;
    pace_.Take(offer.work.count(), now);
    ++in_flight_;
    ++sums_[IndexOf(offer.share_class)].in_flight;
    Dispatch dispatch;
    dispatch.request = offer.request;
    dispatch.charge.tenant = offer.tenant;
    dispatch.charge.key = offer.key;
    dispatch.charge.served = offer.share_class;
    dispatch.charge.work = offer.work;
    dispatch.charge.kv_tokens = offer.kv_tokens;
    dispatch.charge.paced = true;
    return dispatch;
  }

  std::optional<Departure> PopDeparture(Instant now) override {
    if (deadlines_.empty() || deadlines_.begin()->first > now) return std::nullopt;
    const auto found = line_.find(deadlines_.begin()->second);
    const uint64_t request = found->second.request;
    Remove(found);
    return Departure{.request = request, .why = Departure::Why::kDeadline};
  }

  void TrueUp(Charge& charge, Work work, const PackedCounts&, int64_t kv_tokens, Instant now) override {
    if (charge.paced || work > charge.work) pace_.Adjust((work - charge.work).count(), now);
    charge.work = work;
    kv_in_use_ += kv_tokens - charge.kv_tokens;
    charge.kv_tokens = kv_tokens;
  }

  void Release(const Charge& charge, Instant) override {
    PENSTOCK_CHECK(in_flight_ > 0 && sums_[IndexOf(charge.served)].in_flight > 0);
    --in_flight_;
    kv_in_use_ -= charge.kv_tokens;
    --sums_[IndexOf(charge.served)].in_flight;
  }

  void OccupySlot(const Charge& charge, Instant) override {
    ++in_flight_;
    kv_in_use_ += charge.kv_tokens;
    ++sums_[IndexOf(charge.served)].in_flight;
  }

  Instant NextWake(Instant now) override {
    Instant wake = deadlines_.empty() ? Instant::Max() : deadlines_.begin()->first;
    const auto first = FirstThatMay(now);
    if (in_flight_ < terms_.max_in_flight && first != line_.end() && KvIsFree(first->second)) {
      wake = std::min(wake, now + pace_.WaitFor(first->second.work.count(), now));
    }
    return std::max(wake, now);
  }

  Standing StandingOf(ServiceClass share_class) const override { return sums_[IndexOf(share_class)]; }
  int64_t InFlight() const override { return in_flight_; }
  int64_t KvInUse() const override { return kv_in_use_; }

  Gate GateOf(ServiceClass share_class, Instant now) override {
    if (sums_[IndexOf(share_class)].waiting == 0) return Gate::kOpen;
    if (in_flight_ >= terms_.max_in_flight) return Gate::kSlots;
    if (IsBlocked(share_class)) return Gate::kClassCap;
    const Offer& first = FirstThatMay(now)->second;
    if (first.share_class != share_class) return Gate::kOthersFirst;
    if (!KvIsFree(first)) return Gate::kKvTokens;
    return pace_.WaitFor(first.work.count(), now) > Duration::Zero() ? Gate::kPace : Gate::kOpen;
  }

  Duration ForecastWait(const Offer& offer, Work promised, Instant now) override {
    Work ahead = promised;
    for (const Standing& sum : sums_) ahead += sum.waiting_work;
    return std::max(TimeForRoundUp(ahead, terms_.capacity), pace_.WaitFor(offer.work.count(), now));
  }

  void CheckInvariants() const override {
    int64_t waiting = 0;
    int64_t in_flight = 0;
    for (const Standing& sum : sums_) {
      waiting += sum.waiting;
      in_flight += sum.in_flight;
    }
    PENSTOCK_CHECK(static_cast<size_t>(waiting) == line_.size() && line_.size() == deadlines_.size());
    PENSTOCK_CHECK(in_flight == in_flight_);
  }

 protected:
  using LinePlace = std::map<WaitingId, Offer>::iterator;

  static size_t IndexOf(ServiceClass c) { return static_cast<size_t>(c); }

  bool IsBlocked(ServiceClass c) const {
    const ClassTerms& terms = terms_.classes[IndexOf(c)];
    const bool at_cap = terms.max_in_flight > 0 && sums_[IndexOf(c)].in_flight >= terms.max_in_flight;
    return at_cap || in_flight_ + terms.holdback_slots >= terms_.max_in_flight;
  }

  virtual void Started(const Offer&) {}

  bool KvIsFree(const Offer& offer) const {
    return terms_.kv_tokens == 0 || kv_in_use_ + offer.kv_tokens <= terms_.kv_tokens;
  }

  /// The first that is not expired and whose class is not blocked.
  virtual LinePlace FirstThatMay(Instant now) {
    return std::find_if(line_.begin(), line_.end(), [&](const auto& waiting) {
      return waiting.second.deadline > now && !IsBlocked(waiting.second.share_class);
    });
  }

  void Remove(LinePlace place) {
    Standing& sum = sums_[IndexOf(place->second.share_class)];
    --sum.waiting;
    sum.waiting_work -= place->second.work;
    deadlines_.erase({place->second.deadline, place->first});
    line_.erase(place);
  }

  PoolTerms terms_;
  LeakyLevel pace_;
  ContractId last_contract_ = 0;
  WaitingId last_id_ = 0;
  std::map<WaitingId, Offer> line_;
  std::set<std::pair<Instant, WaitingId>> deadlines_;
  std::array<Standing, kServiceClassCount> sums_;
  int64_t in_flight_ = 0;
  int64_t kv_in_use_ = 0;
};

}  // namespace penstock::admission
