#include "sim/traces/cell_spread.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"
#include "sim/random.h"

namespace penstock::sim {
namespace {

constexpr size_t kMostRowsOfACell = 1'000'000;

}  // namespace

absl::Status CellSpread::Add(TraceRow row, std::deque<TraceRow>& out) {
  if (!rows_.empty() && row.offset != rows_.front().offset) {
    PENSTOCK_CHECK(row.offset > rows_.front().offset);
    Flush(std::min(cell_, row.offset - rows_.front().offset), out);
  }
  if (rows_.size() == kMostRowsOfACell) {
    return absl::InvalidArgumentError(
        absl::StrCat("timestamp: more than ", kMostRowsOfACell,
                     " rows have the same; pass a trace whose timestamps are milliseconds"));
  }
  rows_.push_back(std::move(row));
  return absl::OkStatus();
}

void CellSpread::Flush(Duration width, std::deque<TraceRow>& out) {
  std::vector<Duration> places;
  for (size_t i = 0; i < rows_.size(); ++i) {
    places.push_back(rows_[i].offset + Duration(Random(flushed_ + i).Below(width.count())));
  }
  std::sort(places.begin(), places.end());
  for (size_t i = 0; i < rows_.size(); ++i) {
    rows_[i].offset = places[i];
    out.push_back(std::move(rows_[i]));
  }
  flushed_ += rows_.size();
  rows_.clear();
}

}  // namespace penstock::sim
