#include "sim/traces/mooncake_trace.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "admission/vocabulary/bounds.h"
#include "sim/random.h"

namespace penstock::sim {
namespace {

constexpr int64_t kLongestTraceMs = 366ll * 24 * 3'600 * 1'000;
constexpr char kExample[] = R"({"timestamp": 3000, "input_length": 6758, "output_length": 500})";

/// Where an error is.
struct Place {
  std::string_view file_name;
  size_t line = 0;
};

absl::Status ErrorAt(const Place& place, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(std::string(place.file_name), ":", place.line, ": ", std::string(what)));
}

absl::StatusOr<int64_t> WholeNumber(const nlohmann::json& row, const char* field, int64_t least, int64_t most,
                                    const Place& place) {
  const auto found = row.find(field);
  if (found == row.end()) return ErrorAt(place, absl::StrCat(field, ": missing; a row reads like ", kExample));
  const bool in_range = found->is_number_unsigned() && found->get<uint64_t>() >= static_cast<uint64_t>(least) &&
                        found->get<uint64_t>() <= static_cast<uint64_t>(most);
  if (in_range) return found->get<int64_t>();
  return ErrorAt(place, absl::StrCat(field, ": must be a whole number between ", least, " and ", most,
                                     "; correct or remove the row"));
}

/// A row with its timestamp as the offset.
absl::StatusOr<TraceRow> ParseRow(std::string_view line, const Place& place) {
  const nlohmann::json row = nlohmann::json::parse(line, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!row.is_object()) return ErrorAt(place, absl::StrCat("row: not a JSON object; a row reads like ", kExample));
  const auto timestamp = WholeNumber(row, "timestamp", 0, kLongestTraceMs, place);
  if (!timestamp.ok()) return timestamp.status();
  const auto context = WholeNumber(row, "input_length", 1, kMaxTokensPerRequest, place);
  if (!context.ok()) return context.status();
  const auto generated = WholeNumber(row, "output_length", 1, kMaxTokensPerRequest, place);
  if (!generated.ok()) return generated.status();
  return TraceRow{Milliseconds(*timestamp), Tokens(*context), Tokens(*generated)};
}

/// Spreads each group of rows with the same offset over its cell.
void Spread(std::vector<TraceRow>& rows) {
  for (size_t begin = 0; begin < rows.size();) {
    const Duration at = rows[begin].offset;
    size_t end = begin;
    while (end < rows.size() && rows[end].offset == at) ++end;
    const Duration width = end < rows.size() ? std::min(kMooncakeGrid, rows[end].offset - at) : kMooncakeGrid;
    std::vector<Duration> places;
    for (size_t i = begin; i < end; ++i) places.push_back(at + Duration(Random(i).Below(width.count())));
    std::sort(places.begin(), places.end());
    for (size_t i = begin; i < end; ++i) rows[i].offset = places[i - begin];
    begin = end;
  }
  const Duration first = rows.front().offset;
  for (TraceRow& row : rows) row.offset -= first;
}

}  // namespace

absl::StatusOr<std::vector<TraceRow>> ParseMooncakeTrace(std::string_view text, std::string_view file_name) {
  std::vector<TraceRow> rows;
  Place place{file_name, 0};
  while (!text.empty()) {
    ++place.line;
    const size_t end = text.find('\n');
    const auto row = ParseRow(text.substr(0, end), place);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!row.ok()) return row.status();
    if (!rows.empty() && row->offset < rows.back().offset) {
      return ErrorAt(place, "timestamp: earlier than the row before; sort the file by time");
    }
    rows.push_back(*row);
  }
  if (rows.empty()) return ErrorAt({file_name, 1}, "row: the trace is empty; pass the whole file");
  Spread(rows);
  return rows;
}

}  // namespace penstock::sim
