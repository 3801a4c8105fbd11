#include "ledger/rocksdb_store.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <mutex>

namespace penstock::ledger {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

/// Keeps what RocksDB writes about dropped bytes: its status alone does not name the log file.
class Complaints : public rocksdb::Logger {
 public:
  Complaints() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    std::array<char, 512> line{};
    const int length = std::vsnprintf(line.data(), line.size(), format, arguments);
    const std::lock_guard lock(mutex_);
    if (length > 0 && first_.empty() && absl::StrContains(line.data(), "dropping")) first_ = line.data();
  }
  std::string first() const {
    const std::lock_guard lock(mutex_);
    return first_;
  }

 private:
  mutable std::mutex mutex_;
  std::string first_;
};

rocksdb::WALRecoveryMode RecoveryMode(LogReplay replay) {
  switch (replay) {
    case LogReplay::kWhole:
      return rocksdb::WALRecoveryMode::kAbsoluteConsistency;
    case LogReplay::kTornTail:
      return rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    case LogReplay::kUpToDamage:
      return rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  }
  return rocksdb::WALRecoveryMode::kAbsoluteConsistency;
}

/// Keys increase, so compaction moves whole files between levels without rewriting them, and reads are scans: large
/// blocks, no filters, next to no cache. Memory: two write buffers, the cache, and the indexes of the open files.
rocksdb::Options JournalOptions(const StoreTerms& terms) {
  rocksdb::Options options;
  if (terms.env != nullptr) options.env = terms.env;
  options.create_if_missing = terms.create;
  options.wal_recovery_mode = RecoveryMode(terms.replay);
  options.write_buffer_size = 96 * kMiB;  // the journal changes logs before it is full
  options.max_write_buffer_number = 2;
  options.max_background_jobs = 2;
  options.allow_concurrent_memtable_write = false;  // one writer
  options.compression = rocksdb::kLZ4Compression;   // in the background; costs less than writing twice the bytes
  options.max_open_files = 256;
  options.max_manifest_file_size = 16 * kMiB;
  options.max_log_file_size = 4 * kMiB;
  options.keep_log_file_num = 4;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  rocksdb::BlockBasedTableOptions table;
  table.block_size = 32 * 1024;
  table.block_cache = rocksdb::NewLRUCache(8 * kMiB);
  table.checksum = rocksdb::kXXH3;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

/// Rows change in place: small memory, and compaction that keeps up with it.
rocksdb::Options ProjectionOptions(const StoreTerms& terms) {
  rocksdb::Options options = JournalOptions(terms);
  options.write_buffer_size = 16 * kMiB;
  options.max_write_buffer_number = 3;
  return options;
}

rocksdb::Options OptionsFor(const StoreTerms& terms) {
  return terms.of == StoreOf::kJournal ? JournalOptions(terms) : ProjectionOptions(terms);
}

absl::Status WithComplaint(const rocksdb::Status& status, const Complaints& complaints) {
  const absl::Status translated = FromRocksDb(status);
  const std::string complaint = complaints.first();
  if (complaint.empty()) return translated;
  return absl::Status(translated.code(), absl::StrCat(translated.message(), " (", complaint, ")"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<rocksdb::DB>> OpenStore(const StoreTerms& terms) {
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(OptionsFor(terms), terms.path, &db);
  if (!status.ok()) return FromRocksDb(status);
  return std::unique_ptr<rocksdb::DB>(db);
}

absl::StatusOr<std::unique_ptr<rocksdb::DB>> OpenStoreForReading(const StoreTerms& terms) {
  rocksdb::Options options = OptionsFor(terms);
  options.create_if_missing = false;
  const auto complaints = std::make_shared<Complaints>();
  options.info_log = complaints;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(options, terms.path, &db);
  if (!status.ok()) return WithComplaint(status, *complaints);
  return std::unique_ptr<rocksdb::DB>(db);
}

absl::Status FromRocksDb(const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  // A missing table is reported under the name it had in the first versions of LevelDB.
  const std::string text = absl::StrReplaceAll(status.ToString(), {{".ldb", ".sst"}});
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(text);
  if (status.IsCorruption() || status.IsNotFound() || status.IsPathNotFound()) return absl::DataLossError(text);
  if (absl::StrContains(text, "No such file")) return absl::DataLossError(text);
  if (absl::StrContains(text, "Permission denied")) return absl::PermissionDeniedError(text);
  if (absl::StrContains(text, "lock")) return absl::FailedPreconditionError(text);
  return absl::InternalError(text);
}

}  // namespace penstock::ledger
