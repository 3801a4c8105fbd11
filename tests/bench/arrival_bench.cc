// What the arrival log costs the loop: encoding a pair of Admit and Complete and the prints of their answers.
#include <benchmark/benchmark.h>

#include <string>

#include "broker/arrivals/record.h"
#include "tests/broker/core/engine_fixture.h"

namespace penstock::arrivals {
namespace {

void RecordPairs(benchmark::State& state) {
  core::EngineWorld world;
  core::Admit admit = world.Request("shop", "7b1c2f0e-8d35-4a90", 1'000, 200);
  admit.ticket = 1;
  core::Answer granted{.ticket = 1};
  granted.outcome = world.GrantNow(admit);
  const core::Command asks = admit;
  const core::Command ends = world.CompletionOf(std::get<core::Granted>(granted.outcome), 1'000, 200);
  core::Answer completed{.ticket = 1};
  completed.outcome = core::Completed{};
  const core::Answer answers[] = {granted, completed};
  BlockWriter block;
  std::string written;
  Instant now = world.now();
  int64_t bytes = 0;
  for (auto _ : state) {
    now = now + Nanoseconds(2'000);
    block.Add(asks, now);
    block.Add(ends, now);
    block.Add(answers);
    if (block.bytes().size() < 256U << 10U) continue;
    bytes += static_cast<int64_t>(block.bytes().size());
    block.TakeInto(&written);
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(bytes);
}
BENCHMARK(RecordPairs);

void ChecksumBlocks(benchmark::State& state) {
  const std::string block(256U << 10U, 'x');
  ledger::Hash chain{};
  for (auto _ : state) benchmark::DoNotOptimize(chain = ledger::ChainHash(chain, block));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(block.size()));
}
BENCHMARK(ChecksumBlocks);

}  // namespace
}  // namespace penstock::arrivals
