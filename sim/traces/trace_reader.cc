#include "sim/traces/trace_reader.h"

#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"
#include "sim/traces/decompression.h"

namespace penstock::sim {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"azure", "mooncake", "burstgpt", "qwen-bailian"};

std::unique_ptr<RowFormat> RowFormatOf(TraceFormat format) {
  switch (format) {
    case TraceFormat::kAzure:
      return AzureFormat();
    case TraceFormat::kMooncake:
      return MooncakeFormat();
    case TraceFormat::kBurstGpt:
      return BurstGptFormat();
    case TraceFormat::kBailian:
      return BailianFormat();
  }
  PENSTOCK_CHECK(false);
  return nullptr;
}

bool Contains(std::string_view line, std::string_view part) { return line.find(part) != std::string_view::npos; }

}  // namespace

std::optional<TraceFormat> TraceFormatNamed(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<TraceFormat>(i);
  }
  return std::nullopt;
}

std::string_view Name(TraceFormat format) { return kNames[static_cast<size_t>(format)]; }

absl::StatusOr<TraceFormat> TraceFormatOf(std::string_view first_line) {
  if (first_line.starts_with("TIMESTAMP,")) return TraceFormat::kAzure;
  if (Contains(first_line, "Request tokens") && Contains(first_line, "Response tokens")) return TraceFormat::kBurstGpt;
  if (first_line.starts_with("{") && Contains(first_line, "\"chat_id\"")) return TraceFormat::kBailian;
  if (first_line.starts_with("{") && Contains(first_line, "\"input_length\"")) return TraceFormat::kMooncake;
  if (first_line.starts_with("model,client,t_s,")) {
    return absl::InvalidArgumentError(
        "a table of ServeGen describes clients and has no rows of requests; use it as a population of clients");
  }
  return absl::InvalidArgumentError(
      "the first line is of no known trace (azure, mooncake, burstgpt, qwen-bailian); pass one of these, or name the "
      "format if the first line is damaged");
}

TraceReader::TraceReader(std::unique_ptr<ByteSource> bytes, std::string file_name, TraceOptions options)
    : options_(std::move(options)),
      bytes_(Decompressed(std::move(bytes), file_name)),
      lines_(*bytes_, file_name),
      judge_(file_name, options_.rules) {}

absl::StatusOr<bool> TraceReader::Next(TraceRow* row) {
  if (!status_.ok()) return status_;
  const auto more = NextOrError(row);
  if (!more.ok()) status_ = more.status();
  return more;
}

absl::StatusOr<bool> TraceReader::NextOrError(TraceRow* row) {
  while (ready_.empty()) {
    if (ended_) return false;
    std::string_view line;
    const auto more = lines_.Next(&line);
    if (!more.ok()) return more.status();
    const absl::Status read = !*more ? End() : format_ == nullptr ? ReadFirstLine(line) : ReadLine(line);
    if (!read.ok()) return read;
  }
  *row = std::move(ready_.front());
  ready_.pop_front();
  if (!first_) first_ = row->offset;
  row->offset -= *first_;
  return true;
}

absl::Status TraceReader::ReadFirstLine(std::string_view line) {
  auto format = options_.format ? absl::StatusOr<TraceFormat>(*options_.format) : TraceFormatOf(line);
  if (!format.ok()) return ErrorAtLine(1, std::string(format.status().message()));
  format_ = RowFormatOf(*format);
  if (format_->cell() > Duration::Zero()) spread_.emplace(format_->cell());
  if (!format_->has_header()) return ReadLine(line);
  const absl::Status header = format_->ReadHeader(line);
  return header.ok() ? header : ErrorAtLine(1, std::string(header.message()));
}

absl::Status TraceReader::ReadLine(std::string_view line) {
  const auto outcome = format_->ReadRow(line, &scratch_);
  if (!outcome.ok()) return judge_.Bad(lines_.number(), std::string(outcome.status().message()));
  if (*outcome == RowFormat::Outcome::kFailedRequest) {
    judge_.FailedRequest();
    return absl::OkStatus();
  }
  if (judge_.tally().rows > 0 && scratch_.offset < last_) return judge_.Bad(lines_.number(), format_->EarlierRow());
  last_ = scratch_.offset;
  judge_.Good();
  format_->Keep(scratch_);
  return Add(std::move(scratch_));
}

absl::Status TraceReader::Add(TraceRow row) {
  if (!spread_) {
    ready_.push_back(std::move(row));
    return absl::OkStatus();
  }
  const absl::Status added = spread_->Add(std::move(row), ready_);
  return added.ok() ? added : ErrorAtLine(lines_.number(), std::string(added.message()));
}

absl::Status TraceReader::End() {
  ended_ = true;
  if (spread_) spread_->End(ready_);
  if (judge_.tally().rows > 0) return absl::OkStatus();
  if (judge_.tally().bad_rows > 0) {
    return absl::InvalidArgumentError(absl::StrCat(lines_.file_name(), ": all ", judge_.tally().bad_rows,
                                                   " rows are bad; the first: ", judge_.first_message()));
  }
  if (format_ == nullptr) return ErrorAtLine(1, "row: the trace is empty; pass the whole file");
  return ErrorAtLine(lines_.number() + 1, format_->NoRows());
}

absl::Status TraceReader::ErrorAtLine(int64_t line, std::string_view why) const {
  return absl::InvalidArgumentError(AtLine(lines_.file_name(), line, why));
}

absl::StatusOr<std::vector<TraceRow>> ParseTrace(std::string_view text, std::string_view file_name,
                                                 TraceFormat format) {
  TraceReader reader(BytesOf(text), std::string(file_name), {.format = format, .rules = {.strict = true}});
  std::vector<TraceRow> rows;
  TraceRow row;
  while (true) {
    const auto more = reader.Next(&row);
    if (!more.ok()) return more.status();
    if (!*more) return rows;
    rows.push_back(std::move(row));
  }
}

}  // namespace penstock::sim
