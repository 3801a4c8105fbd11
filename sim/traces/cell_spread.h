// Times that were rounded down to a grid, spread over their cell again.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "absl/status/status.h"
#include "sim/traces/trace_row.h"

namespace penstock::sim {

/// Rows with the same time are spread over the cell that begins there (or up to the next time, where that is nearer):
/// uniformly, by a hash of the row's number, in the order of the rows. Holds the rows of one cell.
class CellSpread {
 public:
  explicit CellSpread(Duration cell) : cell_(cell) {}

  /// Not earlier than the row before. Appends the rows of a cell that is thereby complete to `out`.
  /// InvalidArgument when a cell has more than a million rows; says 'timestamp: ...'.
  absl::Status Add(TraceRow row, std::deque<TraceRow>& out);
  /// The rows of the last cell.
  void End(std::deque<TraceRow>& out) { Flush(cell_, out); }

 private:
  void Flush(Duration width, std::deque<TraceRow>& out);

  Duration cell_;
  std::vector<TraceRow> rows_;  // of one time
  uint64_t flushed_ = 0;
};

}  // namespace penstock::sim
