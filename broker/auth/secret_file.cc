#include "broker/auth/secret_file.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace penstock::auth {
namespace {

constexpr off_t kMaxBytes = 1 << 20;

class File {
 public:
  File(const std::string& path, int flags, mode_t mode) : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

absl::Status Failed(std::string_view what, const std::string& path) {
  const int error = errno;
  return absl::ErrnoToStatus(error, absl::StrCat("cannot ", std::string(what), " ", path));
}

absl::Status CheckPrivate(const std::string& path, const struct stat& facts) {
  if (!S_ISREG(facts.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " is not a regular file"));
  if (facts.st_size > kMaxBytes) return absl::FailedPreconditionError(absl::StrCat(path, " is larger than 1 MiB"));
  if ((facts.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " holds a key, and others than its owner may read or write it; run: chmod 600 ", path));
  }
  return absl::OkStatus();
}

absl::Status WriteAll(const File& file, std::string_view contents, const std::string& path) {
  while (!contents.empty()) {
    const ssize_t written = ::write(file.descriptor(), contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Failed("write", path);
    contents.remove_prefix(static_cast<size_t>(written));
  }
  return ::fsync(file.descriptor()) == 0 ? absl::OkStatus() : Failed("sync", path);
}

absl::Status WriteNew(const std::string& path, std::string_view contents) {
  ::unlink(path.c_str());  // what an earlier crash left half written
  const File file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!file.open()) return Failed("create", path);
  return WriteAll(file, contents, path);
}

absl::Status SyncFolderOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const File folder(parent.empty() ? "." : parent, O_RDONLY | O_DIRECTORY, 0);
  if (!folder.open() || ::fsync(folder.descriptor()) != 0) return Failed("sync the folder of", path);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadSecretFile(const std::string& path) {
  const File file(path, O_RDONLY | O_NONBLOCK, 0);  // non-blocking: a pipe of that name must not hang the start
  if (!file.open()) return Failed("open", path);
  struct stat facts {};
  if (::fstat(file.descriptor(), &facts) != 0) return Failed("look at", path);
  if (absl::Status status = CheckPrivate(path, facts); !status.ok()) return status;
  std::string contents(static_cast<size_t>(facts.st_size), '\0');
  size_t filled = 0;
  while (filled < contents.size()) {
    const ssize_t got = ::read(file.descriptor(), contents.data() + filled, contents.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed("read", path);
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  contents.resize(filled);
  return contents;
}

absl::Status ReplaceSecretFile(const std::string& path, std::string_view contents) {
  const std::string fresh = path + ".new";
  if (absl::Status status = WriteNew(fresh, contents); !status.ok()) return status;
  if (::rename(fresh.c_str(), path.c_str()) != 0) return Failed("replace", path);
  return SyncFolderOf(path);
}

absl::Status CreateSecretFile(const std::string& path, std::string_view contents) {
  const std::string fresh = path + ".new";
  if (absl::Status status = WriteNew(fresh, contents); !status.ok()) return status;
  const int linked = ::link(fresh.c_str(), path.c_str());  // unlike rename, refuses to replace
  const absl::Status status = linked == 0 ? absl::OkStatus() : Failed("create", path);
  ::unlink(fresh.c_str());
  return status.ok() ? SyncFolderOf(path) : status;
}

}  // namespace penstock::auth
