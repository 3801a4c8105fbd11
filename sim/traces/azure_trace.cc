#include "sim/traces/azure_trace.h"

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "admission/vocabulary/bounds.h"
#include "sim/traces/row_format.h"
#include "sim/traces/trace_reader.h"

namespace penstock::sim {
namespace {

constexpr std::string_view kHeader = "TIMESTAMP,ContextTokens,GeneratedTokens";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// Reads one line from left to right. The first failure is kept; whatever is read after it is meaningless.
class Cursor {
 public:
  explicit Cursor(std::string_view line) : line_(line) {}

  /// Exactly `width` digits.
  int64_t Digits(size_t width, std::string_view what) {
    int64_t value = 0;
    for (size_t i = 0; i < width; ++i, ++at_) {
      if (at_ >= line_.size() || !IsDigit(line_[at_])) return Fail(at_, Expected(what));
      value = value * 10 + (line_[at_] - '0');
    }
    return value;
  }

  void Separator(char c, std::string_view after_what) {
    if (at_ < line_.size() && line_[at_] == c) {
      ++at_;
    } else {
      Fail(at_, Expected(std::string("'") + c + "' after " + std::string(after_what)));
    }
  }

  bool Takes(std::string_view text) {
    if (!line_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }

  /// A point and one to nine digits, or nothing.
  Duration Fraction() {
    if (!Takes(".")) return Duration::Zero();
    int64_t nanoseconds = 0;
    int64_t unit = 1'000'000'000;
    while (at_ < line_.size() && IsDigit(line_[at_]) && unit > 1) {
      unit /= 10;
      nanoseconds += (line_[at_++] - '0') * unit;
    }
    if (unit == 1'000'000'000) Fail(at_, Expected("one to nine fractional digits"));
    return Nanoseconds(nanoseconds);
  }

  /// A token count: between 1 and the most that a request may have.
  Tokens Count(std::string_view column) {
    const size_t start = at_;
    int64_t value = 0;
    while (at_ < line_.size() && IsDigit(line_[at_]) && value <= kMaxTokensPerRequest) {
      value = value * 10 + (line_[at_++] - '0');
    }
    const std::string name(column);
    if (at_ == start) return Tokens(Fail(start, Expected(name + " (a whole number, no sign)")));
    if (value < 1 || value > kMaxTokensPerRequest) {
      return Tokens(Fail(
          start, absl::StrCat(name, " must lie between 1 and ", kMaxTokensPerRequest, "; correct or remove the row")));
    }
    return Tokens(value);
  }

  void End() {
    if (at_ != line_.size()) Fail(at_, Expected("the end of the line: the format has three columns"));
  }

  int64_t Fail(size_t at, const std::string& why) {
    if (error_.ok()) {
      error_ = absl::InvalidArgumentError(absl::StrCat(at + 1, ": ", why));
    }
    return 0;
  }

  const absl::Status& error() const { return error_; }

 private:
  std::string Expected(std::string_view what) const {
    const std::string found = at_ < line_.size() ? std::string("'") + line_[at_] + "'" : "the end of the line";
    return "expected " + std::string(what) + ", found " + found +
           "; a row reads like 2023-11-16 18:15:46.6805900,374,44";
  }

  std::string_view line_;
  size_t at_ = 0;
  absl::Status error_;
};

Instant ReadTimestamp(Cursor& line) {
  const int64_t year = line.Digits(4, "a year of four digits");
  line.Separator('-', "the year");
  const int64_t month = line.Digits(2, "a month of two digits");
  line.Separator('-', "the month");
  const int64_t day = line.Digits(2, "a day of two digits");
  line.Separator(' ', "the day");
  const int64_t hour = line.Digits(2, "an hour of two digits");
  line.Separator(':', "the hour");
  const int64_t minute = line.Digits(2, "minutes of two digits");
  line.Separator(':', "the minutes");
  const int64_t second = line.Digits(2, "seconds of two digits");
  const Duration fraction = line.Fraction();
  line.Takes("+00:00");  // as the trace of 2024 has it

  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  // Nanoseconds since 1970 end in 2262.
  if (!date.ok() || year < 1970 || year > 2200) {
    line.Fail(0, "there is no such day between 1970 and 2200; correct the row");
    return Instant();
  }
  if (hour > 23 || minute > 59 || second > 59) {
    line.Fail(11, "there is no such time of day; correct the row");
    return Instant();
  }
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return Instant() + Days(days) + Hours(hour) + Minutes(minute) + Seconds(second) + fraction;
}

class Azure final : public RowFormat {
 public:
  bool has_header() const override { return true; }
  absl::Status ReadHeader(std::string_view line) override {
    if (line == kHeader) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("1: the header is not '", std::string(kHeader), "'; pass an Azure LLM inference trace"));
  }
  absl::StatusOr<Outcome> ReadRow(std::string_view text, TraceRow* row) override {
    Cursor line(text);
    row->offset = ReadTimestamp(line) - Instant();
    line.Separator(',', "the timestamp");
    row->context = line.Count("ContextTokens");
    line.Separator(',', "ContextTokens");
    row->generated = line.Count("GeneratedTokens");
    line.End();
    if (!line.error().ok()) return line.error();
    return Outcome::kRow;
  }
  std::string EarlierRow() const override {
    return "1: the row is earlier than the one before it; sort the file by time";
  }
  std::string NoRows() const override { return "1: the trace has a header and no rows; pass the whole file"; }
};

}  // namespace

std::unique_ptr<RowFormat> AzureFormat() { return std::make_unique<Azure>(); }

absl::StatusOr<std::vector<TraceRow>> ParseAzureTrace(std::string_view text, std::string_view file_name) {
  return ParseTrace(text, file_name, TraceFormat::kAzure);
}

}  // namespace penstock::sim
