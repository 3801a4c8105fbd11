// The arrival log on disk: DIR/arrivals/{epoch}-{number}.log, numbered from 1 in each boot, bounded in bytes over all
// boots: the oldest files go first. Nothing is ever synced: a crash of the process keeps what was written, a power cut
// may not.
//
//   file    16 bytes "penstock arrival" | u32 version | u32 epoch | u32 number | 32 bytes chain | blocks
//   block   u32 length | u32 its complement | 32 bytes SHA-256(chain before || payload) | payload (record.h)
//
// Numbers are big-endian. A file's chain begins with SHA-256 of its header, whose `chain` is that at the end of the
// file before, so no byte, block or file can change or go missing in the middle without being noticed.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/arrivals/record.h"
#include "ledger/sha256.h"

namespace penstock::arrivals {

struct LogFile {
  std::string path;
  uint32_t epoch = 0;
  uint32_t number = 0;
  uint64_t bytes = 0;
};
/// The files of a data directory, oldest first; none when it has no log.
absl::StatusOr<std::vector<LogFile>> ListLog(const std::string& data_dir);

/// Writes the log of one boot. One thread at a time.
class LogWriter {
 public:
  struct Terms {
    std::string data_dir;
    uint32_t epoch = 0;
    uint64_t max_bytes = 0;  // of all files together
  };
  /// Makes DIR/arrivals if need be.
  static absl::StatusOr<std::unique_ptr<LogWriter>> Open(Terms terms);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// Appends one block, and removes old files to make room. After an error nothing more may be written.
  absl::Status Write(std::string_view block);

 private:
  LogWriter(Terms terms, std::vector<LogFile> files);
  absl::Status BeginFile();
  absl::Status MakeRoom(uint64_t bytes);
  absl::Status Append(std::string_view bytes);

  const Terms terms_;
  const uint64_t file_bytes_;  // a new file is begun beyond this
  std::deque<LogFile> files_;  // oldest first; the last is written to when file_ is open
  uint64_t total_ = 0;
  int file_ = -1;
  std::string block_header_;  // used again
  uint32_t number_ = 0;
  ledger::Hash chain_{};
};

/// Reads what is left of the log of one boot, record by record: for replaying it, or as recorded traffic.
class LogReader {
 public:
  /// NOT_FOUND when there is no log of that epoch.
  static absl::StatusOr<LogReader> Open(const std::string& data_dir, uint32_t epoch);

  uint32_t epoch() const { return files_.front().epoch; }

  /// Puts the next record there; false at the end. The first is a Birth, unless the oldest files of this boot are gone.
  /// DATA_LOSS names the file and place of what is damaged.
  absl::StatusOr<bool> Next(Record* record);

  /// Once Next has come to the end: bytes of a block that a crash cut short, left out.
  uint64_t cut_bytes() const { return cut_bytes_; }

 private:
  explicit LogReader(std::vector<LogFile> files) : files_(std::move(files)) {}
  absl::Status OpenFile();
  absl::StatusOr<bool> NextBlock();
  absl::Status Damaged(std::string_view what) const;

  std::vector<LogFile> files_;
  size_t next_file_ = 0;
  std::string text_;  // of the file in hand
  size_t at_ = 0;
  ledger::Hash chain_{};
  uint64_t cut_bytes_ = 0;
  std::optional<BlockReader> block_;  // of text_
};

}  // namespace penstock::arrivals
