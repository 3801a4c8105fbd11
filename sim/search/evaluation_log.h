// Evaluates tariffs, several at once, and keeps what came out as text, a line for each: whoever keeps the lines can go
// on after an interruption without evaluating anything twice. Lines are asked for in the order in which they were made;
// one that belongs to another evaluation is refused.
//
//   full 17 5f0c8e21a7b39d44 12.5 0 ...      model, seed, what tariff, figures of the evaluation
//
// What single customers did is not kept: evaluations come back without it, whether they were made or read.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/tariffs/evaluation.h"

namespace penstock::sim {

/// A tariff under a name of its own (its family and parameters).
struct NamedTariff {
  std::string name;
  ledger::Tariff tariff;
};

struct EvaluationJob {
  const NamedTariff* tariff = nullptr;
  uint64_t seed = 0;
};

/// All but the unfinished last line that an interruption may have left.
std::string_view WholeLines(std::string_view text);

class EvaluationLog {
 public:
  /// `resumed` are whole lines of a run with the same terms, or nothing. `append` gets new lines to keep after each
  /// batch; it may be empty.
  EvaluationLog(std::string_view resumed, Parallel parallel, std::function<void(std::string_view lines)> append);

  /// In the order of the jobs. Zeros after a fault, which `status` keeps.
  std::vector<Evaluation> Evaluate(std::string_view model, const Evaluator& evaluator,
                                   std::span<const EvaluationJob> jobs);

  /// INVALID_ARGUMENT: the resumed lines are not of this run.
  const absl::Status& status() const { return status_; }
  /// Evaluations so far, those that were read included.
  size_t count() const { return count_; }

 private:
  bool ReadLine(std::string_view expected_head, Evaluation& evaluation);

  std::string resumed_;
  size_t at_ = 0;  // in resumed_
  Parallel parallel_;
  std::function<void(std::string_view)> append_;
  size_t count_ = 0;
  absl::Status status_;
};

/// The mean of each figure.
Evaluation MeanOf(std::span<const Evaluation> evaluations);

}  // namespace penstock::sim
