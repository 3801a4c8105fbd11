// What the journal's tests share: a directory of their own, made-up payloads, and a whole journal read at once.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "ledger/journal.h"

namespace penstock::ledger {

/// A fresh directory, removed with everything in it at the end of the test.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  /// A path in it; nothing is created.
  std::string path(const std::string& name) const { return (root_ / name).string(); }

 private:
  std::filesystem::path root_;
};

/// The payload that the tests write at this sequence: 0 to 299 bytes of all values.
std::string PayloadAt(uint64_t sequence);
std::vector<std::string> PayloadsFrom(uint64_t sequence, size_t count);

/// Appends `count` payloads to the journal's end, as one row.
absl::Status AppendPayloads(Journal& journal, size_t count);

struct ReadResult {
  absl::Status status;
  uint64_t last = 0;  // of the entries that were as the tests wrote them, without a gap
};

/// Reads from the start and compares every entry with PayloadAt; a difference is an INTERNAL error.
ReadResult ReadBack(const Journal& journal);

/// PENSTOCK_SEED, or one drawn now; printed, so that a failure can be repeated.
uint64_t TestSeed();

std::string FileBytes(const std::string& path);
void WriteFileBytes(const std::string& path, const std::string& bytes);
void CopyDirectory(const std::string& from, const std::string& to);
/// The files of RocksDB in DIR/journal that hold something and end with `suffix`, in order of their names.
std::vector<std::string> FilesEndingWith(const std::string& directory, const std::string& suffix);

}  // namespace penstock::ledger
