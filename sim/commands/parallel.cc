#include "sim/commands/parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace penstock::sim {

size_t Processors() { return std::max<size_t>(std::thread::hardware_concurrency(), 1); }

Parallel OnThreads(size_t threads) {
  if (threads <= 1) return Serially;
  return [threads](size_t count, const std::function<void(size_t)>& job) {
    std::atomic<size_t> next = 0;
    const auto work = [&] {
      for (size_t mine = next++; mine < count; mine = next++) job(mine);
    };
    std::vector<std::thread> others;
    for (size_t i = 1; i < std::min(threads, count); ++i) others.emplace_back(work);
    work();
    for (std::thread& other : others) other.join();
  };
}

}  // namespace penstock::sim
