// Reading traces and generating traffic, beside what bounds them: copying memory, and decompressing alone.
#include <benchmark/benchmark.h>
#include <zstd.h>

#include <cstring>
#include <string>
#include <vector>

#include "admission/vocabulary/check.h"
#include "sim/distributions.h"
#include "sim/traces/decompression.h"
#include "sim/traces/shipped_traces.h"
#include "sim/traces/trace_reader.h"
#include "sim/traffic/servegen_population.h"

namespace penstock::sim {
namespace {

/// A million rows like those of BurstGPT, in order.
const std::string& BurstGptText() {
  static const std::string text = [] {
    std::string rows = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n";
    Random random(1);
    for (int i = 0; i < 1'000'000; ++i) {
      rows += std::to_string(i) + ",ChatGPT," + std::to_string(random.Below(4'000) + 1) + "," +
              std::to_string(random.Below(900) + 1) + ",0,Conversation log\n";
    }
    return rows;
  }();
  return text;
}

const std::string& MooncakeText() {
  static const std::string text(LongConversationTraceJsonl());
  return text;
}

const std::string& AzureText() {
  static const std::string text(ConversationTraceCsv());
  return text;
}

std::string Zstandardised(const std::string& text) {
  std::string bytes(ZSTD_compressBound(text.size()), '\0');
  bytes.resize(ZSTD_compress(bytes.data(), bytes.size(), text.data(), text.size(), 3));
  return bytes;
}

void ReadRows(benchmark::State& state, const std::string& bytes, size_t text_bytes) {
  int64_t rows = 0;
  for (auto _ : state) {
    TraceReader reader(BytesOf(bytes), "t");
    TraceRow row;
    while (true) {
      const auto more = reader.Next(&row);
      PENSTOCK_CHECK(more.ok());
      if (!*more) break;
      benchmark::DoNotOptimize(row);
      ++rows;
    }
  }
  state.SetItemsProcessed(rows);
  state.SetBytesProcessed(static_cast<int64_t>(text_bytes) * state.iterations());
}

void Azure(benchmark::State& state) { ReadRows(state, AzureText(), AzureText().size()); }
void Mooncake(benchmark::State& state) { ReadRows(state, MooncakeText(), MooncakeText().size()); }
void BurstGpt(benchmark::State& state) { ReadRows(state, BurstGptText(), BurstGptText().size()); }
void BurstGptZstd(benchmark::State& state) {
  static const std::string bytes = Zstandardised(BurstGptText());
  ReadRows(state, bytes, BurstGptText().size());
}

/// The ceiling of the plain ones.
void CopyOfTheText(benchmark::State& state) {
  std::vector<char> copy(BurstGptText().size());
  for (auto _ : state) {
    std::memcpy(copy.data(), BurstGptText().data(), copy.size());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<int64_t>(copy.size()) * state.iterations());
}

/// The ceiling of the compressed one.
void DecompressionAlone(benchmark::State& state) {
  static const std::string bytes = Zstandardised(BurstGptText());
  std::vector<char> buffer(size_t{1} << 16);
  for (auto _ : state) {
    const auto source = Decompressed(BytesOf(bytes), "t");
    while (*source->Read(buffer) > 0) benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<int64_t>(BurstGptText().size()) * state.iterations());
}

const ServeGenPopulation& Large() {
  static const ServeGenPopulation population = *ServeGenPopulation::Shipped("m-large");
  return population;
}

/// How many there were.
int64_t Drain(ArrivalSource& source) {
  int64_t count = 0;
  while (auto arrival = source.Next()) {
    benchmark::DoNotOptimize(*arrival);
    ++count;
  }
  return count;
}

/// An hour from noon on of a working day, all clients merged: what a run reads.
void MLargeMerged(benchmark::State& state) {
  int64_t arrivals = 0;
  for (auto _ : state) {
    const auto source = Large().AllArrivals({Days(2) + Hours(12), Days(2) + Hours(13), 1}, 1, {}, Streams(1));
    arrivals += Drain(*source);
  }
  state.SetItemsProcessed(arrivals);
}

void MLargeMergedWithVolume(benchmark::State& state) {
  int64_t arrivals = 0;
  for (auto _ : state) {
    const auto source = Large().AllArrivals({Days(2) + Hours(12), Days(2) + Hours(13), 1}, 1.3, {}, Streams(1));
    arrivals += Drain(*source);
  }
  state.SetItemsProcessed(arrivals);
}

/// The same, client after client: without the merge.
void MLargeUnmerged(benchmark::State& state) {
  int64_t arrivals = 0;
  for (auto _ : state) {
    for (size_t i = 0; i < Large().clients().size(); ++i) {
      const auto source = Large().ArrivalsOf(i, static_cast<uint32_t>(i), {Days(2) + Hours(12), Days(2) + Hours(13), 1},
                                             1, {}, Streams(1));
      arrivals += Drain(*source);
    }
  }
  state.SetItemsProcessed(arrivals);
}

/// A whole day at full rate.
void MLargeDay(benchmark::State& state) {
  int64_t arrivals = 0;
  for (auto _ : state) {
    const auto source = Large().AllArrivals({Days(2), Days(3), 1}, 1, {}, Streams(1));
    arrivals += Drain(*source);
  }
  state.SetItemsProcessed(arrivals);
}

/// The ceiling: one gap and two lengths out of the bare generator.
void ThreeNumbers(benchmark::State& state) {
  Random random(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(random.Next());
    benchmark::DoNotOptimize(random.Next());
    benchmark::DoNotOptimize(random.Next());
  }
  state.SetItemsProcessed(state.iterations());
}

void LoadPopulation(benchmark::State& state) {
  for (auto _ : state) {
    auto population = ServeGenPopulation::Shipped("m-large");
    benchmark::DoNotOptimize(population);
  }
}

BENCHMARK(CopyOfTheText);
BENCHMARK(DecompressionAlone);
BENCHMARK(BurstGpt);
BENCHMARK(BurstGptZstd);
BENCHMARK(Azure);
BENCHMARK(Mooncake);
BENCHMARK(ThreeNumbers);
BENCHMARK(MLargeUnmerged)->Unit(benchmark::kMillisecond);
BENCHMARK(MLargeMerged)->Unit(benchmark::kMillisecond);
BENCHMARK(MLargeMergedWithVolume)->Unit(benchmark::kMillisecond);
BENCHMARK(MLargeDay)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(LoadPopulation)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace penstock::sim
