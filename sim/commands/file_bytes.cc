#include "sim/commands/file_bytes.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "ledger/sha256.h"

namespace penstock::sim {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

class FileBytes final : public ByteSource {
 public:
  FileBytes(std::string path, File file) : path_(std::move(path)), file_(std::move(file)) {}
  absl::StatusOr<size_t> Read(std::span<char> into) override {
    const size_t count = std::fread(into.data(), 1, into.size(), file_.get());
    if (count == 0 && std::ferror(file_.get()) != 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": cannot be read"));
    }
    return count;
  }

 private:
  const std::string path_;
  const File file_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> BytesOfFile(const std::string& path) {
  File file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be opened"));
  return std::make_unique<FileBytes>(path, std::move(file));
}

absl::StatusOr<std::string> HashOfFile(const std::string& path) {
  const absl::StatusOr<std::unique_ptr<ByteSource>> bytes = BytesOfFile(path);
  if (!bytes.ok()) return bytes.status();
  std::vector<char> room(1 << 16);
  absl::Status failed;
  const ledger::Hash hash = ledger::Sha256OfPieces([&] {
    const absl::StatusOr<size_t> count = (*bytes)->Read(room);
    if (!count.ok()) failed = count.status();
    return std::string_view(room.data(), count.value_or(0));
  });
  if (!failed.ok()) return failed;
  return ledger::ToHex(hash);
}

absl::Status WriteFile(const std::string& path, std::string_view bytes) {
  const File file(std::fopen(path.c_str(), "wb"));
  const bool written = file != nullptr && std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size() &&
                       std::fflush(file.get()) == 0;
  if (written) return absl::OkStatus();
  return absl::UnknownError(absl::StrCat(path, ": cannot be written: ", std::strerror(errno)));
}

}  // namespace penstock::sim
