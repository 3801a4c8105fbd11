// Bad rows are neither fatal nor silent: each is reported with its place, counted and skipped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace penstock::sim {

/// 'file:line:column: what is wrong' of a `why` that begins with a column's number, 'file:line: field: what is wrong'
/// of any other.
std::string AtLine(std::string_view file_name, int64_t line, std::string_view why);

struct RowRules {
  bool strict = false;        // the first bad row is the reader's error
  size_t kept_messages = 20;  // of bad rows; the others are counted only
};

/// What a reader has met so far.
struct RowTally {
  int64_t rows = 0;             // good ones
  int64_t bad_rows = 0;         // skipped
  int64_t failed_requests = 0;  // rows of requests that the traced service did not answer, as BurstGPT lists; no rows
  std::vector<std::string> messages;  // 'file:line:column: ...' or 'file:line: field: ...' of the first bad rows
};

/// Counts for a reader, and says when it must give up.
class RowJudge {
 public:
  RowJudge(std::string file_name, const RowRules& rules);

  void Good() { ++tally_.rows; }
  void FailedRequest() { ++tally_.failed_requests; }
  /// `why` begins with the column or field. An error (InvalidArgument) when the rules are strict, and when more than
  /// half of the first 100 rows are bad: then the file is of another format.
  absl::Status Bad(int64_t line, std::string_view why);

  const RowTally& tally() const { return tally_; }
  /// Of the bad rows; empty while there is none.
  const std::string& first_message() const { return first_message_; }

 private:
  std::string file_name_;
  RowRules rules_;
  RowTally tally_;
  std::string first_message_;
};

}  // namespace penstock::sim
