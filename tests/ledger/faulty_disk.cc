#include "tests/ledger/faulty_disk.h"

#include <rocksdb/system_clock.h>

#include <algorithm>
#include <filesystem>
#include <thread>
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
    IOStatus fault = disk_.Before(DiskOperation::kWrite);
    const std::shared_lock moving(disk_.standstill_);
    if (fault.ok()) fault = disk_.BeforeWrite(path_);
    if (!fault.ok() && !fault.IsNoSpace()) return fault;
    // A disk takes a part of the write that fills it.
    const rocksdb::Slice taken(bytes.data(), fault.ok() ? bytes.size() : bytes.size() / 2);
    IOStatus status = FSWritableFileOwnerWrapper::Append(taken, options, debug);
    if (status.ok()) disk_.Wrote(path_, taken.size());
    return fault.ok() ? status : fault;
  }
  IOStatus Append(const rocksdb::Slice& bytes, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(bytes, options, debug);
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    const uint64_t covered = disk_.Written(path_);
    if (IOStatus fault = disk_.Before(DiskOperation::kSync); !fault.ok()) return fault;
    const std::shared_lock moving(disk_.standstill_);
    if (IOStatus fault = disk_.BeforeSync(path_); !fault.ok()) return fault;
    disk_.Synced(path_, covered);
    return IOStatus::OK();
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return Sync(options, debug); }
  /// Nothing is set aside: a log would ask for 100 MB.
  void PrepareWrite(size_t, size_t, const IOOptions&, IODebugContext*) override {}
  IOStatus Allocate(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  FaultyDisk& disk_;
  const std::string path_;
};

class FaultyDirectory : public rocksdb::FSDirectory {
 public:
  FaultyDirectory(FaultyDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    if (IOStatus fault = disk_.Before(DiskOperation::kSync); !fault.ok()) return fault;
    const std::shared_lock moving(disk_.standstill_);
    disk_.SyncedDirectory(path_);
    return IOStatus::OK();
  }

 private:
  FaultyDisk& disk_;
  const std::string path_;
};

namespace {

/// Of a path as RocksDB writes it, which may end with a slash.
std::string Plain(const std::string& path) { return path.ends_with('/') ? path.substr(0, path.size() - 1) : path; }

std::string ParentOf(const std::string& path) { return std::filesystem::path(path).parent_path().string(); }

std::optional<std::string> BytesOf(const std::string& path) {
  return std::filesystem::is_regular_file(path) ? std::optional(FileBytes(path)) : std::nullopt;
}

}  // namespace

FaultyDisk::FaultyDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

void FaultyDisk::FailLogWrites(const IOStatus& status) {
  const std::lock_guard lock(mutex_);
  write_fault_ = status;
}

void FaultyDisk::FailLogSyncs(const IOStatus& status) {
  const std::lock_guard lock(mutex_);
  sync_fault_ = status;
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

void FaultyDisk::LoseUnsynced(std::mt19937_64* torn) {
  const std::unique_lock standstill(standstill_);
  const std::lock_guard lock(mutex_);
  for (auto& [path, extent] : files_) {
    if (!std::filesystem::exists(path)) continue;
    extent.written = std::filesystem::file_size(path);  // a file may have been cut since
    extent.synced = std::min(extent.synced, extent.written);
    const uint64_t unsynced = extent.written - extent.synced;
    const uint64_t kept = extent.synced + (torn == nullptr ? 0 : (*torn)() % (unsynced + 1));
    std::filesystem::resize_file(path, kept);
    extent = Extent{kept, kept};
  }
  const size_t kept = torn == nullptr ? 0 : (*torn)() % (changes_.size() + 1);
  for (; changes_.size() > kept; changes_.pop_back()) Undo(changes_.back());
  changes_.clear();
  LoseUnsyncedMarks(torn);
}

void FaultyDisk::Undo(const Change& change) {
  if (!std::filesystem::exists(ParentOf(change.path))) return;  // removed behind the disk's back, as Clear does
  if (!change.renamed_from.empty() && std::filesystem::exists(change.path)) {
    std::filesystem::rename(change.path, change.renamed_from);
    files_[change.renamed_from] = files_[change.path];
  }
  files_.erase(change.path);
  std::filesystem::remove_all(change.path);
  if (!change.was) return;
  WriteFileBytes(change.path, *change.was);
  files_[change.path] = Extent{change.was->size(), change.was->size()};
}

void FaultyDisk::LoseUnsyncedMarks(std::mt19937_64* torn) {
  constexpr size_t kSlotPage = 4096;
  for (auto& [path, synced] : marks_) {
    std::string bytes = BytesOf(path).value_or("");
    if (!synced) {
      std::filesystem::remove(path);
      continue;
    }
    synced->resize(std::max(synced->size(), bytes.size()));
    for (size_t slot = 0; slot < bytes.size(); slot += kSlotPage) {
      const size_t length = std::min(kSlotPage, bytes.size() - slot);
      if (torn == nullptr || (*torn)() % 2 == 0) bytes.replace(slot, length, *synced, slot, length);
    }
    WriteFileBytes(path, bytes);
    synced = bytes;
  }
}

MarkGuard FaultyDisk::GuardOfHead() {
  return [this](const std::string& path, MarkStep step) { return BeforeMark(path, step); };
}

absl::Status FaultyDisk::BeforeMark(const std::string& path, MarkStep step) {
  const bool write = step == MarkStep::kWrite;
  const IOStatus fault = Before(write ? DiskOperation::kWrite : DiskOperation::kSync);
  if (fault.IsNoSpace()) return absl::ResourceExhaustedError(fault.ToString());
  if (!fault.ok()) return absl::InternalError(fault.ToString());
  const std::lock_guard lock(mutex_);
  if (!write) {
    marks_[path] = FileBytes(path);
    std::erase_if(changes_, [&](const Change& change) { return ParentOf(change.path) == ParentOf(path); });
  } else if (!marks_.contains(path)) {
    const std::optional<std::string> bytes = BytesOf(path);
    marks_[path] = bytes && !bytes->empty() ? bytes : std::nullopt;
  }
  return absl::OkStatus();
}

IOStatus FaultyDisk::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                     std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) {
  if (IOStatus fault = Before(DiskOperation::kCreate); !fault.ok()) return fault;
  const std::shared_lock moving(standstill_);
  const bool known = std::filesystem::exists(path);
  std::unique_ptr<rocksdb::FSWritableFile> real;
  if (IOStatus status = target()->NewWritableFile(path, options, &real, debug); !status.ok()) return status;
  if (!known) NoteChange({.path = path, .renamed_from = {}, .was = {}});
  Track(path, 0);
  *file = std::make_unique<FaultyFile>(*this, path, std::move(real));
  return IOStatus::OK();
}

IOStatus FaultyDisk::ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) {
  if (IOStatus fault = Before(DiskOperation::kCreate); !fault.ok()) return fault;
  const std::shared_lock moving(standstill_);
  std::unique_ptr<rocksdb::FSWritableFile> real;
  if (IOStatus status = target()->ReopenWritableFile(path, options, &real, debug); !status.ok()) return status;
  TrackUnlessKnown(path, std::filesystem::file_size(path));
  *file = std::make_unique<FaultyFile>(*this, path, std::move(real));
  return IOStatus::OK();
}

IOStatus FaultyDisk::NewDirectory(const std::string& path, const IOOptions&,
                                  std::unique_ptr<rocksdb::FSDirectory>* directory, IODebugContext*) {
  *directory = std::make_unique<FaultyDirectory>(*this, Plain(path));
  return IOStatus::OK();
}

IOStatus FaultyDisk::CreateDir(const std::string& path, const IOOptions& options, IODebugContext* debug) {
  if (IOStatus fault = Before(DiskOperation::kCreate); !fault.ok()) return fault;
  const std::shared_lock moving(standstill_);
  IOStatus status = target()->CreateDir(path, options, debug);
  if (status.ok()) NoteChange({.path = Plain(path), .renamed_from = {}, .was = {}});
  return status;
}

IOStatus FaultyDisk::CreateDirIfMissing(const std::string& path, const IOOptions& options, IODebugContext* debug) {
  return std::filesystem::exists(path) ? IOStatus::OK() : CreateDir(path, options, debug);
}

IOStatus FaultyDisk::DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* debug) {
  if (IOStatus fault = Before(DiskOperation::kDelete); !fault.ok()) return fault;
  const std::shared_lock moving(standstill_);
  std::optional<std::string> was = BytesOf(path);
  IOStatus status = target()->DeleteFile(path, options, debug);
  if (!status.ok()) return status;
  NoteChange({.path = path, .renamed_from = {}, .was = std::move(was)});
  const std::lock_guard lock(mutex_);
  files_.erase(path);
  return status;
}

IOStatus FaultyDisk::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                                IODebugContext* debug) {
  if (IOStatus fault = Before(DiskOperation::kRename); !fault.ok()) return fault;
  const std::shared_lock moving(standstill_);
  std::optional<std::string> was = BytesOf(to);
  IOStatus status = target()->RenameFile(from, to, options, debug);
  if (!status.ok()) return status;
  NoteChange({.path = to, .renamed_from = from, .was = std::move(was)});
  const std::lock_guard lock(mutex_);
  if (const auto moved = files_.find(from); moved != files_.end()) {
    files_[to] = moved->second;
    files_.erase(moved);
  }
  return status;
}

IOStatus FaultyDisk::Before(DiskOperation operation) {
  switch (faults_.Before(operation)) {
    case Faults::Verdict::kGoOn:
      break;
    case Faults::Verdict::kPowerIsOff:
      return IOStatus::IOError("the power is off");
    case Faults::Verdict::kIoError:
      return IOStatus::IOError("injected");
    case Faults::Verdict::kNoSpace:
      return IOStatus::NoSpace("injected");
  }
  return IOStatus::OK();
}

IOStatus FaultyDisk::BeforeWrite(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return path.ends_with(".log") ? write_fault_ : IOStatus::OK();
}

IOStatus FaultyDisk::BeforeSync(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return path.ends_with(".log") ? sync_fault_ : IOStatus::OK();
}

void FaultyDisk::NoteChange(Change change) {
  const std::lock_guard lock(mutex_);
  // What was in an earlier directory of that name went with it.
  std::erase_if(changes_, [&](const Change& earlier) { return earlier.path.starts_with(change.path + "/"); });
  changes_.push_back(std::move(change));
}

void FaultyDisk::SyncedDirectory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  std::erase_if(changes_, [&path](const Change& change) { return ParentOf(change.path) == path; });
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

void FaultyDisk::TrackUnlessKnown(const std::string& path, uint64_t size) {
  const std::lock_guard lock(mutex_);
  files_.try_emplace(path, Extent{size, size});
}

void FaultyDisk::Track(const std::string& path, uint64_t size) {
  const std::lock_guard lock(mutex_);
  files_[path] = Extent{size, size};
}

namespace {

class SleeplessClock : public rocksdb::SystemClockWrapper {
 public:
  using SystemClockWrapper::SystemClockWrapper;
  const char* Name() const override { return "SleeplessClock"; }
  void SleepForMicroseconds(int) override { std::this_thread::yield(); }
};

class SleeplessEnv : public rocksdb::EnvWrapper {
 public:
  explicit SleeplessEnv(std::unique_ptr<rocksdb::Env> env) : EnvWrapper(std::move(env)) {
    system_clock_ = std::make_shared<SleeplessClock>(system_clock_);
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> NewSleeplessEnv(const std::shared_ptr<FaultyDisk>& disk) {
  return std::make_unique<SleeplessEnv>(rocksdb::NewCompositeEnv(disk));
}

}  // namespace penstock::ledger
