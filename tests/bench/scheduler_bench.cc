// One dispatch and one arrival of a random flow, with n flows backlogged: FairScheduler beside its ceiling, a bare
// 4-ary heap with integer tags in the same binary.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <vector>

#include "admission/fair_scheduler.h"
#include "admission/tagged_heap.h"

namespace penstock::admission {
namespace {

constexpr Instant kStart{1'700'000'000'000'000'000};

/// Work and flow of the coming arrivals, so that the dice are not measured.
struct Arrival {
  uint32_t flow;
  int64_t work;
};

std::vector<Arrival> Arrivals(int64_t flows) {
  std::mt19937_64 dice(7);
  std::vector<Arrival> arrivals(1 << 16);
  for (Arrival& arrival : arrivals) {
    arrival.flow = static_cast<uint32_t>(dice() % static_cast<uint64_t>(flows));
    arrival.work = static_cast<int64_t>(1'000 + dice() % 1'000'000);
  }
  return arrivals;
}

Offer OfferOf(uint32_t flow, int64_t work) {
  Offer offer;
  offer.request = flow;
  offer.tenant = TenantId{flow + 1};
  offer.tenant_weight = 1 + flow % 7;
  offer.work = Work(work);
  offer.deadline = kStart + Hours(1) + Nanoseconds(work);
  return offer;
}

void BM_FairScheduler(benchmark::State& state) {
  PoolTerms terms;
  terms.capacity = WorkPerSecond(1'000'000'000'000'000);
  terms.burst = Work(1'000'000'000'000'000);
  terms.max_in_flight = 1'000;
  for (ClassTerms& each : terms.classes) each.max_waiting = 10'000'000;
  FairScheduler scheduler(terms, kStart);
  const std::vector<Arrival> arrivals = Arrivals(state.range(0));
  for (uint32_t flow = 0; flow < state.range(0); ++flow) scheduler.Enqueue(OfferOf(flow, 1'000 + flow), kStart);
  size_t next = 0;
  Instant now = kStart;
  for (auto _ : state) {
    now = now + Microseconds(1);
    const std::optional<Dispatch> dispatch = scheduler.PopDispatch(now);
    benchmark::DoNotOptimize(dispatch);
    if (dispatch) scheduler.Release(dispatch->charge, now);
    const Arrival& arrival = arrivals[next++ % arrivals.size()];
    Offer offer = OfferOf(arrival.flow, arrival.work);
    offer.deadline = now + Hours(1);
    scheduler.Enqueue(offer, now);
  }
}
BENCHMARK(BM_FairScheduler)->Arg(10)->Arg(1'000)->Arg(100'000);

void BM_BareHeap(benchmark::State& state) {
  TaggedHeap<int64_t> heap;
  const std::vector<Arrival> arrivals = Arrivals(state.range(0));
  for (uint32_t flow = 0; flow < state.range(0); ++flow) heap.Push(flow, 1'000 + flow);
  size_t next = 0;
  for (auto _ : state) {
    const uint32_t flow = heap.Top();
    const int64_t tag = heap.TopKey();
    benchmark::DoNotOptimize(tag);
    heap.Remove(flow);
    heap.Push(flow, tag + arrivals[next++ % arrivals.size()].work);
  }
}
BENCHMARK(BM_BareHeap)->Arg(10)->Arg(1'000)->Arg(100'000);

}  // namespace
}  // namespace penstock::admission
