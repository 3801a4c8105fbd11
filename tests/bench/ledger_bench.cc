// Durable settlements through the whole ledger (a grant and its settlement each: books, both meters, dedupe, chain,
// row, sync, projections written back as the daemon does) beside RocksDB's raw rate for one sequential 200-byte put per
// settlement, same batch size, in the same run. The argument is settlements per batch.
#include <benchmark/benchmark.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "admission/vocabulary/check.h"
#include "broker/daemon/projection_writer.h"
#include "ledger/ledger.h"
#include "ledger/rocksdb_journal.h"

namespace penstock::ledger {
namespace {

std::string FreshFolder() {
  std::string pattern = std::filesystem::temp_directory_path() / "penstock-ledger-bench-XXXXXX";
  PENSTOCK_CHECK(mkdtemp(pattern.data()) != nullptr);
  return pattern;
}

class Settlements {
 public:
  explicit Settlements(Ledger& ledger) : ledger_(ledger) {
    Tariff tariff{.version = "bench", .currency = "USD"};
    PoolPrices prices{.pool = "chat", .demand = {BusiestMinute(500)}};
    prices.by_class[static_cast<size_t>(ServiceClass::kDefault)][TokenKind::kOutput] = 2'400'000;
    tariff.pools.push_back(prices);
    ledger_.Post(BootEntry{1, now_});
    ledger_.Post(NameEntry{NameKind::kPool, 1, 0, "chat"});
    for (uint32_t tenant = 1; tenant <= kTenants; ++tenant) {
      ledger_.Post(NameEntry{NameKind::kTenant, tenant, 0, "tenant-" + std::to_string(tenant)});
      ledger_.Post(NameEntry{NameKind::kKey, tenant, tenant, "prod"});
    }
    ledger_.Post(TariffEntry{1, tariff});
  }

  Instant now() const { return now_; }

  /// A grant that stays open.
  void GrantOne() {
    now_ = now_ + Microseconds(100);
    ++sequence_;
    ledger_.Post(Grant());
  }

  void PostOne() {
    now_ = now_ + Microseconds(100);
    ++sequence_;
    ledger_.Post(Grant());
    ledger_.Post(Settlement());
  }

  /// What the newest grant, a progress report and its settlement take in the journal: with a request id of 15 bytes,
  /// without run and labels.
  size_t BytesOfAPair() const { return BytesOf(Grant()) + BytesOf(Settlement()); }
  size_t BytesOfProgress() const {
    ProgressEntry progress{.id = {1, sequence_}, .at = now_};
    progress.so_far = Settlement().tokens;
    progress.lease_deadline = now_ + Minutes(5);
    progress.settle_deadline = now_ + Minutes(30);
    progress.output_cap = Grant().output_cap;
    progress.hold = Grant().hold;
    progress.attributions.push_back({now_ - Seconds(30), now_, NormalizedTokens(720)});
    return BytesOf(progress);
  }

 private:
  static size_t BytesOf(const auto& entry) {
    std::string bytes;
    Encode(entry, &bytes);
    return 1 + bytes.size() + (bytes.size() >= 128 ? 1 : 0);  // with its length in the row
  }

  GrantTerms Terms() const {
    const auto tenant = static_cast<uint32_t>(1 + sequence_ % kTenants);
    return {TenantId{tenant}, KeyId{tenant}, PoolId{1}, ServiceClass::kDefault, 1};
  }

  GrantEntry Grant() const {
    GrantEntry grant;
    grant.id = {1, sequence_};
    grant.terms = Terms();
    grant.at = now_;
    grant.lease_deadline = now_ + Minutes(5);
    grant.settle_deadline = now_ + Minutes(30);
    grant.estimate[TokenKind::kOutput] = Tokens(200);
    grant.work = NormalizedTokens(800);
    grant.output_cap = Tokens(500);
    grant.hold = Money::FromPico(int64_t{500} * 2'400'000);
    grant.request_id = "request-" + std::to_string(sequence_);
    return grant;
  }

  SettleEntry Settlement() const {
    SettleEntry settle;
    settle.id = {1, sequence_};
    settle.terms = Terms();
    settle.at = now_ + Microseconds(50);
    settle.tokens[TokenKind::kOutput] = Tokens(180);
    settle.work = NormalizedTokens(720);
    settle.charge = Money::FromPico(int64_t{180} * 2'400'000);
    settle.attributions.push_back({now_, settle.at, settle.work});
    return settle;
  }

  static constexpr uint32_t kTenants = 100;
  Ledger& ledger_;
  Instant now_{1'700'000'000'000'000'000};
  uint64_t sequence_ = 0;
};

/// The daemon's way of writing projections back, and how long it held the ledger up.
class WriteBacks {
 public:
  explicit WriteBacks(Ledger& ledger)
      : writer_({.ledger = ledger,
                 .changed_rows = [&ledger] { return ledger.changed_rows(); },
                 .take_changes = [this, &ledger](RowBatch* rows) { Take(ledger, rows); }},
                {}, [](const absl::Status&) { PENSTOCK_CHECK(!"written"); }) {}

  void WriteBackIfDue(Instant now) { writer_.WriteBackIfDue(now); }
  int count() const { return count_; }
  double longest_pause_us() const { return longest_pause_us_; }

 private:
  void Take(Ledger& ledger, RowBatch* rows) {
    const auto before = std::chrono::steady_clock::now();
    ledger.TakeChanges(rows);
    const std::chrono::duration<double, std::micro> pause = std::chrono::steady_clock::now() - before;
    longest_pause_us_ = std::max(longest_pause_us_, pause.count());
    ++count_;
  }
  int count_ = 0;
  double longest_pause_us_ = 0;
  daemon::ProjectionWriter writer_;
};

/// How long the loop stands still for so many rows: grants opened since the last time, which are the largest.
void BM_TakeChanges(benchmark::State& state) {
  auto ledger = Ledger::Open(NewMemoryJournal(), nullptr);
  PENSTOCK_CHECK(ledger.ok());
  Settlements settlements(**ledger);
  RowBatch rows;
  for (auto _ : state) {
    state.PauseTiming();
    for (int64_t i = 0; i < state.range(0); ++i) settlements.GrantOne();
    PENSTOCK_CHECK((*ledger)->WriteBatch().ok());
    rows.Clear();
    state.ResumeTiming();
    (*ledger)->TakeChanges(&rows);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["bytes_per_row"] = static_cast<double>(rows.bytes()) / static_cast<double>(rows.size());
}
BENCHMARK(BM_TakeChanges)->Arg(8'192)->Iterations(20);

void BM_LedgerDurableSettlements(benchmark::State& state) {
  const std::string folder = FreshFolder();
  {
    auto journal = OpenRocksDbJournal({.directory = folder});
    PENSTOCK_CHECK(journal.ok());
    auto ledger = Ledger::Open(*std::move(journal), nullptr);
    PENSTOCK_CHECK(ledger.ok());
    Settlements settlements(**ledger);
    WriteBacks write_backs(**ledger);
    for (auto _ : state) {
      for (int64_t i = 0; i < state.range(0); ++i) settlements.PostOne();
      PENSTOCK_CHECK((*ledger)->WriteBatch().ok() && (*ledger)->SyncJournal().ok());
      write_backs.WriteBackIfDue(settlements.now());
    }
    state.counters["write_backs"] = static_cast<double>(write_backs.count());
    state.counters["longest_pause_us"] = write_backs.longest_pause_us();
    state.counters["bytes_per_pair"] = static_cast<double>(settlements.BytesOfAPair());
    state.counters["bytes_of_progress"] = static_cast<double>(settlements.BytesOfProgress());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  std::filesystem::remove_all(folder);
}
BENCHMARK(BM_LedgerDurableSettlements)->Arg(1)->Arg(10)->Arg(16)->Arg(100)->Arg(1'000)->UseRealTime();

/// The same while the ledger grows to 20 million entries, in ten parts: how fast the first, the last and the slowest
/// of them were.
void BM_LedgerAsItGrows(benchmark::State& state) {
  constexpr int64_t kBatch = 1'000;
  constexpr int64_t kParts = 10;
  const int64_t settlements_a_part = state.range(0) / 2 / kParts;
  const std::string folder = FreshFolder();
  std::vector<double> rates;
  for (auto _ : state) {
    auto journal = OpenRocksDbJournal({.directory = folder});
    PENSTOCK_CHECK(journal.ok());
    auto ledger = Ledger::Open(*std::move(journal), nullptr);
    PENSTOCK_CHECK(ledger.ok());
    Settlements settlements(**ledger);
    WriteBacks write_backs(**ledger);
    for (int64_t part = 0; part < kParts; ++part) {
      const auto begun = std::chrono::steady_clock::now();
      for (int64_t done = 0; done < settlements_a_part; done += kBatch) {
        for (int64_t i = 0; i < kBatch; ++i) settlements.PostOne();
        PENSTOCK_CHECK((*ledger)->WriteBatch().ok() && (*ledger)->SyncJournal().ok());
        write_backs.WriteBackIfDue(settlements.now());
      }
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
      rates.push_back(static_cast<double>(settlements_a_part) / took.count());
    }
  }
  state.SetItemsProcessed(state.iterations() * settlements_a_part * kParts);
  state.counters["first_per_s"] = rates.front();
  state.counters["last_per_s"] = rates.back();
  state.counters["slowest_per_s"] = *std::min_element(rates.begin(), rates.end());
  std::filesystem::remove_all(folder);
}
BENCHMARK(BM_LedgerAsItGrows)->Arg(20'000'000)->Iterations(1)->UseRealTime()->Unit(benchmark::kSecond);

void BM_RocksDbRawSettlements(benchmark::State& state) {
  const std::string folder = FreshFolder();
  rocksdb::DB* opened = nullptr;
  rocksdb::Options options;
  options.create_if_missing = true;
  PENSTOCK_CHECK(rocksdb::DB::Open(options, folder, &opened).ok());
  std::unique_ptr<rocksdb::DB> db(opened);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const std::string value(200, 'v');
  uint64_t sequence = 0;
  for (auto _ : state) {
    rocksdb::WriteBatch batch;
    for (int64_t i = 0; i < state.range(0); ++i) {
      std::string key(8, '\0');
      ++sequence;
      for (size_t byte = 0; byte < 8; ++byte) key[7 - byte] = static_cast<char>(sequence >> (8 * byte));
      batch.Put(key, value);
    }
    PENSTOCK_CHECK(db->Write(synced, &batch).ok());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  db.reset();
  std::filesystem::remove_all(folder);
}
BENCHMARK(BM_RocksDbRawSettlements)->Arg(1)->Arg(10)->Arg(100)->Arg(1'000)->UseRealTime();

}  // namespace
}  // namespace penstock::ledger
