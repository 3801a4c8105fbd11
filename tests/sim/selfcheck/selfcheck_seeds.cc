// The whole self-check on many seeds, and with a service rate that is 2 % off. See tests/long/selfcheck_seeds.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "sim/selfcheck/selfcheck.h"

namespace penstock::sim {
namespace {

void OnAllThreads(size_t count, const std::function<void(size_t)>& job) {
  std::atomic<size_t> next = 0;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) {
    threads.emplace_back([&] {
      for (size_t mine = next++; mine < count; mine = next++) job(mine);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

SelfcheckResult Check(uint64_t seed, double nudge, const std::string& cells) {
  return RunSelfcheck({.seed = seed, .nudge = nudge, .cells = cells, .parallel = OnAllThreads});
}

/// Of so many seeds, on how many every cell was in.
int CountGreen(int seeds, const std::string& cells) {
  int green = 0;
  for (int seed = 1; seed <= seeds; ++seed) {
    const auto start = std::chrono::steady_clock::now();
    const SelfcheckResult result = Check(static_cast<uint64_t>(seed), 1, cells);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::printf("seed %d: %s (%zu cells, %.1f s)\n", seed, result.AllIn() ? "all in" : "OUT", result.cells.size(),
                took.count());
    for (const CheckedCell& cell : result.cells) {
      if (!cell.in) std::printf("  %s: %g not in [%g, %g]\n", cell.name.c_str(), cell.expected, cell.low, cell.high);
    }
    std::fflush(stdout);
    green += result.AllIn() ? 1 : 0;
  }
  return green;
}

/// Of the cells that feel a nudge, how many did, on so many seeds; false if any ever did not.
bool AllFeelTheNudge(int seeds, const std::string& cells) {
  bool all = true;
  for (int seed = 1; seed <= seeds; ++seed) {
    const SelfcheckResult result = Check(static_cast<uint64_t>(seed), 1.02, cells);
    size_t feel = 0;
    size_t felt = 0;
    for (const CheckedCell& cell : result.cells) {
      if (!cell.feels_nudge) continue;
      ++feel;
      felt += cell.in ? 0 : 1;
      if (cell.in) std::printf("  %s: %g still in [%g, %g]\n", cell.name.c_str(), cell.expected, cell.low, cell.high);
    }
    std::printf("seed %d, service rate x 1.02: %zu of %zu cells that should be out are\n", seed, felt, feel);
    std::fflush(stdout);
    all = all && felt == feel;
  }
  return all;
}

}  // namespace
}  // namespace penstock::sim

int main(int argc, char** argv) {
  const int seeds = argc > 1 ? std::atoi(argv[1]) : 20;
  const std::string cells = argc > 2 ? argv[2] : "";
  const int green = penstock::sim::CountGreen(seeds, cells);
  std::printf("%d of %d seeds: all in\n", green, seeds);
  const bool felt = penstock::sim::AllFeelTheNudge(std::max(1, seeds / 10), cells);
  // Each seed is all in with 99 %: two or more of twenty happen once in sixty runs of this.
  return green >= seeds - 1 - seeds / 20 && felt ? 0 : 1;
}
