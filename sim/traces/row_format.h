// The seam between the reader of traces and what is particular to a format.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sim/traces/trace_row.h"

namespace penstock::sim {

/// Reads the rows of one file, in order.
class RowFormat {
 public:
  enum class Outcome : uint8_t { kRow, kFailedRequest };

  virtual ~RowFormat() = default;
  /// Does the first line name the columns?
  virtual bool has_header() const = 0;
  /// Of the first line. An error ends the reading: 'column: what is wrong, what to do'.
  virtual absl::Status ReadHeader(std::string_view line) = 0;
  /// Overwrites the row, whose offset is then counted from any moment, the same for all rows. An error says
  /// 'column: ...' or 'field: what is wrong, why, what to do'; the row is then meaningless.
  virtual absl::StatusOr<Outcome> ReadRow(std::string_view line, TraceRow* row) = 0;
  /// The row is kept: later ones may refer to it.
  virtual void Keep(const TraceRow&) {}
  /// Several rows with the same time stand for this much time from then on; zero: for this moment.
  virtual Duration cell() const { return Duration::Zero(); }
  /// What to say of a row that is earlier than the one before, and of a file without any.
  virtual std::string EarlierRow() const = 0;
  virtual std::string NoRows() const = 0;
};

std::unique_ptr<RowFormat> AzureFormat();
std::unique_ptr<RowFormat> MooncakeFormat();
std::unique_ptr<RowFormat> BurstGptFormat();
std::unique_ptr<RowFormat> BailianFormat();

}  // namespace penstock::sim
