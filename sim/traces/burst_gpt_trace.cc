// BurstGPT: Timestamp (seconds), Model, Request tokens, Response tokens, Total tokens, Log Type, later files also with
// Session ID and Elapsed time; the columns are found by their names. A response of 0 tokens is a request that failed.
#include <cmath>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "admission/vocabulary/bounds.h"
#include "sim/traces/csv_row.h"
#include "sim/traces/row_format.h"

namespace penstock::sim {
namespace {

constexpr double kLatestSecond = 4e9;  // some files count from 1970

class BurstGpt final : public RowFormat {
 public:
  bool has_header() const override { return true; }

  absl::Status ReadHeader(std::string_view line) override {
    fields_.Split(line);
    columns_ = fields_.size();
    const auto timestamp = Column("Timestamp");
    const auto request = Column("Request tokens");
    const auto response = Column("Response tokens");
    if (!timestamp || !request || !response) {
      return absl::InvalidArgumentError(
          "1: the header lacks one of 'Timestamp', 'Request tokens', 'Response tokens'; pass a BurstGPT trace");
    }
    timestamp_ = *timestamp;
    request_ = *request;
    response_ = *response;
    model_ = Column("Model");
    kind_ = Column("Log Type");
    session_ = Column("Session ID");
    return absl::OkStatus();
  }

  absl::StatusOr<Outcome> ReadRow(std::string_view line, TraceRow* row) override {
    fields_.Split(line);
    if (fields_.size() != columns_) {
      return fields_.Error(columns_, absl::StrCat("the row has ", fields_.size(), " columns and the header ", columns_,
                                                  "; correct or remove the row"));
    }
    const auto timestamp = fields_.Number(timestamp_, "Timestamp", 0, kLatestSecond);
    if (!timestamp.ok()) return timestamp.status();
    const auto request = fields_.WholeNumber(request_, "Request tokens", 0, kMaxTokensPerRequest);
    if (!request.ok()) return request.status();
    const auto response = fields_.WholeNumber(response_, "Response tokens", 0, kMaxTokensPerRequest);
    if (!response.ok()) return response.status();
    if (*response == 0) return Outcome::kFailedRequest;
    if (*request == 0) return fields_.Error(request_, "Request tokens must be at least 1; correct or remove the row");
    row->offset = Nanoseconds(std::llround(*timestamp * 1e9));
    row->context = Tokens(*request);
    row->generated = Tokens(*response);
    row->run = Text(session_);
    row->model = Text(model_);
    row->kind = Text(kind_);
    return Outcome::kRow;
  }

  std::string EarlierRow() const override {
    return "1: the row is earlier than the one before it; sort the file by time";
  }
  std::string NoRows() const override {
    return "1: the trace has a header and no answered request; pass the whole file";
  }

 private:
  std::optional<size_t> Column(std::string_view name) const {
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (fields_[i] == name) return i;
    }
    return std::nullopt;
  }
  std::string_view Text(std::optional<size_t> column) const { return column ? fields_[*column] : std::string_view(); }

  CsvRow fields_;  // of the line that was read last
  size_t columns_ = 0;
  size_t timestamp_ = 0;
  size_t request_ = 0;
  size_t response_ = 0;
  std::optional<size_t> model_;
  std::optional<size_t> kind_;
  std::optional<size_t> session_;
};

}  // namespace

std::unique_ptr<RowFormat> BurstGptFormat() { return std::make_unique<BurstGpt>(); }

}  // namespace penstock::sim
