#include "sim/traces/csv_row.h"

#include <charconv>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace penstock::sim {
namespace {

template <class T>
bool Reads(std::string_view text, T* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

void CsvRow::Split(std::string_view line) {
  line_ = line;
  fields_.clear();
  while (true) {
    const size_t comma = line.find(',');
    fields_.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return;
    line.remove_prefix(comma + 1);
  }
}

absl::StatusOr<double> CsvRow::Number(size_t field, std::string_view name, double least, double most) const {
  double value = 0;
  if (Reads(fields_[field], &value) && value >= least && value <= most) return value;
  return Error(field, absl::StrCat(std::string(name), " must be a number between ", least, " and ", most,
                                   "; correct or remove the row"));
}

absl::StatusOr<int64_t> CsvRow::WholeNumber(size_t field, std::string_view name, int64_t least, int64_t most) const {
  int64_t value = 0;
  if (Reads(fields_[field], &value) && value >= least && value <= most) return value;
  return Error(field, absl::StrCat(std::string(name), " must be a whole number between ", least, " and ", most,
                                   "; correct or remove the row"));
}

absl::Status CsvRow::Error(size_t field, std::string_view why) const {
  const auto column = field < fields_.size() ? fields_[field].data() - line_.data() + 1 : std::ssize(line_) + 1;
  return absl::InvalidArgumentError(absl::StrCat(column, ": ", std::string(why)));
}

}  // namespace penstock::sim
