// DIR/HEAD: how far the journal must reach, kept outside the journal's own files.
//
//   two slots of 64 bytes, at offsets 0 and 4096, written in turn; integers little-endian
//   "PSTKHEAD" | u64 generation | u64 sequence | 32 bytes chain hash | first 8 bytes of the SHA-256 of what precedes
//   The generation's lowest bit says "closed in good order"; a higher generation is newer.
//
// A slot is one write within one disk sector. A crash of the process keeps it; a power cut may leave the mark older
// than the journal or one slot torn (then the other counts), never newer than what was synced before it.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "ledger/journal.h"

namespace penstock::ledger {

struct HeadMark {
  Head head;           // durable when it was written
  bool clean = false;  // the journal was closed in good order after that
  friend bool operator==(const HeadMark&, const HeadMark&) = default;
};

/// The newest intact mark. NOT_FOUND without a file, DATA_LOSS (file, offsets, what is wrong) without an intact slot.
absl::StatusOr<HeadMark> ReadHeadMark(const std::string& path);

/// Asked before each write and sync of a mark; an error is returned in its place. Tests put faults here.
enum class MarkStep : uint8_t { kWrite, kSync };
using MarkGuard = std::function<absl::Status(const std::string& path, MarkStep step)>;

/// Owns the open file; one at a time, for one thread at a time.
class HeadMarkFile {
 public:
  /// Creates the file (mode 0600) when it is absent. A file without an intact slot is written over from its start.
  static absl::StatusOr<HeadMarkFile> Open(const std::string& path, MarkGuard guard = nullptr);

  HeadMarkFile(HeadMarkFile&& other) noexcept;
  HeadMarkFile& operator=(HeadMarkFile&&) = delete;
  ~HeadMarkFile();

  absl::Status Write(const HeadMark& mark);
  /// Makes the written marks, and the file itself, survive a power cut.
  absl::Status Sync();

 private:
  HeadMarkFile(std::string path, MarkGuard guard, int file, uint64_t turn)
      : path_(std::move(path)), guard_(std::move(guard)), file_(file), turn_(turn) {}
  absl::Status Ask(MarkStep step) const { return guard_ ? guard_(path_, step) : absl::OkStatus(); }

  std::string path_;
  MarkGuard guard_;
  int file_;
  uint64_t turn_;  // of the newest slot; the next goes to slot (turn_ + 1) % 2
};

}  // namespace penstock::ledger
