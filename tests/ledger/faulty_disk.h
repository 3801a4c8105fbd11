// A file system for RocksDB whose faults the tests choose: failing writes or syncs, and a power cut that keeps only
// what was synced.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <string>

namespace penstock::ledger {

class FaultyDisk : public rocksdb::FileSystemWrapper {
 public:
  FaultyDisk();
  const char* Name() const override { return "FaultyDisk"; }

  /// From now on, writes to RocksDB's log (and syncs of it) end with this.
  void FailLogWrites(const rocksdb::IOStatus& status);
  void FailLogSyncs(const rocksdb::IOStatus& status);

  /// From after that many more writes and syncs on, every one of them fails, whatever the file.
  void LosePowerAfter(int64_t writes_and_syncs);

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
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

 private:
  friend class FaultyFile;
  struct Extent {
    uint64_t written = 0;
    uint64_t synced = 0;
  };

  /// Copies, and cuts each file that was written here to what `kept` says.
  template <typename Kept>
  void CopyCut(const std::string& from, const std::string& to, const Kept& kept);
  bool HasPower();
  rocksdb::IOStatus BeforeWrite(const std::string& path);
  rocksdb::IOStatus BeforeSync(const std::string& path);
  void Wrote(const std::string& path, uint64_t bytes);
  uint64_t Written(const std::string& path);
  void Synced(const std::string& path, uint64_t up_to);
  void Track(const std::string& path, uint64_t size);

  std::shared_mutex standstill_;  // shared by whatever changes a file, alone for a copy; taken before mutex_
  std::mutex mutex_;              // the rest is under it
  std::map<std::string, Extent> files_;
  rocksdb::IOStatus write_fault_;
  rocksdb::IOStatus sync_fault_;
  int64_t power_for_ = INT64_MAX;  // writes and syncs
};

}  // namespace penstock::ledger
