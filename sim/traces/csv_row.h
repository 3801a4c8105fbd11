// A line of comma-separated values without quotes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace penstock::sim {

/// Refers to the line.
class CsvRow {
 public:
  void Split(std::string_view line);
  size_t size() const { return fields_.size(); }
  std::string_view operator[](size_t field) const { return fields_[field]; }

  /// A number with nothing around it, between the bounds. Error: 'column: name must be ...'.
  absl::StatusOr<double> Number(size_t field, std::string_view name, double least, double most) const;
  absl::StatusOr<int64_t> WholeNumber(size_t field, std::string_view name, int64_t least, int64_t most) const;
  /// 'column: why', the column (from 1) in the line.
  absl::Status Error(size_t field, std::string_view why) const;

 private:
  std::string_view line_;
  std::vector<std::string_view> fields_;
};

}  // namespace penstock::sim
