// A file system for RocksDB (and HEAD) whose faults the tests choose: failing operations, and a power cut that keeps
// only what was synced: the bytes of files, and what directories say about them (created, renamed, deleted).
//
// Syncing is only noted, for the real disk need not take part.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <shared_mutex>
#include <string>
#include <vector>

#include "ledger/head_mark.h"
#include "tests/ledger/faults.h"

namespace penstock::ledger {

class FaultyDisk : public rocksdb::FileSystemWrapper {
 public:
  FaultyDisk();
  const char* Name() const override { return "FaultyDisk"; }

  /// Counts every write, sync, creation, rename and removal of files, and of HEAD the writes and syncs.
  Faults& faults() { return faults_; }

  /// For RocksDbJournalTerms. A slot of HEAD is within one sector, so it is kept or lost as a whole.
  MarkGuard GuardOfHead();

  /// After a power cut, with every file closed: takes away what was not synced, but for a random part of it if `torn`
  /// (of each file a part of its bytes, of the directories the first changes, of HEAD any of the slots).
  void LoseUnsynced(std::mt19937_64* torn);

  /// From now on, writes to RocksDB's log (and syncs of it) end with this.
  void FailLogWrites(const rocksdb::IOStatus& status);
  void FailLogSyncs(const rocksdb::IOStatus& status);

  /// Copies a directory as a power cut would leave it: of what was written through this disk, only what was synced.
  /// The disk stands still meanwhile, whatever RocksDB does in the background.
  void CopyAfterPowerCut(const std::string& from, const std::string& to);
  /// As above, but of each file a random part of the unsynced bytes was kept as well.
  void CopyTorn(const std::string& from, const std::string& to, std::mt19937_64& random);

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDir(const std::string& path, const rocksdb::IOOptions& options,
                              rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus CreateDirIfMissing(const std::string& path, const rocksdb::IOOptions& options,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

 private:
  friend class FaultyFile;
  friend class FaultyDirectory;
  struct Extent {
    uint64_t written = 0;
    uint64_t synced = 0;
  };

  /// Of a directory, not synced yet; undone by a power cut.
  struct Change {
    std::string path;                // what was created, deleted, or is the new name
    std::string renamed_from;        // empty: not renamed
    std::optional<std::string> was;  // what the path held before
  };

  rocksdb::IOStatus Before(DiskOperation operation);
  void NoteChange(Change change);
  void SyncedDirectory(const std::string& path);
  void Undo(const Change& change);
  absl::Status BeforeMark(const std::string& path, MarkStep step);
  void LoseUnsyncedMarks(std::mt19937_64* torn);

  /// Copies, and cuts each file that was written here to what `kept` says.
  template <typename Kept>
  void CopyCut(const std::string& from, const std::string& to, const Kept& kept);
  rocksdb::IOStatus BeforeWrite(const std::string& path);
  rocksdb::IOStatus BeforeSync(const std::string& path);
  void Wrote(const std::string& path, uint64_t bytes);
  uint64_t Written(const std::string& path);
  void Synced(const std::string& path, uint64_t up_to);
  void Track(const std::string& path, uint64_t size);
  void TrackUnlessKnown(const std::string& path, uint64_t size);

  Faults faults_;
  std::shared_mutex standstill_;  // shared by whatever changes a file, alone for a copy; taken before mutex_
  std::mutex mutex_;              // the rest is under it
  std::map<std::string, Extent> files_;
  std::vector<Change> changes_;                              // in the order in which they happened
  std::map<std::string, std::optional<std::string>> marks_;  // HEAD as of its last sync; nothing: never synced
  rocksdb::IOStatus write_fault_;
  rocksdb::IOStatus sync_fault_;
};

/// An Env on this disk whose clock never sleeps: RocksDB waits a second after a failed flush.
std::unique_ptr<rocksdb::Env> NewSleeplessEnv(const std::shared_ptr<FaultyDisk>& disk);

}  // namespace penstock::ledger
