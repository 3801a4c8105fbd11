// Durable rows per second: the journal (chained, checked, with its HEAD mark) beside what RocksDB does raw with one
// 200-byte put per settlement, in the same batches, on increasing keys, each batch synced. Compare within one run.
#include <benchmark/benchmark.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
#include <stdlib.h>

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ledger/journal.h"
#include "ledger/rocksdb_journal.h"
#include "ledger/sha256.h"

namespace penstock::ledger {
namespace {

constexpr size_t kEntryBytes = 150;
constexpr size_t kPutBytes = 200;

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "penstock-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Bytes that look like an entry: half of them the same in each, half not.
std::string Bytes(size_t size, uint64_t seed) {
  std::string bytes(size, 'a');
  for (size_t i = size / 2; i < size; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    bytes[i] = static_cast<char>(seed >> 56);
  }
  return bytes;
}

void CountEntries(benchmark::State& state, size_t batch) {
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(batch));
}

void BM_JournalDurable(benchmark::State& state) {
  const size_t batch = static_cast<size_t>(state.range(0));
  const ScratchDirectory scratch;
  const auto journal = OpenRocksDbJournal({.directory = scratch.path()});
  if (!journal.ok()) return state.SkipWithError(journal.status().ToString().c_str());
  std::vector<std::string> payloads;
  for (size_t i = 0; i < batch; ++i) payloads.push_back(Bytes(kEntryBytes, i));
  for (auto _ : state) {
    if (!(*journal)->Append(payloads).ok() || !(*journal)->Sync().ok())
      return state.SkipWithError("the journal failed");
  }
  CountEntries(state, batch);
}

void BM_RocksDbRawDurable(benchmark::State& state) {
  const size_t batch = static_cast<size_t>(state.range(0));
  const ScratchDirectory scratch;
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  if (!rocksdb::DB::Open(options, scratch.path() + "/raw", &opened).ok()) return state.SkipWithError("cannot open");
  const std::unique_ptr<rocksdb::DB> db(opened);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const std::string value = Bytes(kPutBytes, 1);
  uint64_t key = 0;
  rocksdb::WriteBatch writes;
  for (auto _ : state) {
    writes.Clear();
    for (size_t i = 0; i < batch; ++i) {
      std::array<char, 8> bytes;
      for (size_t at = 0; at < bytes.size(); ++at) bytes[at] = static_cast<char>(key >> (56 - 8 * at));
      ++key;
      if (!writes.Put(rocksdb::Slice(bytes.data(), bytes.size()), value).ok()) return state.SkipWithError("put failed");
    }
    if (!db->Write(synced, &writes).ok()) return state.SkipWithError("write failed");
  }
  CountEntries(state, batch);
}

void BM_JournalUnsynced(benchmark::State& state) {
  const size_t batch = static_cast<size_t>(state.range(0));
  const ScratchDirectory scratch;
  const auto journal = OpenRocksDbJournal({.directory = scratch.path()});
  if (!journal.ok()) return state.SkipWithError(journal.status().ToString().c_str());
  const std::vector<std::string> payloads(batch, Bytes(kEntryBytes, 7));
  for (auto _ : state) {
    if (!(*journal)->Append(payloads).ok()) return state.SkipWithError("the journal failed");
  }
  CountEntries(state, batch);
}

void BM_ReadBack(benchmark::State& state) {
  const ScratchDirectory scratch;
  const auto journal = OpenRocksDbJournal({.directory = scratch.path()});
  if (!journal.ok()) return state.SkipWithError(journal.status().ToString().c_str());
  const std::vector<std::string> payloads(100, Bytes(kEntryBytes, 7));
  for (int row = 0; row < 2'000; ++row) {
    if (!(*journal)->Append(payloads).ok()) return state.SkipWithError("the journal failed");
  }
  for (auto _ : state) {
    const absl::Status status = (*journal)->Read(1, [](uint64_t, std::string_view) { return absl::OkStatus(); });
    if (!status.ok()) return state.SkipWithError(status.ToString().c_str());
  }
  CountEntries(state, 200'000);
}

void BM_ChainHash(benchmark::State& state) {
  const std::string payload = Bytes(kEntryBytes, 3);
  Hash hash{};
  for (auto _ : state) hash = ChainHash(hash, payload);
  benchmark::DoNotOptimize(hash);
  CountEntries(state, 1);
}

BENCHMARK(BM_JournalDurable)->RangeMultiplier(10)->Range(1, 1000)->UseRealTime();
BENCHMARK(BM_RocksDbRawDurable)->RangeMultiplier(10)->Range(1, 1000)->UseRealTime();
BENCHMARK(BM_JournalUnsynced)->RangeMultiplier(10)->Range(1, 1000)->UseRealTime();
BENCHMARK(BM_ReadBack)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ChainHash);

}  // namespace
}  // namespace penstock::ledger
