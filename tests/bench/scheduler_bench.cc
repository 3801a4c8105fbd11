// What the scheduler costs: one dispatch and one arrival of a random flow while n flows are backlogged, waking a flow
// that was idle, and bytes kept.
//
//   BareHeap        the ceiling: a textbook 4-ary heap of (integer tag, flow), nothing else
//   WeightsOnly     the share law over the scheduler's heap, nothing else; x_bare is its time over the bare heap's
//   Shares          FairScheduler, all levels and gates, no contracts
//   SharesExpected  the same, the owner having said of each arrival that it comes (Scheduler::Expect)
//   Contracts       as Shares, every tenth tenant with a contract
//   Keys            n keys of one tenant
//   WakeIdle        an arrival of a tenant of which nobody waits, and its cancellation, among n that are backlogged
//   Memory          bytes a waiting request and an idle tenant keep
// For comparison, the public dmclock takes 0.36 us at 1k clients, 3.2 at 100k, 6.1 at 1M (add_request + pull_request).
#include <benchmark/benchmark.h>

#include <cstdint>
#include <ctime>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "admission/fair_scheduler.h"

namespace penstock::admission {
namespace {

constexpr Instant kStart{1'700'000'000'000'000'000};

/// Textbook: each entry's position is known, so that any flow's tag can change.
class BareHeap {
 public:
  explicit BareHeap(size_t flows) : position_(flows) {}
  std::pair<int64_t, uint32_t> Top() const { return entries_.front(); }
  void Push(uint32_t flow, int64_t tag) {
    entries_.emplace_back();
    Up(entries_.size() - 1, {tag, flow});
  }
  void PopTop() {
    const auto last = entries_.back();
    entries_.pop_back();
    if (!entries_.empty()) Down(0, last);
  }

 private:
  using Entry = std::pair<int64_t, uint32_t>;
  void Put(size_t at, const Entry& entry) {
    entries_[at] = entry;
    position_[entry.second] = static_cast<uint32_t>(at);
  }
  void Up(size_t at, Entry entry) {
    for (; at > 0 && entry < entries_[(at - 1) / 4]; at = (at - 1) / 4) Put(at, entries_[(at - 1) / 4]);
    Put(at, entry);
  }
  void Down(size_t at, Entry entry) {
    for (size_t first = 4 * at + 1; first < entries_.size(); first = 4 * at + 1) {
      size_t least = first;
      for (size_t i = first + 1; i < first + 4 && i < entries_.size(); ++i) {
        if (entries_[i] < entries_[least]) least = i;
      }
      if (!(entries_[least] < entry)) break;
      Put(at, entries_[least]);
      at = least;
    }
    Put(at, entry);
  }
  std::vector<Entry> entries_;
  std::vector<uint32_t> position_;
};

/// Work and flow of the coming arrivals, so that the dice are not measured.
struct Arrival {
  uint32_t flow;
  int64_t work;
};

std::vector<Arrival> Arrivals(int64_t flows) {
  std::mt19937_64 dice(7);
  std::vector<Arrival> arrivals(1 << 20);
  for (Arrival& arrival : arrivals) {
    arrival.flow = static_cast<uint32_t>(dice() % static_cast<uint64_t>(flows));
    arrival.work = static_cast<int64_t>(1'000 + dice() % 1'000'000);
  }
  return arrivals;
}

/// Nanoseconds an iteration of the bare heap took, by flows.
std::map<int64_t, double>& BareTimes() {
  static std::map<int64_t, double> times;
  return times;
}

/// Processor time, so that neighbours on the machine count for little.
class Stopwatch {
 public:
  double NanosecondsPer(int64_t iterations) const {
    return static_cast<double>(std::clock() - start_) * (1e9 / CLOCKS_PER_SEC) / static_cast<double>(iterations);
  }

 private:
  std::clock_t start_ = std::clock();
};

void BM_BareHeap(benchmark::State& state) {
  BareHeap heap(static_cast<size_t>(state.range(0)));
  const std::vector<Arrival> arrivals = Arrivals(state.range(0));
  for (uint32_t flow = 0; flow < state.range(0); ++flow) {
    heap.Push(flow, arrivals[flow % arrivals.size()].work);
  }
  size_t next = 0;
  const Stopwatch watch;
  for (auto _ : state) {
    const auto [tag, flow] = heap.Top();
    heap.PopTop();
    heap.Push(flow, tag + arrivals[next++ % arrivals.size()].work);
  }
  BareTimes()[state.range(0)] = watch.NanosecondsPer(static_cast<int64_t>(state.iterations()));
}

/// The share law over the scheduler's own heap: weights, nothing else.
void BM_WeightsOnly(benchmark::State& state) {
  const int64_t flows = state.range(0);
  const std::vector<Arrival> arrivals = Arrivals(flows);
  std::vector<ShareFlow> shares(static_cast<size_t>(flows));
  VirtualTime time;
  uint64_t stays = 0;
  TaggedHeap heap;
  for (uint32_t flow = 0; flow < flows; ++flow) {
    shares[flow].weight = static_cast<int32_t>(1 + flow % 7);
    time.Lift(shares[flow], stays);
    heap.Push(flow, static_cast<Tag>(arrivals[flow % arrivals.size()].work) * kTagScale);
  }
  size_t next = 0;
  const Stopwatch watch;
  for (auto _ : state) {
    const uint32_t flow = heap.Top();
    time.Follow(shares[flow].tag());
    ChargeFlow(shares[flow], Work(arrivals[next++ % arrivals.size()].work));
    heap.Update(flow, shares[flow].tag());
  }
  const double bare = BareTimes()[flows];
  if (bare > 0) state.counters["x_bare"] = watch.NanosecondsPer(static_cast<int64_t>(state.iterations())) / bare;
}

PoolTerms Terms() {
  PoolTerms terms;
  terms.capacity = WorkPerSecond(1'000'000'000'000'000);
  terms.burst = Work(1'000'000'000'000'000);
  terms.max_in_flight = 1'000;
  terms.kv_tokens = 1'000'000'000;
  for (ClassTerms& each : terms.classes) each.max_waiting = 10'000'000;
  return terms;
}

Offer OfferOf(uint32_t flow, int64_t work, Instant now) {
  Offer offer;
  offer.request = flow;
  offer.tenant = TenantId{flow + 1};
  offer.key = KeyId{flow + 1};
  offer.tenant_weight = static_cast<int32_t>(1 + flow % 7);
  offer.work = Work(work);
  offer.kv_tokens = 1'000;
  offer.deadline = now + Hours(1);
  return offer;
}

enum class Mix { kShares, kExpected, kContracts, kKeys };

Offer MixedOffer(Mix mix, uint32_t flow, int64_t work, Instant now) {
  Offer offer = OfferOf(flow, work, now);
  if (mix == Mix::kContracts && flow % 10 == 0) offer.reserved = true;
  if (mix == Mix::kContracts && flow % 10 == 0) offer.share_class = ServiceClass::kSpillover;
  if (mix == Mix::kKeys) offer.tenant = TenantId{1};
  return offer;
}

void RunScheduler(benchmark::State& state, Mix mix) {
  FairScheduler scheduler(Terms(), kStart);
  const std::vector<Arrival> arrivals = Arrivals(state.range(0));
  for (uint32_t flow = 0; flow < state.range(0); ++flow) {
    if (mix == Mix::kContracts && flow % 10 == 0) {
      const RateTerms rate{.quantity = 1'000'000, .period = Seconds(1), .burst = 10'000'000};
      scheduler.AddContract({.tenant = TenantId{flow + 1}, .kind = std::nullopt, .rate = rate}, kStart);
    }
    scheduler.Enqueue(MixedOffer(mix, flow, arrivals[flow % arrivals.size()].work, kStart), kStart);
  }
  size_t next = 0;
  Instant now = kStart;
  const auto step = [&] {
    now = now + Microseconds(1);
    if (mix == Mix::kExpected) {
      scheduler.Expect(TenantId{arrivals[next % arrivals.size()].flow + 1}, ServiceClass::kDefault);
    }
    const std::optional<Dispatch> dispatch = scheduler.PopDispatch(now);
    benchmark::DoNotOptimize(dispatch);
    if (dispatch) scheduler.Release(dispatch->charge, now);
    const Arrival& arrival = arrivals[next++ % arrivals.size()];
    scheduler.Enqueue(MixedOffer(mix, arrival.flow, arrival.work, now), now);
  };
  for (int64_t i = 0; i < state.range(0); ++i) step();  // into the steady state
  const Stopwatch watch;
  for (auto _ : state) step();
  const double bare = BareTimes()[state.range(0)];
  if (bare > 0) state.counters["x_bare"] = watch.NanosecondsPer(static_cast<int64_t>(state.iterations())) / bare;
}

void BM_Shares(benchmark::State& state) { RunScheduler(state, Mix::kShares); }
void BM_SharesExpected(benchmark::State& state) { RunScheduler(state, Mix::kExpected); }
void BM_Contracts(benchmark::State& state) { RunScheduler(state, Mix::kContracts); }
void BM_Keys(benchmark::State& state) { RunScheduler(state, Mix::kKeys); }

void BM_WakeIdle(benchmark::State& state) {
  FairScheduler scheduler(Terms(), kStart);
  const int64_t flows = state.range(0);
  const std::vector<Arrival> arrivals = Arrivals(flows);
  for (uint32_t flow = 0; flow < flows; ++flow) {
    scheduler.Enqueue(OfferOf(flow, 1'000 + flow, kStart), kStart);
  }
  size_t next = 0;
  for (auto _ : state) {
    const uint32_t idle = static_cast<uint32_t>(flows) + arrivals[next++ % arrivals.size()].flow;
    const Enqueued enqueued = scheduler.Enqueue(OfferOf(idle, 1'000, kStart), kStart);
    benchmark::DoNotOptimize(scheduler.Cancel(enqueued.id, kStart));
  }
}

void BM_Memory(benchmark::State& state) {
  const int64_t flows = state.range(0);
  for (auto _ : state) {
    FairScheduler scheduler(Terms(), kStart);
    PoolTerms wide = Terms();
    wide.max_in_flight = flows;
    scheduler.SetTerms(wide, kStart);
    for (uint32_t flow = 0; flow < flows; ++flow) scheduler.Enqueue(OfferOf(flow, 1'000, kStart), kStart);
    const FairScheduler::Memory memory = scheduler.MemoryBytes();
    const auto per_flow = [&](size_t bytes) { return static_cast<double>(bytes) / static_cast<double>(flows); };
    state.counters["place"] = per_flow(memory.places);
    state.counters["deadline"] = per_flow(memory.deadlines);
    state.counters["request"] = per_flow(memory.places + memory.deadlines);
    state.counters["tenant"] = per_flow(memory.flows);
  }
}

BENCHMARK(BM_BareHeap)->Arg(10)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(BM_WeightsOnly)->Arg(10)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(BM_Shares)->Arg(10)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(BM_SharesExpected)->Arg(10)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(BM_Contracts)->Arg(10)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(BM_Keys)->Arg(10)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(BM_WakeIdle)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(BM_Memory)->Arg(1'000)->Arg(100'000)->Arg(1'000'000)->Iterations(1);

}  // namespace
}  // namespace penstock::admission
