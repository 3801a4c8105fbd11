// Lines of a text that is read as it comes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/traces/byte_source.h"

namespace penstock::sim {

/// The longest line that is read: a prompt of 4 million tokens in blocks of 16.
constexpr size_t kMaxLineBytes = size_t{4} << 20;

class LineReader {
 public:
  /// `bytes` must outlive the reader. `file_name` is only quoted.
  LineReader(ByteSource& bytes, std::string file_name);

  /// The next line without its end (LF or CR LF; the last may have none); false at the end. The line lives until the
  /// next call. A line above kMaxLineBytes is an InvalidArgument error 'file:line: ...'; those of the source pass
  /// through.
  absl::StatusOr<bool> Next(std::string_view* line);

  /// Of the line that was read last, from 1; 0 before.
  int64_t number() const { return number_; }
  const std::string& file_name() const { return file_name_; }

 private:
  absl::StatusOr<bool> ReadOn();

  ByteSource& bytes_;
  std::string file_name_;
  std::vector<char> buffer_;
  size_t begin_ = 0;  // of what was not yet handed out
  size_t end_ = 0;
  int64_t number_ = 0;
  bool ended_ = false;
};

}  // namespace penstock::sim
