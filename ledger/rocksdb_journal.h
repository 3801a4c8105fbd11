// The durable journal: RocksDB under DIR/journal, and a HEAD mark beside it (DIR/HEAD).
//
// HEAD (ledger/head_mark.h) says what the last Sync covered. It lies outside RocksDB, so that a log cut short by
// anything but a power loss of unsynced writes is noticed on opening. DIR/LOCK keeps a second writer out.
//
// Opening for writing looks first through a reader, which changes nothing: the rows from HEAD's to the end must be
// sound and reach it. Only then is RocksDB opened in earnest, which rewrites its log into a table. What lies before
// HEAD is checked when it is read.
//
// Projections lie in a RocksDB of their own under DIR/projections (ledger/rocksdb_projections.h).
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "ledger/head_mark.h"
#include "ledger/journal.h"

namespace rocksdb {
class Env;
}

namespace penstock::ledger {

struct RocksDbJournalTerms {
  std::string directory;        // created if absent, mode 0700
  bool read_only = false;       // for verify: changes nothing, takes no lock, shows what comes before a damage
  rocksdb::Env* env = nullptr;  // tests inject faults here; nullptr is the real one
  MarkGuard mark_guard;         // likewise for HEAD; nullptr: none
};

/// Errors: DATA_LOSS when something is missing or corrupt (names the file, the sequences and what to do; nothing was
/// changed), FAILED_PRECONDITION when another journal is open on the directory or it is none, NOT_FOUND,
/// PERMISSION_DENIED. RESOURCE_EXHAUSTED (disk full) and INTERNAL also come from Append and Sync, and then stick.
///
/// A reader opens a damaged journal if it can: Read then visits what is intact before it returns DATA_LOSS, and head()
/// is where the journal should end. While a daemon writes to the directory, a reader sees the moment of its opening,
/// which may fail when a file is removed under it: stop the daemon, or try again.
absl::StatusOr<std::unique_ptr<Journal>> OpenRocksDbJournal(const RocksDbJournalTerms& terms);

}  // namespace penstock::ledger
