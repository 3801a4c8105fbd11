#include "ledger/journal_directory.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace penstock::ledger {
namespace {

absl::Status CheckDirectory(const std::string& directory, int access, const char* verb) {
  struct stat found {};
  if (::stat(directory.c_str(), &found) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot find data directory ", directory));
  }
  if (!S_ISDIR(found.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(directory, " is not a directory: name another one with --data"));
  }
  if (::access(directory.c_str(), access) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("may not ", verb, " data directory ", directory,
                                                   ": run as its owner, or change its owner and mode"));
  }
  return absl::OkStatus();
}

}  // namespace

JournalPaths::JournalPaths(const std::string& dir)
    : directory(dir),
      lock(dir + "/LOCK"),
      head(dir + "/HEAD"),
      journal(dir + "/journal"),
      projections(dir + "/projections") {}

absl::Status PrepareDirectory(const std::string& directory) {
  if (::mkdir(directory.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot create data directory ", directory));
  }
  return CheckDirectory(directory, R_OK | W_OK | X_OK, "write to");
}

absl::Status CheckReadableDirectory(const std::string& directory) {
  return CheckDirectory(directory, R_OK | X_OK, "read");
}

absl::StatusOr<DirectoryLock> DirectoryLock::Take(const JournalPaths& paths) {
  const int file = ::open(paths.lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", paths.lock));
  DirectoryLock lock(file);
  if (::flock(file, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return absl::ErrnoToStatus(errno, absl::StrCat("cannot lock ", paths.lock));
  return absl::FailedPreconditionError(
      absl::StrCat("data directory ", paths.directory, " is in use (", paths.lock,
                   " is locked): stop the penstock that runs on it, or name another directory with --data"));
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

DirectoryLock::~DirectoryLock() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace penstock::ledger
