// Drives a scheduler from sentences: offer, tick, dispatch, finish. Keeps the charges of what runs.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "admission/scheduler.h"

namespace penstock::admission {

/// A pool whose gates are open: everything waits for nothing but its turn.
inline PoolTerms OpenPool() {
  PoolTerms terms;
  terms.capacity = NormalizedTokensPerSecond(1'000'000'000);
  terms.burst = NormalizedTokens(1'000'000'000);
  terms.max_in_flight = 1'000'000;
  return terms;
}

/// A pool that runs one at a time and is never held up by pace: the order of dispatches is all there is.
inline PoolTerms OneAtATime() {
  PoolTerms terms = OpenPool();
  terms.max_in_flight = 1;
  return terms;
}

inline ClassTerms& Of(PoolTerms& terms, ServiceClass c) { return terms.classes[static_cast<size_t>(c)]; }

/// An offer of a tenant in a class; waits up to an hour.
inline Offer Ask(uint32_t tenant, int64_t nt, ServiceClass c = ServiceClass::kDefault, int64_t weight = 1) {
  Offer offer;
  offer.tenant = TenantId{tenant};
  offer.tenant_weight = static_cast<int32_t>(weight);
  offer.share_class = c;
  offer.work = NormalizedTokens(nt);
  return offer;
}

/// An offer that may go on its tenant's contracts.
inline Offer AskReserved(uint32_t tenant, int64_t nt) {
  Offer offer = Ask(tenant, nt, ServiceClass::kSpillover);
  offer.reserved = true;
  return offer;
}

/// The same offer under a key, or with KV tokens.
inline Offer Under(uint32_t key, Offer offer, int32_t weight = 1) {
  offer.key = KeyId{key};
  offer.key_weight = weight;
  return offer;
}
inline Offer WithKv(int64_t kv_tokens, Offer offer) {
  offer.kv_tokens = kv_tokens;
  return offer;
}

/// A contract of so many nt/s and a burst of so many nt.
inline ContractTerms Guarantee(uint32_t tenant, int64_t nt_per_s, int64_t burst_nt, Overrun overrun = Overrun::kSpill) {
  return ContractTerms{.tenant = TenantId{tenant},
                       .rate = {.quantity = nt_per_s * 1'000, .period = Seconds(1), .burst = burst_nt * 1'000},
                       .overrun = overrun};
}

template <class S>
class PoolDriver {
 public:
  explicit PoolDriver(const PoolTerms& terms) : scheduler(terms, now) {}

  /// Stands in line for an hour, or until the offer's own deadline. Requests are numbered from 1.
  Enqueued Enqueue(Offer offer) {
    offer.request = ++last_request;
    if (offer.deadline == Instant()) offer.deadline = now + Hours(1);
    const Enqueued enqueued = scheduler.Enqueue(offer, now);
    scheduler.CheckInvariants();
    return enqueued;
  }

  void EnqueueMany(int count, const Offer& offer) {
    for (int i = 0; i < count; ++i) Enqueue(offer);
  }

  void Tick(Duration d) { now = now + d; }

  /// The next dispatch, which then runs; request 0 when there is none.
  Dispatch Next() {
    const std::optional<Dispatch> dispatch = scheduler.PopDispatch(now);
    scheduler.CheckInvariants();
    if (!dispatch) return Dispatch{};
    running.emplace(dispatch->request, dispatch->charge);
    return *dispatch;
  }

  /// Everything that may go now, as request numbers.
  std::vector<uint64_t> Drain() {
    std::vector<uint64_t> requests;
    for (Dispatch dispatch = Next(); dispatch.request != 0; dispatch = Next()) requests.push_back(dispatch.request);
    return requests;
  }

  std::vector<uint64_t> Departed(Departure::Why why = Departure::Why::kDeadline) {
    std::vector<uint64_t> requests;
    while (const auto departure = scheduler.PopDeparture(now)) {
      if (departure->why == why) requests.push_back(departure->request);
    }
    scheduler.CheckInvariants();
    return requests;
  }

  /// The request ends, having used what was estimated, or so much.
  void Finish(uint64_t request) {
    scheduler.Release(running.at(request), now);
    running.erase(request);
    scheduler.CheckInvariants();
  }
  void TrueUp(uint64_t request, int64_t nt) {
    Charge& charge = running.at(request);
    scheduler.TrueUp(charge, NormalizedTokens(nt), PackedCounts(), charge.kv_tokens, now);
    scheduler.CheckInvariants();
  }
  void FinishHavingUsed(uint64_t request, int64_t nt) {
    TrueUp(request, nt);
    Finish(request);
  }

  /// Runs so many dispatches one after the other; how many each tenant got.
  std::map<uint32_t, int> Serve(int dispatches) {
    std::map<uint32_t, int> served;
    for (int i = 0; i < dispatches; ++i) {
      const Dispatch dispatch = Next();
      if (dispatch.request == 0) break;
      ++served[dispatch.charge.tenant.value];
      Finish(dispatch.request);
    }
    return served;
  }

  /// The tenants of the next dispatches in order, one letter each ('a' is tenant 1).
  std::string Order(int dispatches) {
    std::string order;
    for (int i = 0; i < dispatches; ++i) {
      const Dispatch dispatch = Next();
      if (dispatch.request == 0) break;
      order += static_cast<char>('a' + dispatch.charge.tenant.value - 1);
      Finish(dispatch.request);
    }
    return order;
  }

  Instant now{1'700'000'000'000'000'000};
  S scheduler;
  std::map<uint64_t, Charge> running;
  uint64_t last_request = 0;
};

}  // namespace penstock::admission
