// A finished segment of a journal as a file, which says itself that it is whole:
//
//   "PSTKSEG1"
//   rows (layout: journal.h), each behind its length: u32, never zero
//   u32 zero
//   u64 number | u64 first | u64 last | hash before | hash after | identity of the journal
//     | u64 signed at, Unix seconds | public key | signature (the last three all zero: not signed)
//   SHA-256 of the line above
//
// Integers are big-endian. The chain of the rows leads from the one hash to the other, so it vouches for the rest.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/journal.h"
#include "ledger/signed_head.h"

namespace penstock::ledger {

struct Segment {
  uint64_t number = 0;  // 1, 2, 3...
  Head before;          // where the one before it ended
  SignedHead after;     // where it ends, and of which journal; public key and signature are zero when nobody signed
  std::string path;

  uint64_t first() const { return before.sequence + 1; }
  uint64_t last() const { return after.head.sequence; }
  bool is_signed() const { return after.signature != Signature{}; }
};

/// Writes a segment under a temporary name; Finish syncs it and gives it its own. Without Finish nothing is left.
class SegmentWriter {
 public:
  static absl::StatusOr<SegmentWriter> Create(const std::string& path);
  SegmentWriter(SegmentWriter&& other) noexcept;
  SegmentWriter& operator=(SegmentWriter&&) = delete;
  ~SegmentWriter();

  absl::Status Add(std::string_view row);
  absl::Status Finish(const Segment& segment);

 private:
  SegmentWriter(std::string path, int file);
  absl::Status Write(std::string_view bytes);
  absl::Status Flush();

  std::string path_;
  int file_;
  std::string buffer_;
};

/// Reads what is at the end of the file. DATA_LOSS names the file.
absl::StatusOr<Segment> ReadSegmentFooter(const std::string& path);

/// Reads rows, in order, each checked in itself and against the one before it.
class SegmentReader {
 public:
  static absl::StatusOr<SegmentReader> Open(const Segment& segment);
  SegmentReader(SegmentReader&& other) noexcept;
  SegmentReader& operator=(SegmentReader&&) = delete;
  ~SegmentReader();

  /// The next row's bytes; nothing at the end, once the whole segment has been what its footer says. DATA_LOSS names
  /// the file and the sequence.
  absl::StatusOr<std::optional<std::string>> Next();
  /// The sequence that the row begins with which Next gave.
  uint64_t first_of_row() const { return first_of_row_; }

 private:
  SegmentReader(Segment segment, int file);
  absl::Status Read(size_t size, std::string* bytes);
  absl::Status Damaged(absl::string_view what) const;

  Segment segment_;
  int file_;
  Head end_;  // of the rows so far
  uint64_t first_of_row_ = 0;
};

/// Makes what happened to the names in a directory survive a power cut.
absl::Status SyncDirectory(const std::string& directory);

}  // namespace penstock::ledger
