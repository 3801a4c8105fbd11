// What the rows of ServeGen's files have in common, whichever way they are kept.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "sim/traces/csv_row.h"
#include "sim/traces/servegen.h"

namespace penstock::sim {

/// `t_s` at this column, as the number of a window of this length. Errors: 'column: ...', here and below.
absl::StatusOr<int64_t> WindowNumber(const CsvRow& row, size_t column, Duration window);

/// From column `first` on: t_s, rate, cv, family, shape, scale. Nothing for an idle window, whose rate is 0.
absl::StatusOr<std::optional<ServeGenWindow>> ReadWindow(const CsvRow& row, size_t first);

/// The place for the field of that name; nothing for a field that is not read.
std::optional<QuantileTable>* FieldNamed(ServeGenLengths& lengths, std::string_view name);

}  // namespace penstock::sim
