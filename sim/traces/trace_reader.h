// Traces of requests, read row by row: a week of them is never held in memory.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/traces/byte_source.h"
#include "sim/traces/cell_spread.h"
#include "sim/traces/line_reader.h"
#include "sim/traces/row_format.h"
#include "sim/traces/row_tally.h"
#include "sim/traces/trace_row.h"

namespace penstock::sim {

enum class TraceFormat : uint8_t { kAzure, kMooncake, kBurstGpt, kBailian };

/// "azure", "mooncake", "burstgpt" and "qwen-bailian"; nothing for any other name.
std::optional<TraceFormat> TraceFormatNamed(std::string_view name);
std::string_view Name(TraceFormat format);

/// The format whose first line this is; an InvalidArgument error names the formats that there are.
absl::StatusOr<TraceFormat> TraceFormatOf(std::string_view first_line);

struct TraceOptions {
  std::optional<TraceFormat> format;  // none: told by the first line
  RowRules rules;
};

class TraceReader {
 public:
  /// Reads gzip, Zstandard or plain text. Errors come with the first row. `file_name` is only quoted.
  TraceReader(std::unique_ptr<ByteSource> bytes, std::string file_name, TraceOptions options = {});

  /// The next row; false at the end. Bad rows are skipped and counted. An error (InvalidArgument, or the source's own)
  /// ends the reading: damaged compression, a line too long, an unknown format, a file without a good row, more than
  /// half of the first 100 rows bad, or, strict, the first bad one.
  absl::StatusOr<bool> Next(TraceRow* row);

  /// Up to here: some rows may have been read ahead.
  const RowTally& tally() const { return judge_.tally(); }

 private:
  absl::StatusOr<bool> NextOrError(TraceRow* row);
  absl::Status ReadFirstLine(std::string_view line);
  absl::Status ReadLine(std::string_view line);
  absl::Status Add(TraceRow row);
  absl::Status End();
  absl::Status ErrorAtLine(int64_t line, std::string_view why) const;

  TraceOptions options_;
  std::unique_ptr<ByteSource> bytes_;
  LineReader lines_;
  RowJudge judge_;
  std::unique_ptr<RowFormat> format_;  // none before the first line
  std::optional<CellSpread> spread_;   // only where the format has cells
  std::deque<TraceRow> ready_;         // offsets from the format's moment
  TraceRow scratch_;
  std::optional<Duration> first_;
  Duration last_;
  bool ended_ = false;
  absl::Status status_;
};

/// All rows of a trace of a known format, at least one; strict: a bad row is an error and nothing is returned.
absl::StatusOr<std::vector<TraceRow>> ParseTrace(std::string_view text, std::string_view file_name, TraceFormat format);

}  // namespace penstock::sim
