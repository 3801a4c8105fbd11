// The data directory: made, checked and claimed. One process at a time owns it.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>

namespace penstock::ledger {

/// Where things lie in a data directory.
struct JournalPaths {
  explicit JournalPaths(const std::string& directory);
  std::string directory;
  std::string lock;         // DIR/LOCK
  std::string head;         // DIR/HEAD
  std::string journal;      // DIR/journal, RocksDB's
  std::string projections;  // DIR/projections, RocksDB's: may be removed at any time but while it is in use
};

/// Creates the directory, mode 0700, unless it is there. NOT_FOUND when its parent is missing, FAILED_PRECONDITION when
/// it is something else than a directory, PERMISSION_DENIED when this user may not write to it.
absl::Status PrepareDirectory(const std::string& directory);

/// For readers: the same errors, nothing created, no need to write.
absl::Status CheckReadableDirectory(const std::string& directory);

/// Held for as long as the object lives; the kernel drops it when the process ends, however it ends.
class DirectoryLock {
 public:
  /// FAILED_PRECONDITION when another journal, of this process or another, holds it.
  static absl::StatusOr<DirectoryLock> Take(const JournalPaths& paths);

  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int file) : file_(file) {}
  int file_;
};

}  // namespace penstock::ledger
