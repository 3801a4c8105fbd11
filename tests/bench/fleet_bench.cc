// What a request costs the fleet models, with 8 and 64 replicas, and an iteration the one that has them. Azure
// conversation traffic at 0.7 of the capacity.
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "sim/fleet/calibration.h"
#include "sim/fleet/fleet.h"
#include "sim/random.h"
#include "sim/traces/azure_trace.h"
#include "sim/traces/shipped_traces.h"

namespace penstock::sim {
namespace {

constexpr Instant kStart;
constexpr size_t kRequests = 100'000;

struct Sent {
  Instant at;
  FleetRequest request;
};

std::vector<Sent> Traffic(const std::vector<TraceRow>& rows, double requests_per_second) {
  Random random(7);
  std::vector<Sent> traffic;
  Instant at = kStart;
  for (size_t i = 0; i < kRequests; ++i) {
    const double uniform = (static_cast<double>(random.Next() >> 11) + 1) / 9007199254740992.0;
    at = at + Nanoseconds(std::llround(-std::log(uniform) / requests_per_second * 1e9));
    const TraceRow& row = rows[i % rows.size()];
    traffic.push_back({at, {i, row.context, Tokens::Zero(), row.generated}});
  }
  return traffic;
}

template <class Model>
void Serve(benchmark::State& state) {
  const auto rows = ParseAzureTrace(ConversationTraceCsv(), "conv");
  FleetTerms terms;
  terms.replica.law = *LawOf("Llama-3.1-8B", "1xH100 TRT-LLM");
  terms.replicas = static_cast<int>(state.range(0));
  const double load = static_cast<double>(state.range(1)) / 100;
  const auto traffic = Traffic(*rows, load * Calibrate(terms, MixOf(*rows), Seconds(10))->requests_per_second);
  int64_t iterations = 0;
  std::vector<FleetEvent> events;
  for (auto _ : state) {
    Model fleet(terms, kStart);
    for (const Sent& sent : traffic) {
      events.clear();
      fleet.AdvanceTo(sent.at, &events);
      fleet.Submit(sent.request, sent.at);
    }
    iterations += fleet.iterations();
  }
  const auto requests = static_cast<double>(state.iterations()) * static_cast<double>(kRequests);
  state.counters["time_per_request"] =
      benchmark::Counter(requests, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["time_per_iteration"] =
      benchmark::Counter(static_cast<double>(iterations), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["iterations_per_request"] = static_cast<double>(iterations) / requests;
}

BENCHMARK(Serve<Fleet>)
    ->ArgsProduct({{8, 64}, {30, 70}})
    ->ArgNames({"replicas", "load"})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(Serve<FluidFleet>)
    ->ArgsProduct({{8, 64}, {30, 70}})
    ->ArgNames({"replicas", "load"})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace penstock::sim
