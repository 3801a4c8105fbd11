// Opening RocksDB the way an append-only journal with increasing keys needs it, or rows that are put again and again.
// RocksDB's own headers stay in the .cc files.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>

namespace rocksdb {
class DB;
class Env;
class Status;
}  // namespace rocksdb

namespace penstock::ledger {

/// What to make of RocksDB's log (not the journal: its write-ahead log) when opening.
enum class LogReplay {
  kWhole,       // after an orderly close: every byte must be right
  kTornTail,    // after a crash: the last record may be cut short, nothing else may be wrong
  kUpToDamage,  // for looking at what is intact
};

enum class StoreOf { kJournal, kProjections };

struct StoreTerms {
  std::string path;
  StoreOf of = StoreOf::kJournal;
  LogReplay replay = LogReplay::kWhole;
  bool create = false;          // ignored by readers
  rocksdb::Env* env = nullptr;  // nullptr is the real one
};

/// For writing: recovers the log into a table file (so that it is durable), which removes the log.
absl::StatusOr<std::unique_ptr<rocksdb::DB>> OpenStore(const StoreTerms& terms);

/// For reading: changes no file, not even RocksDB's own diary.
absl::StatusOr<std::unique_ptr<rocksdb::DB>> OpenStoreForReading(const StoreTerms& terms);

/// RocksDB's error with its text: RESOURCE_EXHAUSTED for a full disk, DATA_LOSS for what is corrupt or missing,
/// PERMISSION_DENIED, FAILED_PRECONDITION for a lock, INTERNAL for the rest.
absl::Status FromRocksDb(const rocksdb::Status& status);

}  // namespace penstock::ledger
