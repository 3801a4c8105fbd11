#include "sim/calibration/measured_log.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "admission/vocabulary/bounds.h"

namespace penstock::sim {
namespace {

constexpr double kMostSeconds = 1e11;  // of a time stamp

/// A row with the clocks as they are, in seconds.
struct RawRow {
  int64_t input = 0;
  int64_t output = 0;
  double arrival = 0;
  double queued = 0;
  double scheduled = 0;
  double first = 0;
  double last = 0;
};

/// Reads the fields of one row; the first problem is kept.
class RowReader {
 public:
  explicit RowReader(std::string_view line) : row_(nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false)) {
    if (!row_.is_object()) problem_ = "not a JSON object";
  }

  int64_t Count(const char* field, int64_t least) {
    const double value = Number(field);
    if (problem_.empty() && (value != std::floor(value) || value < static_cast<double>(least) ||
                             value > static_cast<double>(kMaxTokensPerRequest))) {
      problem_ = absl::StrCat(field, ": must be a whole number between ", least, " and ", kMaxTokensPerRequest);
    }
    return problem_.empty() ? static_cast<int64_t>(value) : 0;
  }
  double Seconds(const char* field) {
    const double value = Number(field);
    if (problem_.empty() && !(value >= 0 && value <= kMostSeconds)) {
      problem_ = absl::StrCat(field, ": must be a time in seconds");
    }
    return value;
  }
  void Require(bool holds, std::string_view problem) {
    if (problem_.empty() && !holds) problem_ = std::string(problem);
  }
  const std::string& problem() const { return problem_; }

 private:
  double Number(const char* field) {
    if (!problem_.empty()) return 0;
    const auto found = row_.find(field);
    if (found != row_.end() && found->is_number()) return found->get<double>();
    problem_ = absl::StrCat(field, found == row_.end() ? ": missing" : ": must be a number");
    return 0;
  }

  nlohmann::json row_;
  std::string problem_;
};

RawRow ReadRow(std::string_view line, std::string* problem) {
  RowReader reader(line);
  RawRow row;
  row.input = reader.Count("input_toks", 1);
  row.output = reader.Count("output_toks", 2);
  row.arrival = reader.Seconds("arrival_time");
  row.queued = reader.Seconds("queued_ts");
  row.scheduled = reader.Seconds("scheduled_ts");
  row.first = reader.Seconds("first_token_ts");
  row.last = reader.Seconds("last_token_ts");
  reader.Require(row.queued <= row.scheduled, "scheduled_ts: before queued_ts");
  reader.Require(row.scheduled <= row.first, "first_token_ts: before scheduled_ts");
  reader.Require(row.first < row.last, "last_token_ts: not after first_token_ts");
  *problem = reader.problem();
  return row;
}

Duration RoundToNearestNanosecond(double seconds) { return Nanoseconds(std::llround(seconds * 1e9)); }

std::vector<MeasuredRequest> Aligned(std::vector<RawRow> rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const RawRow& a, const RawRow& b) { return a.arrival < b.arrival; });
  double engine_ahead = rows.front().queued - rows.front().arrival;
  for (const RawRow& row : rows) engine_ahead = std::min(engine_ahead, row.queued - row.arrival);
  const double start = rows.front().arrival;
  const double engine_start = start + engine_ahead;
  std::vector<MeasuredRequest> requests;
  for (const RawRow& row : rows) {
    requests.push_back({.input = Tokens(row.input),
                        .output = Tokens(row.output),
                        .arrival = RoundToNearestNanosecond(row.arrival - start),
                        .scheduled = RoundToNearestNanosecond(row.scheduled - engine_start),
                        .first_token = RoundToNearestNanosecond(row.first - engine_start),
                        .last_token = RoundToNearestNanosecond(row.last - engine_start)});
  }
  return requests;
}

}  // namespace

absl::StatusOr<MeasuredLog> ParseMeasuredLog(std::string_view text, std::string_view file_name) {
  MeasuredLog log;
  std::vector<RawRow> rows;
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t end = text.find('\n');
    std::string problem;
    const RawRow row = ReadRow(text.substr(0, end), &problem);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (problem.empty()) {
      rows.push_back(row);
    } else {
      log.bad.push_back({line, problem});
    }
  }
  const std::string name(file_name);
  if (rows.empty() && log.bad.empty()) return absl::InvalidArgumentError(absl::StrCat(name, ":1: the log is empty"));
  if (rows.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ":", log.bad[0].line, ": ", log.bad[0].problem,
                                                   "; none of the ", log.bad.size(), " rows can be used"));
  }
  log.requests = Aligned(std::move(rows));
  return log;
}

}  // namespace penstock::sim
