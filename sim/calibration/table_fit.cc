#include "sim/calibration/table_fit.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "sim/calibration/log_fit.h"

namespace penstock::sim {
namespace {

constexpr size_t kFewestCombinations = 6;
constexpr double kWeightOfFirstToken = 0.1;  // of a batch; in a closed loop 0
constexpr HeldOut kHeldOut{.out_of = 3};

struct Equations {
  Observation per_output;
  Observation first_token;
};

Observation Relative(const Coefficients& terms, double value, double weight) {
  return {.terms = terms, .value = value, .weight = weight / (value * value)};
}

Equations ClosedLoop(const ProfileRow& row, int64_t step_token_budget) {
  const auto input = static_cast<double>(row.input);
  const auto output = static_cast<double>(row.output);
  const double decode_ms = (output - 1) * row.per_output_ms;
  const double batch = static_cast<double>(row.concurrent) * decode_ms / (decode_ms + row.first_token_ms);
  const double kv_ktokens = batch * (input + output / 2) / 1'000;
  const double steps = 0.5 + std::ceil(input / static_cast<double>(step_token_budget));
  return {Relative({1, batch, kv_ktokens, batch * input / output}, row.per_output_ms, 1),
          Relative({steps, steps * batch, steps * kv_ktokens, input}, row.first_token_ms, 0)};
}

Equations OneBatch(const ProfileRow& row) {
  const auto batch = static_cast<double>(row.concurrent);
  const auto input = static_cast<double>(row.input);
  const double kv_ktokens = batch * (input + static_cast<double>(row.output) / 2) / 1'000;
  return {Relative({1, batch, kv_ktokens, 0}, row.per_output_ms, 1),
          Relative({1, 0, 0, batch * input}, row.first_token_ms, kWeightOfFirstToken)};
}

double Predicted(const Observation& observation, const Coefficients& coefficients) {
  double sum = 0;
  for (size_t i = 0; i < kLawTerms; ++i) sum += observation.terms[i] * coefficients[i];
  return sum;
}

/// A row with what is known about it.
struct Case {
  const ProfileRow* row = nullptr;
  Equations equations;
  bool held_out = false;
};

/// `combinations`: how many different ones there are.
std::vector<Case> CasesOf(const ProfileGroup& group, int64_t step_token_budget, size_t* combinations) {
  const auto combination = [](const ProfileRow& row) { return std::tuple(row.input, row.output, row.concurrent); };
  std::set<std::tuple<int64_t, int64_t, int64_t>> all;
  for (const ProfileRow& row : group.rows) all.insert(combination(row));
  std::vector<Case> cases;
  for (const ProfileRow& row : group.rows) {
    const auto index = static_cast<size_t>(std::distance(all.begin(), all.find(combination(row))));
    cases.push_back(
        {.row = &row,
         .equations = group.load == ProfileLoad::kOneBatch ? OneBatch(row) : ClosedLoop(row, step_token_budget),
         .held_out = kHeldOut(index)});
  }
  *combinations = all.size();
  return cases;
}

absl::StatusOr<LeastSquares> Solve(const std::vector<Case>& cases) {
  std::vector<Observation> observations;
  for (const Case& one : cases) {
    if (one.held_out) continue;
    observations.push_back(one.equations.per_output);
    if (one.equations.first_token.weight > 0) observations.push_back(one.equations.first_token);
  }
  return NonNegativeLeastSquares(observations);
}

TableErrors ErrorsOf(const std::vector<Case>& cases, const Coefficients& coefficients, bool held_out) {
  TableErrors errors;
  for (const Case& one : cases) {
    if (one.held_out != held_out) continue;
    ++errors.rows;
    const double later = static_cast<double>(one.row->output - 1);
    const double first_ms = Predicted(one.equations.first_token, coefficients);
    const double per_output_ms = Predicted(one.equations.per_output, coefficients);
    errors.per_output += std::abs(per_output_ms / one.row->per_output_ms - 1);
    errors.first_token += std::abs(first_ms / one.row->first_token_ms - 1);
    errors.latency +=
        std::abs((first_ms + later * per_output_ms) / (one.row->first_token_ms + later * one.row->per_output_ms) - 1);
  }
  const double rows = std::max<double>(1, static_cast<double>(errors.rows));
  errors.per_output /= rows;
  errors.first_token /= rows;
  errors.latency /= rows;
  return errors;
}

}  // namespace

absl::StatusOr<TableFit> FitTable(const ProfileGroup& group, int64_t step_token_budget) {
  size_t combinations = 0;
  const std::vector<Case> cases = CasesOf(group, step_token_budget, &combinations);
  if (combinations < kFewestCombinations) {
    return absl::InvalidArgumentError(absl::StrCat(group.model, " on ", group.hardware, ": only ", combinations,
                                                   " different combinations of prompt, output and batch; at least ",
                                                   kFewestCombinations, " are needed"));
  }
  const auto solution = Solve(cases);
  if (!solution.ok()) return solution.status();
  TableFit fit;
  fit.law = LawOfCoefficients(solution->coefficients);
  fit.standard_errors = solution->standard_errors;
  fit.fitted = ErrorsOf(cases, solution->coefficients, false);
  fit.held_out = ErrorsOf(cases, solution->coefficients, true);
  return fit;
}

}  // namespace penstock::sim
