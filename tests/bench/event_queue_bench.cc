// The event queue of the simulator against heaps that compare: one pop and one push with so many events pending, and
// the bare loop of an M/M/1 queue (two events pending, draws included), in events a second.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "sim/event_queue.h"
#include "sim/random.h"
#include "tests/bench/single_server.h"

namespace penstock::sim {
namespace {

struct Event {
  uint32_t kind = 0;
  uint32_t subject = 0;
};

struct Entry {
  int64_t at = 0;
  uint64_t sequence = 0;
  Event event;
  friend bool operator>(const Entry& a, const Entry& b) { return a.at != b.at ? a.at > b.at : a.sequence > b.sequence; }
};

class BinaryHeap {
 public:
  void Push(Instant at, Event event) { heap_.push({at.nanoseconds_since_epoch(), ++pushed_, event}); }
  Instant NextTime() const { return heap_.empty() ? Instant::Max() : Instant(heap_.top().at); }
  Event Pop() {
    const Event event = heap_.top().event;
    heap_.pop();
    return event;
  }

 private:
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> heap_;
  uint64_t pushed_ = 0;
};

class FourAryHeap {
 public:
  void Push(Instant at, Event event) {
    const Entry entry{at.nanoseconds_since_epoch(), ++pushed_, event};
    size_t place = heap_.size();
    heap_.push_back(entry);
    for (; place > 0 && heap_[(place - 1) / 4] > entry; place = (place - 1) / 4) heap_[place] = heap_[(place - 1) / 4];
    heap_[place] = entry;
  }
  Instant NextTime() const { return heap_.empty() ? Instant::Max() : Instant(heap_.front().at); }
  Event Pop() {
    const Event event = heap_.front().event;
    const Entry last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) Sink(last);
    return event;
  }

 private:
  void Sink(const Entry& entry) {
    size_t place = 0;
    while (4 * place + 1 < heap_.size()) {
      const size_t first = 4 * place + 1;
      const size_t end = std::min(first + 4, heap_.size());
      size_t least = first;
      for (size_t child = first + 1; child < end; ++child) {
        if (heap_[least] > heap_[child]) least = child;
      }
      if (!(entry > heap_[least])) break;
      heap_[place] = heap_[least];
      place = least;
    }
    heap_[place] = entry;
  }

  std::vector<Entry> heap_;
  uint64_t pushed_ = 0;
};

/// So many pending for exponential times: pop the next, push another.
template <class Queue>
void PopAndPush(benchmark::State& state) {
  Random random(1);
  Queue queue;
  for (int64_t i = 0; i < state.range(0); ++i) queue.Push(Instant() + DrawDuration(random), {});
  std::vector<Duration> delays;
  for (int i = 0; i < 4096; ++i) delays.push_back(DrawDuration(random));
  size_t turn = 0;
  const auto step = [&] {
    const Instant now = queue.NextTime();
    queue.Push(now + delays[++turn % delays.size()], queue.Pop());
  };
  for (int64_t i = 0; i < 2 * state.range(0); ++i) step();
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations());
}

template <class Queue>
void BareLoop(benchmark::State& state) {
  SingleServer<Queue> server(1);
  for (auto _ : state) server.Step();
  state.counters["present"] = server.mean_present();
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(PopAndPush<EventQueue<Event>>)->Arg(2)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(PopAndPush<BinaryHeap>)->Arg(2)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(PopAndPush<FourAryHeap>)->Arg(2)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(BareLoop<EventQueue<Event>>);
BENCHMARK(BareLoop<BinaryHeap>);
BENCHMARK(BareLoop<FourAryHeap>);

}  // namespace
}  // namespace penstock::sim
