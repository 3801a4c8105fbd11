// The published folder: two files a client.
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "admission/vocabulary/bounds.h"
#include "sim/traces/decompression.h"
#include "sim/traces/line_reader.h"
#include "sim/traces/servegen_rows.h"

namespace penstock::sim {
namespace {

constexpr size_t kTraceColumns = 6;
constexpr size_t kMostDatasetBytes = size_t{256} << 20;

absl::Status ReadTrace(NamedBytes file, const RowRules& rules, ServeGenClient& client, RowTally* tally) {
  const auto bytes = Decompressed(std::move(file.bytes), file.name);
  LineReader lines(*bytes, file.name);
  RowJudge judge(file.name, rules);
  CsvRow row;
  std::string_view line;
  while (true) {
    const auto more = lines.Next(&line);
    if (!more.ok()) return more.status();
    if (!*more) break;
    row.Split(line);
    auto window = row.size() == kTraceColumns
                      ? ReadWindow(row, 0)
                      : row.Error(0, absl::StrCat("the row has ", row.size(),
                                                  " columns, not t_s, rate, cv, family, shape, scale; correct it"));
    if (window.ok() && *window && !client.windows.empty() && client.windows.back().number >= (*window)->number) {
      window = row.Error(0, "t_s is not later than in the row before; sort the file by time");
    }
    if (!window.ok()) {
      const absl::Status bad = judge.Bad(lines.number(), std::string(window.status().message()));
      if (!bad.ok()) return bad;
      continue;
    }
    judge.Good();
    if (*window) client.windows.push_back(**window);
  }
  *tally = judge.tally();
  if (tally->rows > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(AtLine(file.name, 1, "row: the trace has no good row; pass a chunk-N-trace.csv"));
}

absl::StatusOr<std::string> WholeText(NamedBytes file) {
  const auto bytes = Decompressed(std::move(file.bytes), file.name);
  std::string text;
  std::vector<char> buffer(size_t{1} << 16);
  while (true) {
    const auto count = bytes->Read(buffer);
    if (!count.ok()) return count.status();
    if (*count == 0) return text;
    text.append(buffer.data(), *count);
    if (text.size() > kMostDatasetBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(file.name, ": longer than ", kMostDatasetBytes, " bytes; pass a chunk-N-dataset.json"));
    }
  }
}

void SkipSpaces(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
}

bool TakeNumber(std::string_view& text, double* value) {
  SkipSpaces(text);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (error != std::errc() || !(*value >= 0 && *value <= static_cast<double>(kMaxTokensPerRequest))) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  SkipSpaces(text);
  return true;
}

bool TakeMark(std::string_view& text, char mark) {
  SkipSpaces(text);
  if (!text.starts_with(mark)) return false;
  text.remove_prefix(1);
  return true;
}

/// "{143: 0.25, 148: 0.75}"; nothing when it reads otherwise.
std::optional<std::vector<std::pair<double, double>>> ReadShares(std::string_view text) {
  std::vector<std::pair<double, double>> shares;
  if (!TakeMark(text, '{')) return std::nullopt;
  while (!TakeMark(text, '}')) {
    if (!shares.empty() && !TakeMark(text, ',')) return std::nullopt;
    double value = 0;
    double share = 0;
    if (!TakeNumber(text, &value) || !TakeMark(text, ':') || !TakeNumber(text, &share)) return std::nullopt;
    shares.emplace_back(value, share);
  }
  if (!text.empty()) return std::nullopt;
  return shares;
}

absl::Status ReadFields(const nlohmann::json& fields, ServeGenLengths& lengths) {
  for (const auto& [name, shares] : fields.items()) {
    std::optional<QuantileTable>* const field = FieldNamed(lengths, name);
    if (field == nullptr) continue;
    const auto read = shares.is_string() ? ReadShares(shares.get_ref<const std::string&>()) : std::nullopt;
    if (!read) {
      return absl::InvalidArgumentError(absl::StrCat(
          name, ": must be a text like \"{143: 0.25, 148: 0.75}\": tokens and shares, none negative; correct it"));
    }
    double whole = 0;
    for (const auto& [value, share] : *read) whole += share;
    if (whole > 0) *field = QuantilesOf(*read);
  }
  return absl::OkStatus();
}

absl::Status ReadDataset(NamedBytes file, ServeGenClient& client) {
  const std::string name = file.name;
  const auto text = WholeText(std::move(file));
  if (!text.ok()) return text.status();
  const nlohmann::json windows = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!windows.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": not a JSON object; pass a chunk-N-dataset.json"));
  }
  std::map<int64_t, ServeGenLengths> by_number;  // the keys are texts: "21600" comes before "3600"
  for (const auto& [key, fields] : windows.items()) {
    CsvRow second;
    second.Split(key);
    const auto number = WindowNumber(second, 0, kServeGenLengthWindow);
    if (!number.ok() || !fields.is_object()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": window '", key, "': must be whole 6 h in seconds with an object; correct it"));
    }
    ServeGenLengths& lengths = by_number[*number];
    lengths.number = *number;
    const absl::Status read = ReadFields(fields, lengths);
    if (!read.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": window '", key, "': ", std::string(read.message())));
    }
  }
  for (auto& [number, lengths] : by_number) {
    if (lengths.input || lengths.output) client.lengths.push_back(std::move(lengths));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ServeGenClient> ReadServeGenClient(std::string client_name, NamedBytes trace, NamedBytes dataset,
                                                  const RowRules& rules, RowTally* tally) {
  ServeGenClient client;
  client.name = std::move(client_name);
  if (const absl::Status read = ReadTrace(std::move(trace), rules, client, tally); !read.ok()) return read;
  if (const absl::Status read = ReadDataset(std::move(dataset), client); !read.ok()) return read;
  return client;
}

}  // namespace penstock::sim
