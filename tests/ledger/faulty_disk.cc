#include "tests/ledger/faulty_disk.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "tests/ledger/journal_fixture.h"

namespace penstock::ledger {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

/// Reports to the disk what was written and synced. Sync stays thread-safe beside Append, as the wrapper forwards.
class FaultyFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(FaultyDisk& disk, std::string path, std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk), path_(std::move(path)) {}

  IOStatus Append(const rocksdb::Slice& bytes, const IOOptions& options, IODebugContext* debug) override {
    const std::shared_lock moving(disk_.standstill_);
    if (IOStatus status = disk_.BeforeWrite(path_); !status.ok()) return status;
    IOStatus status = FSWritableFileOwnerWrapper::Append(bytes, options, debug);
    if (status.ok()) disk_.Wrote(path_, bytes.size());
    return status;
  }
  IOStatus Append(const rocksdb::Slice& bytes, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(bytes, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    const std::shared_lock moving(disk_.standstill_);
    const uint64_t covered = disk_.Written(path_);
    if (IOStatus status = disk_.BeforeSync(path_); !status.ok()) return status;
    IOStatus status = FSWritableFileOwnerWrapper::Sync(options, debug);
    if (status.ok()) disk_.Synced(path_, covered);
    return status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return Sync(options, debug); }

 private:
  FaultyDisk& disk_;
  const std::string path_;
};

FaultyDisk::FaultyDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

void FaultyDisk::FailLogWrites(const IOStatus& status) {
  const std::lock_guard lock(mutex_);
  write_fault_ = status;
}

void FaultyDisk::FailLogSyncs(const IOStatus& status) {
  const std::lock_guard lock(mutex_);
  sync_fault_ = status;
}

void FaultyDisk::LosePowerAfter(int64_t writes_and_syncs) {
  const std::lock_guard lock(mutex_);
  power_for_ = writes_and_syncs;
}

template <typename Kept>
void FaultyDisk::CopyCut(const std::string& from, const std::string& to, const Kept& kept) {
  const std::unique_lock standstill(standstill_);
  const std::lock_guard lock(mutex_);
  CopyDirectory(from, to);
  for (const auto& [path, extent] : files_) {
    if (!path.starts_with(from + "/")) continue;
    const std::string copy = to + path.substr(from.size());
    if (std::filesystem::exists(copy)) std::filesystem::resize_file(copy, kept(extent));
  }
}

void FaultyDisk::CopyAfterPowerCut(const std::string& from, const std::string& to) {
  CopyCut(from, to, [](const Extent& extent) { return extent.synced; });
}

void FaultyDisk::CopyTorn(const std::string& from, const std::string& to, std::mt19937_64& random) {
  CopyCut(from, to,
          [&random](const Extent& extent) { return extent.synced + random() % (extent.written - extent.synced + 1); });
}

IOStatus FaultyDisk::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                     std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) {
  const std::shared_lock moving(standstill_);
  std::unique_ptr<rocksdb::FSWritableFile> real;
  if (IOStatus status = target()->NewWritableFile(path, options, &real, debug); !status.ok()) return status;
  Track(path, 0);
  *file = std::make_unique<FaultyFile>(*this, path, std::move(real));
  return IOStatus::OK();
}

IOStatus FaultyDisk::ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) {
  const std::shared_lock moving(standstill_);
  std::unique_ptr<rocksdb::FSWritableFile> real;
  if (IOStatus status = target()->ReopenWritableFile(path, options, &real, debug); !status.ok()) return status;
  Track(path, real->GetFileSize(IOOptions(), debug));
  *file = std::make_unique<FaultyFile>(*this, path, std::move(real));
  return IOStatus::OK();
}

IOStatus FaultyDisk::DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* debug) {
  const std::shared_lock moving(standstill_);
  {
    const std::lock_guard lock(mutex_);
    if (power_for_ <= 0) return IOStatus::IOError("no power");
  }
  return target()->DeleteFile(path, options, debug);
}

IOStatus FaultyDisk::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                                IODebugContext* debug) {
  const std::shared_lock moving(standstill_);
  IOStatus status = target()->RenameFile(from, to, options, debug);
  const std::lock_guard lock(mutex_);
  if (const auto moved = files_.find(from); status.ok() && moved != files_.end()) {
    files_[to] = moved->second;
    files_.erase(moved);
  }
  return status;
}

bool FaultyDisk::HasPower() { return power_for_ > 0 && --power_for_ >= 0; }

IOStatus FaultyDisk::BeforeWrite(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!HasPower()) return IOStatus::IOError("no power");
  return path.ends_with(".log") ? write_fault_ : IOStatus::OK();
}

IOStatus FaultyDisk::BeforeSync(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!HasPower()) return IOStatus::IOError("no power");
  return path.ends_with(".log") ? sync_fault_ : IOStatus::OK();
}

void FaultyDisk::Wrote(const std::string& path, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  files_[path].written += bytes;
}

uint64_t FaultyDisk::Written(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return files_[path].written;
}

void FaultyDisk::Synced(const std::string& path, uint64_t up_to) {
  const std::lock_guard lock(mutex_);
  files_[path].synced = std::max(files_[path].synced, up_to);
}

void FaultyDisk::Track(const std::string& path, uint64_t size) {
  const std::lock_guard lock(mutex_);
  files_[path] = Extent{size, size};
}

}  // namespace penstock::ledger
