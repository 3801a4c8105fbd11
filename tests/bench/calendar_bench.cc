// What the capacity calendar costs with n windows in it, of one minute to sixty days, over two years.
//
//   BareMap      the ceiling of a change: one insertion into and one removal from a std::map of as many instants
//   NaiveChange  a window taken and given back in a std::map of what changes when; x_bare is its time over BareMap's
//   Change       the same in the calendar
//   NaiveTightest, NaiveFits   a running sum over that map up to the end of a window of a week to a quarter
//   Tightest, Fits             the same of the calendar
//   FirstFit     for a day, in a calendar that is full but for some gaps: the tenth one fits
//   FirstFitWorst  two minutes, where every other minute is taken: every change is looked at
//   Build        the calendar from a list
//   Memory       bytes a window of a calendar from a list, and after every window was replaced by another one
#include <benchmark/benchmark.h>

#include <cstdint>
#include <ctime>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "broker/market/calendar.h"

namespace penstock::market {
namespace {

constexpr Instant kStart{1'700'000'000'000'000'000};
constexpr int64_t kSpanSeconds = 2 * 365 * 86'400;
constexpr Amounts kSupply{40'000'000'000'000, 10'000'000, 10'000'000'000};

class Windows {
 public:
  TakenWindow Next() {
    const Instant from = kStart + Nanoseconds(Below(Seconds(kSpanSeconds).count()));
    return {
        from, from + Minutes(1 + Below(Below(60 * 24 * 60) + 1)), {1'000 * (1 + Below(40'000)), 1 + Below(8), 4'096}};
  }
  std::vector<TakenWindow> Take(int64_t count) {
    std::vector<TakenWindow> windows;
    while (windows.size() < static_cast<size_t>(count)) windows.push_back(Next());
    return windows;
  }
  /// To ask about.
  TakenWindow Asked() {
    TakenWindow window = Next();
    window.to = window.from + Hours(24 * 7 + Below(24 * 83));
    return window;
  }
  int64_t Below(int64_t end) { return static_cast<int64_t>(dice_() % static_cast<uint64_t>(end)); }

 private:
  std::mt19937_64 dice_{7};
};

/// So that the dice are not measured.
constexpr size_t kPrepared = 1 << 14;

CapacityCalendar Filled(const std::vector<TakenWindow>& windows) { return {{{kStart, kSupply}}, windows}; }

class NaiveCalendar {
 public:
  explicit NaiveCalendar(const std::vector<TakenWindow>& windows) {
    Add(kStart, kSupply);
    for (const TakenWindow& window : windows) Take(window, window.amounts);
  }
  void Take(const TakenWindow& window, const Amounts& amounts) {
    Add(window.from, Amounts{} - amounts);
    Add(window.to, amounts);
  }
  LeastPoints TightestIn(Instant from, Instant to) const {
    Amounts room;
    auto change = room_.begin();
    for (; change != room_.end() && change->first <= from; ++change) room = room + change->second;
    LeastPoints least{{room.rate, from}, {room.slots, from}, {room.kv, from}};
    for (; change != room_.end() && change->first < to; ++change) {
      room = room + change->second;
      if (room.rate < least.rate.amount) least.rate = {room.rate, change->first};
      if (room.slots < least.slots.amount) least.slots = {room.slots, change->first};
      if (room.kv < least.kv.amount) least.kv = {room.kv, change->first};
    }
    return least;
  }

 private:
  void Add(Instant at, const Amounts& by) {
    const auto [change, is_new] = room_.try_emplace(at, by);
    if (is_new) return;
    change->second = change->second + by;
    if (change->second == Amounts{}) room_.erase(change);
  }
  std::map<Instant, Amounts> room_;
};

/// Processor time, so that neighbours on the machine count for little.
class Stopwatch {
 public:
  double NanosecondsPer(int64_t iterations) const {
    return static_cast<double>(std::clock() - start_) * (1e9 / CLOCKS_PER_SEC) / static_cast<double>(iterations);
  }

 private:
  std::clock_t start_ = std::clock();
};

/// Nanoseconds an iteration took, by windows.
using Times = std::map<int64_t, double>;
Times& BareTimes() {
  static Times times;
  return times;
}
Times& NaiveTimes() {
  static Times times;
  return times;
}

void Note(benchmark::State& state, const Stopwatch& watch, Times* own, const char* counter, const Times& other) {
  const double time = watch.NanosecondsPer(static_cast<int64_t>(state.iterations()));
  if (own != nullptr) (*own)[state.range(0)] = time;
  const auto ceiling = other.find(state.range(0));
  if (ceiling != other.end() && ceiling->second > 0) state.counters[counter] = time / ceiling->second;
}

void BM_BareMap(benchmark::State& state) {
  Windows windows;
  std::map<Instant, Amounts> map;
  for (const TakenWindow& window : windows.Take(state.range(0))) {
    map[window.from] = window.amounts;
    map[window.to] = window.amounts;
  }
  const std::vector<TakenWindow> prepared = windows.Take(kPrepared);
  size_t next = 0;
  const Stopwatch watch;
  for (auto _ : state) {
    const TakenWindow& window = prepared[next++ % kPrepared];
    map.erase(map.try_emplace(window.from, window.amounts).first);
  }
  Note(state, watch, &BareTimes(), "", {});
}

void BM_NaiveChange(benchmark::State& state) {
  Windows windows;
  NaiveCalendar calendar(windows.Take(state.range(0)));
  const std::vector<TakenWindow> prepared = windows.Take(kPrepared);
  size_t next = 0;
  const Stopwatch watch;
  for (auto _ : state) {
    const TakenWindow& window = prepared[next++ % kPrepared];
    calendar.Take(window, window.amounts);
    calendar.Take(window, Amounts{} - window.amounts);
  }
  Note(state, watch, nullptr, "x_bare", BareTimes());
}

void BM_Change(benchmark::State& state) {
  Windows windows;
  CapacityCalendar calendar = Filled(windows.Take(state.range(0)));
  const std::vector<TakenWindow> prepared = windows.Take(kPrepared);
  size_t next = 0;
  const Stopwatch watch;
  for (auto _ : state) {
    const TakenWindow& window = prepared[next++ % kPrepared];
    calendar.Take(window.from, window.to, window.amounts);
    calendar.GiveBack(window.from, window.to, window.amounts);
  }
  Note(state, watch, nullptr, "x_bare", BareTimes());
}

template <class Question>
void Ask(benchmark::State& state, const auto& calendar, Windows& windows, const Question& question, Times* own) {
  std::vector<TakenWindow> prepared;
  while (prepared.size() < kPrepared) prepared.push_back(windows.Asked());
  size_t next = 0;
  const Stopwatch watch;
  for (auto _ : state) {
    const TakenWindow& asked = prepared[next++ % kPrepared];
    benchmark::DoNotOptimize(question(calendar, asked));
  }
  Note(state, watch, own, "x_naive", own == nullptr ? NaiveTimes() : Times());
}

void BM_NaiveTightest(benchmark::State& state) {
  Windows windows;
  const NaiveCalendar calendar(windows.Take(state.range(0)));
  Ask(
      state, calendar, windows, [](const auto& in, const auto& asked) { return in.TightestIn(asked.from, asked.to); },
      &NaiveTimes());
}

void BM_Tightest(benchmark::State& state) {
  Windows windows;
  const CapacityCalendar calendar = Filled(windows.Take(state.range(0)));
  Ask(
      state, calendar, windows, [](const auto& in, const auto& asked) { return in.TightestIn(asked.from, asked.to); },
      nullptr);
}

void BM_Fits(benchmark::State& state) {
  Windows windows;
  const CapacityCalendar calendar = Filled(windows.Take(state.range(0)));
  Ask(
      state, calendar, windows,
      [](const auto& in, const auto& asked) { return in.Fits(asked.from, asked.to, asked.amounts); }, nullptr);
}

void BM_FirstFit(benchmark::State& state) {
  Windows windows;
  CapacityCalendar calendar = Filled(windows.Take(state.range(0)));
  const Instant end = kStart + Seconds(2 * kSpanSeconds);
  const Amounts least = [&] {
    const LeastPoints points = calendar.TightestIn(kStart, end);
    return Amounts{points.rate.amount, points.slots.amount, points.kv.amount};
  }();
  // Ten gaps of 1 to 24 hours in what is otherwise short of one slot.
  const Amounts wanted{1, least.slots + 1, 1};
  const Amounts short_by{0, kSupply.slots, 0};
  for (int64_t i = 1; i <= 10; ++i) {
    calendar.Take(kStart + Hours(24 * 60 * (i - 1)), kStart + Hours(24 * 60 * i) - Hours(i < 10 ? i : 24), short_by);
  }
  std::optional<Instant> found;
  for (auto _ : state) benchmark::DoNotOptimize(found = calendar.FirstFit(kStart, end, Hours(24), wanted));
  state.counters["found_day"] = found ? static_cast<double>((*found - kStart).count() / Days(1).count()) : -1;
}

void BM_FirstFitWorst(benchmark::State& state) {
  std::vector<TakenWindow> minutes;
  for (int64_t i = 0; i < state.range(0); ++i) {
    minutes.push_back({kStart + Minutes(2 * i), kStart + Minutes(2 * i + 1), kSupply});
  }
  const CapacityCalendar calendar = Filled(minutes);
  const Instant end = kStart + Minutes(2 * state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(calendar.FirstFit(kStart, end, Minutes(2), {1, 1, 1}));
}

void BM_Build(benchmark::State& state) {
  const std::vector<TakenWindow> list = Windows().Take(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(Filled(list));
}

void BM_Memory(benchmark::State& state) {
  Windows windows;
  const std::vector<TakenWindow> list = windows.Take(state.range(0));
  for (auto _ : state) {
    CapacityCalendar calendar = Filled(list);
    const auto per_window = [&] {
      return static_cast<double>(calendar.MemoryBytes()) / static_cast<double>(state.range(0));
    };
    state.counters["built"] = per_window();
    for (const TakenWindow& window : list) {
      const TakenWindow other = windows.Next();
      calendar.Take(other.from, other.to, other.amounts);
      calendar.GiveBack(window.from, window.to, window.amounts);
    }
    state.counters["replaced"] = per_window();
  }
}

BENCHMARK(BM_BareMap)->RangeMultiplier(10)->Range(1'000, 1'000'000);
BENCHMARK(BM_NaiveChange)->RangeMultiplier(10)->Range(1'000, 1'000'000);
BENCHMARK(BM_Change)->RangeMultiplier(10)->Range(1'000, 1'000'000);
BENCHMARK(BM_NaiveTightest)->RangeMultiplier(10)->Range(1'000, 1'000'000);
BENCHMARK(BM_Tightest)->RangeMultiplier(10)->Range(1'000, 1'000'000);
BENCHMARK(BM_Fits)->RangeMultiplier(10)->Range(1'000, 1'000'000);
BENCHMARK(BM_FirstFit)->RangeMultiplier(10)->Range(1'000, 1'000'000);
BENCHMARK(BM_FirstFitWorst)->RangeMultiplier(10)->Range(1'000, 1'000'000);
BENCHMARK(BM_Build)->RangeMultiplier(10)->Range(1'000, 1'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Memory)->RangeMultiplier(10)->Range(1'000, 1'000'000)->Iterations(1);

}  // namespace
}  // namespace penstock::market
