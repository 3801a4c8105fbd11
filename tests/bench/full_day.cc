// A day of seventeen million requests through the production core and the fluid fleet in one run: what it takes in time
// and memory. Run by tests/long/full_day.
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>

#include "admission/vocabulary/check.h"
#include "ledger/books.h"
#include "sim/event_queue.h"
#include "sim/run/run.h"
#include "tests/bench/full_day.h"
#include "tests/bench/single_server.h"

namespace penstock::sim {
namespace {

constexpr int64_t kLoopEvents = 50'000'000;

struct Event {
  uint32_t kind = 0;
};

double WallSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

rusage Usage() {
  rusage usage{};
  PENSTOCK_CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  return usage;
}

double ProcessorSeconds() {
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  const rusage usage = Usage();
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Resident now, in MiB.
double Resident() {
  int64_t pages = 0;
  std::ifstream statm("/proc/self/statm");
  statm >> pages >> pages;
  return static_cast<double>(pages * sysconf(_SC_PAGESIZE)) / 1048576.0;
}

double PeakResident() { return static_cast<double>(Usage().ru_maxrss) / 1024.0; }

double LoopEventsPerSecond() {
  SingleServer<EventQueue<Event>> server(1);
  const double begin = ProcessorSeconds();
  for (int64_t i = 0; i < kLoopEvents; ++i) server.Step();
  return static_cast<double>(kLoopEvents) / (ProcessorSeconds() - begin);
}

int Main() {
  const Scenario scenario = FullDay();
  const double loop_before = LoopEventsPerSecond();

  std::printf("of the day  seconds  resident, MiB\n");
  const double wall = WallSeconds();
  const double processor = ProcessorSeconds();
  double next = 0;
  const auto show = [&](double share) {
    if (share < next) return;
    next += 0.1;
    std::printf("%8.0f %%  %7.1f  %13.0f\n", share * 100, WallSeconds() - wall, Resident());
    std::fflush(stdout);
  };
  show(0);
  const absl::StatusOr<Run> run = RunScenario(scenario, {.seed = 1, .progress = show});
  PENSTOCK_CHECK(run.ok());
  const double took = WallSeconds() - wall;
  const double worked = ProcessorSeconds() - processor;
  const double loop_after = LoopEventsPerSecond();

  const RunFigures& figures = run->figures;
  const auto came = static_cast<double>(figures.counts.came);
  const auto events = static_cast<double>(figures.events);
  std::printf("requests        %.0f came, %.0f finished; %.1f %% of the capacity used, %.1f %% in the busiest minute\n",
              came, static_cast<double>(figures.counts.finished), figures.pools[0].utilisation * 100,
              figures.pools[0].peak_utilisation * 100);
  std::printf("time            %.1f s, of the processor %.1f s: %.2f us and %.0f a second\n", took, worked,
              worked / came * 1e6, came / worked);
  std::printf("events          %.0f: %.2f million a second; the bare event loop does %.1f before and %.1f after\n",
              events, events / worked / 1e6, loop_before / 1e6, loop_after / 1e6);
  std::printf("peak resident   %.0f MiB; the core remembers how the last %zu requests ended\n", PeakResident(),
              ledger::kRememberedEnds);
  std::printf("journal         %llu entries, head ", static_cast<unsigned long long>(figures.head.sequence));
  for (size_t i = 0; i < 8; ++i) std::printf("%02x", static_cast<unsigned>(figures.head.hash[i]));
  std::printf("\n");
  std::printf("conservation    %s\n", figures.Holds() ? "all checks hold" : "BROKEN");
  return figures.Holds() ? 0 : 1;
}

}  // namespace
}  // namespace penstock::sim

int main() { return penstock::sim::Main(); }
