#include "sim/calibration/profile_table.h"

#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "admission/vocabulary/bounds.h"

namespace penstock::sim {
namespace {

constexpr std::string_view kConcurrency = "silicon_concurrency=";
constexpr double kLongestMs = 1e8;

/// One line by the names of its columns. Neither format quotes anything.
class Row {
 public:
  Row(const std::map<std::string, size_t, std::less<>>& columns, std::string_view line)
      : columns_(columns), cells_(absl::StrSplit(absl::string_view(line.data(), line.size()), ',')) {
    if (cells_.size() != columns.size()) {
      problem_ = absl::StrCat("row: has ", cells_.size(), " cells, the header has ", columns.size());
    }
  }

  std::string Text(std::string_view column) const {
    return problem_.empty() ? std::string(cells_[columns_.find(column)->second]) : std::string();
  }
  int64_t Count(std::string_view column, int64_t least) { return CountOf(Text(column), column, least); }
  int64_t CountOf(const std::string& text, std::string_view what, int64_t least) {
    int64_t value = 0;
    Require(absl::SimpleAtoi(text, &value) && value >= least && value <= kMaxTokensPerRequest, what,
            absl::StrCat("must be a whole number from ", least));
    return value;
  }
  double Milliseconds(std::string_view column) {
    const double value = Number(column);
    Require(value > 0 && value <= kLongestMs, column, "must be a positive number of milliseconds");
    return value;
  }
  double Number(std::string_view column) {
    double value = 0;
    Require(absl::SimpleAtod(Text(column), &value) && std::isfinite(value) && value >= 0, column,
            "must be a number that is not negative");
    return value;
  }
  void Require(bool holds, std::string_view column, std::string_view problem) {
    if (problem_.empty() && !holds) problem_ = absl::StrCat(std::string(column), ": ", std::string(problem));
  }
  const std::string& problem() const { return problem_; }

 private:
  const std::map<std::string, size_t, std::less<>>& columns_;
  std::vector<std::string> cells_;
  std::string problem_;
};

struct Placed {
  std::string model;
  std::string hardware;
  ProfileRow row;
};

Placed ReadAiconfigurator(Row& cells) {
  Placed placed;
  cells.Require(cells.Text("mode") == "agg", "mode",
                "only `agg` can be used: with prefill and decode on different machines no iteration does both");
  const std::string source = cells.Text("silicon_data_source");
  const size_t at = source.find(kConcurrency);
  cells.Require(at != std::string::npos, "silicon_data_source", "has no silicon_concurrency");
  if (!cells.problem().empty()) return placed;
  const size_t digits = at + kConcurrency.size();
  ProfileRow& row = placed.row;
  row.concurrent =
      cells.CountOf(source.substr(digits, source.find_first_not_of("0123456789", digits) - digits), kConcurrency, 1);
  row.input = cells.Count("isl", 1);
  row.output = cells.Count("osl", 2);
  row.first_token_ms = cells.Milliseconds("silicon_ttft_ms");
  row.per_output_ms = cells.Milliseconds("silicon_tpot_ms");
  const int64_t tensor_parallel = cells.Count("tp_size", 1);
  const std::string data_parallel = cells.Text("attention_dp_size");
  const std::string precision = cells.Text("precision");
  const bool replicated = !data_parallel.empty() && data_parallel != "0" && data_parallel != "1";
  placed.model = cells.Text("model_path");
  placed.hardware =
      absl::StrCat(tensor_parallel, "x", cells.Text("system"), " ", cells.Text("backend"), precision.empty() ? "" : " ",
                   precision, replicated ? " dp" : "", replicated ? data_parallel : "");
  return placed;
}

Placed ReadSplitwise(Row& cells) {
  Placed placed;
  ProfileRow& row = placed.row;
  row.input = cells.Count("prompt_size", 1);
  row.output = cells.Count("token_size", 2);
  row.concurrent = cells.Count("batch_size", 1);
  row.first_token_ms = cells.Milliseconds("prompt_time");
  row.per_output_ms = cells.Milliseconds("token_time");
  const int64_t accelerators = cells.Count("tensor_parallel", 1);
  const double watts = BoardWatts(cells.Text("hardware")) * static_cast<double>(accelerators);
  row.prompt_watts = cells.Number("peak_power") * watts;
  row.mean_watts = cells.Number("average_power") * watts;
  placed.model = cells.Text("model");
  placed.hardware = absl::StrCat(accelerators, "x", cells.Text("hardware"));
  return placed;
}

struct Format {
  ProfileLoad load;
  std::vector<std::string> columns;  // that it needs
  Placed (*read)(Row&);
};

const std::vector<Format>& Formats() {
  static const std::vector<Format> kFormats = {
      {ProfileLoad::kClosedLoop,
       {"silicon_data_source", "backend", "model_path", "system", "precision", "mode", "isl", "osl", "tp_size",
        "attention_dp_size", "silicon_ttft_ms", "silicon_tpot_ms"},
       ReadAiconfigurator},
      {ProfileLoad::kOneBatch,
       {"model", "hardware", "prompt_size", "batch_size", "token_size", "peak_power", "average_power", "prompt_time",
        "token_time", "tensor_parallel"},
       ReadSplitwise}};
  return kFormats;
}

std::string_view TakeLine(std::string_view* text) {
  const size_t end = text->find('\n');
  std::string_view line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

const Format* FormatOf(const std::map<std::string, size_t, std::less<>>& columns) {
  for (const Format& format : Formats()) {
    bool all = true;
    for (const std::string& column : format.columns) all = all && columns.contains(column);
    if (all) return &format;
  }
  return nullptr;
}

}  // namespace

double BoardWatts(std::string_view hardware) {
  if (hardware == "a100-80gb") return 400;
  if (hardware == "h100-80gb") return 700;
  if (hardware == "h100-80gb-pcap") return 350;
  return 0;
}

absl::StatusOr<ProfileTable> ParseProfileTable(std::string_view csv, std::string_view file_name) {
  std::map<std::string, size_t, std::less<>> columns;
  const std::string_view header = TakeLine(&csv);
  const std::vector<std::string> names = absl::StrSplit(absl::string_view(header.data(), header.size()), ',');
  for (const std::string& name : names) columns.emplace(name, columns.size());
  const Format* format = columns.size() == names.size() ? FormatOf(columns) : nullptr;
  if (format == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        std::string(file_name),
        ":1: the header is neither of aiconfigurator's table (isl, osl, silicon_ttft_ms, "
        "silicon_tpot_ms, ...) nor of Splitwise's (prompt_size, batch_size, prompt_time, token_time, ...)"));
  }
  ProfileTable table;
  std::map<std::pair<std::string, std::string>, ProfileGroup> groups;
  for (size_t line = 2; !csv.empty(); ++line) {
    Row cells(columns, TakeLine(&csv));
    Placed placed = format->read(cells);
    if (!cells.problem().empty()) {
      table.bad.push_back({line, cells.problem()});
      continue;
    }
    placed.row.line = line;
    ProfileGroup& group = groups[{placed.model, placed.hardware}];
    group.model = placed.model;
    group.hardware = placed.hardware;
    group.load = format->load;
    group.rows.push_back(placed.row);
  }
  for (auto& [key, group] : groups) table.groups.push_back(std::move(group));
  return table;
}

}  // namespace penstock::sim
