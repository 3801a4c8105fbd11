#include "ledger/backup.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "ledger/journal_directory.h"
#include "ledger/segment_file.h"

namespace penstock::ledger {
namespace {

namespace fs = std::filesystem;

absl::Status Failed(absl::string_view what, const fs::path& path, const std::error_code& code) {
  return absl::ErrnoToStatus(code.value(), absl::StrCat("cannot ", what, " ", path.string()));
}

absl::Status SyncFile(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int result = file < 0 ? -1 : ::fsync(file);
  const std::error_code code(errno, std::generic_category());
  if (file >= 0) ::close(file);
  return result == 0 ? absl::OkStatus() : Failed("sync", path, code);
}

/// Everything but locks and what an interrupted replacement left.
absl::Status CopyTree(const fs::path& from, const fs::path& to) {
  std::error_code code;
  if (!fs::create_directory(to, from, code)) return Failed("create", to, code);
  fs::directory_iterator entries(from, code);
  if (code) return Failed("read", from, code);
  for (const fs::directory_entry& entry : entries) {
    const fs::path name = entry.path().filename();
    const fs::path copy = to / name;
    absl::Status copied;
    if (entry.is_directory()) {
      copied = CopyTree(entry.path(), copy);
    } else if (entry.is_regular_file() && name != "LOCK" && name.extension() != ".new") {
      fs::copy_file(entry.path(), copy, code);
      copied = code ? Failed("copy", entry.path(), code) : SyncFile(copy);
    }
    if (!copied.ok()) return copied;
  }
  return SyncDirectory(to.string());
}

absl::Status CheckPlaces(const fs::path& from, const fs::path& to) {
  std::error_code code;
  if (absl::Status readable = CheckReadableDirectory(from.string()); !readable.ok()) return readable;
  const fs::path inner = fs::weakly_canonical(fs::absolute(to), code);
  const fs::path outer = fs::canonical(from, code);
  if (!fs::relative(inner, outer, code).string().starts_with("..")) {
    return absl::FailedPreconditionError(absl::StrCat(to.string(), " lies in ", from.string()));
  }
  if (!fs::exists(to, code)) return absl::OkStatus();
  if (fs::is_directory(to, code) && fs::is_empty(to, code)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(to.string(), " is not an empty directory: name one that is empty or absent"));
}

absl::StatusOr<Verification> CopyAndVerify(const fs::path& from, const fs::path& to, const OpenForReading& open) {
  if (absl::Status copied = CopyTree(from, to); !copied.ok()) return copied;
  const absl::StatusOr<std::unique_ptr<Journal>> copy = open(to.string());
  if (!copy.ok()) return copy.status();
  return Verify(**copy);
}

}  // namespace

absl::StatusOr<Verification> CopyVerified(const std::string& from, const std::string& to, const OpenForReading& open) {
  fs::path target(to);
  if (!target.has_filename()) target = target.parent_path();  // "DIR/"
  if (absl::Status places = CheckPlaces(from, target); !places.ok()) return places;
  const JournalPaths paths(from);
  std::optional<DirectoryLock> lock;
  if (fs::exists(paths.lock)) {  // a backup has none
    absl::StatusOr<DirectoryLock> taken = DirectoryLock::Take(paths);
    if (!taken.ok()) return taken.status();
    lock.emplace(*std::move(taken));
  }

  const std::string partial = target.string() + ".partial";
  std::error_code ignored;
  fs::remove_all(partial, ignored);  // of an earlier try
  const absl::StatusOr<Verification> found = CopyAndVerify(from, partial, open);
  absl::Status status = found.status();
  if (status.ok() && std::rename(partial.c_str(), target.c_str()) != 0) {
    status = absl::ErrnoToStatus(errno, absl::StrCat("cannot rename ", partial));
  }
  if (!status.ok()) {
    fs::remove_all(partial, ignored);
    return status;
  }
  if (absl::Status synced = SyncDirectory(target.parent_path().string()); !synced.ok()) return synced;
  return found;
}

}  // namespace penstock::ledger
