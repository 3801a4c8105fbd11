#include "sim/traces/servegen_rows.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

constexpr int64_t kLatestSecond = int64_t{366} * 86'400;
constexpr double kHighestRate = 1e6;
// Below, the mean of a Weibull law is beyond a double; above, gaps are all the same.
constexpr double kLeastShape = 0.006;
constexpr double kMostShape = 1e6;

}  // namespace

absl::StatusOr<int64_t> WindowNumber(const CsvRow& row, size_t column, Duration window) {
  const auto second = row.WholeNumber(column, "t_s", 0, kLatestSecond);
  if (!second.ok()) return second.status();
  const int64_t length = window.count() / Seconds(1).count();
  if (*second % length == 0) return *second / length;
  return row.Error(column, absl::StrCat("t_s must be a multiple of ", length, " seconds; correct or remove the row"));
}

absl::StatusOr<std::optional<ServeGenWindow>> ReadWindow(const CsvRow& row, size_t first) {
  const auto number = WindowNumber(row, first, kServeGenWindow);
  if (!number.ok()) return number.status();
  const auto rate = row.Number(first + 1, "rate", 0, kHighestRate);
  if (!rate.ok()) return rate.status();
  if (*rate == 0) return std::nullopt;
  const std::string_view family = row[first + 3];
  if (family != "Gamma" && family != "Weibull") {
    return row.Error(first + 3, "family must be Gamma or Weibull; correct or remove the row");
  }
  const auto shape = row.Number(first + 4, "shape", kLeastShape, kMostShape);
  if (!shape.ok()) return shape.status();
  return ServeGenWindow{*number, *rate, family == "Gamma" ? GapFamily::kGamma : GapFamily::kWeibull, *shape};
}

std::optional<QuantileTable>* FieldNamed(ServeGenLengths& lengths, std::string_view name) {
  if (name == "input_tokens" || name == "text_tokens") return &lengths.input;
  if (name == "image_tokens") return &lengths.image;
  if (name == "output_tokens") return &lengths.output;
  if (name == "reason_ratio") return &lengths.reason_ratio;
  return nullptr;
}

QuantileTable QuantilesOf(std::vector<std::pair<double, double>> values_and_weights) {
  std::sort(values_and_weights.begin(), values_and_weights.end());
  double whole = 0;
  double sum = 0;
  for (const auto& [value, weight] : values_and_weights) {
    PENSTOCK_CHECK(weight >= 0);
    whole += weight;
    sum += value * weight;
  }
  PENSTOCK_CHECK(whole > 0);
  QuantileTable table{.mean = sum / whole};
  double below = 0;  // the weight of all before and at `value`
  size_t next = 0;
  for (const auto& [value, weight] : values_and_weights) {
    if (weight == 0) continue;
    below += weight;
    // A hair's breadth: sums of published shares miss a quantile by rounding.
    while (next + 1 < kQuantiles.size() && kQuantiles[next] <= below / whole + 1e-12) table.values[next++] = value;
    table.values.back() = value;
  }
  for (; next + 1 < kQuantiles.size(); ++next) table.values[next] = table.values.back();
  return table;
}

}  // namespace penstock::sim
