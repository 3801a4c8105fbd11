#include "broker/config/read_file.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace penstock::config {

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit) {
  // Non-blocking: a pipe of that name must not hang the start.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  struct stat facts {};
  const bool regular = ::fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode);
  const size_t size = regular ? static_cast<size_t>(facts.st_size) : 0;
  std::string text(std::min(size, limit) + 1, '\0');
  size_t filled = 0;
  ssize_t got = 1;
  while (regular && filled < text.size() && got != 0) {
    got = ::read(descriptor, text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    filled += static_cast<size_t>(got);
  }
  const int error = errno;
  ::close(descriptor);
  if (!regular) return absl::FailedPreconditionError(absl::StrCat(path, " is not a regular file"));
  if (got < 0) return absl::ErrnoToStatus(error, absl::StrCat("cannot read ", path));
  text.resize(filled);
  return text;
}

}  // namespace penstock::config
