// Durable settlements through the whole ledger (a grant and its settlement each: books, both meters, dedupe, chain,
// row, sync) beside RocksDB's raw rate for one sequential 200-byte put per settlement, same batch size, in the same
// run. The argument is settlements per batch.
#include <benchmark/benchmark.h>
#include <rocksdb/db.h>

#include <filesystem>
#include <memory>
#include <string>

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

void BM_LedgerDurableSettlements(benchmark::State& state) {
  const std::string folder = FreshFolder();
  {
    auto journal = OpenRocksDbJournal({.directory = folder});
    PENSTOCK_CHECK(journal.ok());
    auto ledger = Ledger::Open(*std::move(journal), nullptr);
    PENSTOCK_CHECK(ledger.ok());
    Settlements settlements(**ledger);
    for (auto _ : state) {
      for (int64_t i = 0; i < state.range(0); ++i) settlements.PostOne();
      PENSTOCK_CHECK((*ledger)->WriteBatch().ok() && (*ledger)->SyncJournal().ok());
    }
    state.counters["bytes_per_pair"] = static_cast<double>(settlements.BytesOfAPair());
    state.counters["bytes_of_progress"] = static_cast<double>(settlements.BytesOfProgress());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  std::filesystem::remove_all(folder);
}
BENCHMARK(BM_LedgerDurableSettlements)->Arg(1)->Arg(10)->Arg(100)->Arg(1'000)->UseRealTime();

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
