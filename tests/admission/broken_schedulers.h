// Schedulers that are wrong in one way each, so that every property check can be seen to fail.
#pragma once

#include <algorithm>
#include <map>
#include <utility>

#include "admission/fair_scheduler.h"
#include "tests/admission/fifo_scheduler.h"

namespace penstock::admission {

/// The highest class first, whatever its weight, first in first out inside it; contracts are a class like any other.
class StrictPriorityScheduler final : public FifoScheduler {
 public:
  using FifoScheduler::FifoScheduler;

 private:
  LinePlace FirstThatMay(Instant now) override {
    LinePlace first = line_.end();
    for (LinePlace each = line_.begin(); each != line_.end(); ++each) {
      if (each->second.deadline <= now || IsBlocked(each->second.share_class)) continue;
      if (first == line_.end() || each->second.share_class > first->second.share_class) first = each;
    }
    return first;
  }
};

/// Fair queueing among tenants without the lift: who idled finds the credit of all that time.
class UnliftedScheduler final : public FifoScheduler {
 public:
  using FifoScheduler::FifoScheduler;

 private:
  LinePlace FirstThatMay(Instant now) override {
    LinePlace first = line_.end();
    for (LinePlace each = line_.begin(); each != line_.end(); ++each) {
      if (each->second.deadline <= now || IsBlocked(each->second.share_class)) continue;
      if (first == line_.end() || tag_[each->second.tenant] < tag_[first->second.tenant]) first = each;
    }
    return first;
  }
  void Started(const Offer& offer) override { tag_[offer.tenant] += offer.work.count() * 1'000 / offer.tenant_weight; }

  std::map<TenantId, int64_t> tag_;
};

/// The real one, to whom nobody tells what was used.
class UntruedScheduler final : public Scheduler {
 public:
  UntruedScheduler(const PoolTerms& terms, Instant now) : real_(terms, now) {}

  void SetTerms(const PoolTerms& terms, Instant now) override { real_.SetTerms(terms, now); }
  ContractId AddContract(const ContractTerms& terms, Instant now) override { return real_.AddContract(terms, now); }
  void SetContract(ContractId id, const ContractTerms& terms, Instant now) override {
    real_.SetContract(id, terms, now);
  }
  void RemoveContract(ContractId id, Instant now) override { real_.RemoveContract(id, now); }
  Enqueued Enqueue(const Offer& offer, Instant now) override { return real_.Enqueue(offer, now); }
  bool Cancel(WaitingId id, Instant now) override { return real_.Cancel(id, now); }
  std::optional<Dispatch> PopDispatch(Instant now) override { return real_.PopDispatch(now); }
  std::optional<Departure> PopDeparture(Instant now) override { return real_.PopDeparture(now); }
  void TrueUp(Charge&, Work, const PackedCounts&, int64_t, Instant) override {}
  void Release(const Charge& charge, Instant now) override { real_.Release(charge, now); }
  void OccupySlot(const Charge& charge, Instant now) override { real_.OccupySlot(charge, now); }
  Instant NextWake(Instant now) override { return real_.NextWake(now); }
  Standing StandingOf(ServiceClass share_class) const override { return real_.StandingOf(share_class); }
  int64_t InFlight() const override { return real_.InFlight(); }
  int64_t KvInUse() const override { return real_.KvInUse(); }
  Gate GateOf(ServiceClass share_class, Instant now) override { return real_.GateOf(share_class, now); }
  Duration ForecastWait(const Offer& offer, Work promised, Instant now) override {
    return real_.ForecastWait(offer, promised, now);
  }
  void CheckInvariants() const override { real_.CheckInvariants(); }

 private:
  FairScheduler real_;
};

}  // namespace penstock::admission
