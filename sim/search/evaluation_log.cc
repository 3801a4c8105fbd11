#include "sim/search/evaluation_log.h"

#include <absl/strings/str_cat.h>

#include <array>
#include <charconv>
#include <utility>

#include "admission/vocabulary/check.h"
#include "ledger/sha256.h"
#include "sim/search/state_text.h"

namespace penstock::sim {
namespace {

constexpr size_t kDigestLetters = 16;

// Calls `visit` with every figure that is kept, in the order of the lines.
template <class SomeEvaluation, class Visit>
void ForFigures(SomeEvaluation& evaluation, const Visit& visit) {
  visit(evaluation.revenue);
  for (auto& part : evaluation.by_component) visit(part);
  visit(evaluation.capacity_cost);
  visit(evaluation.welfare);
  visit(evaluation.cross_subsidy);
  visit(evaluation.service_level);
  visit(evaluation.utilisation);
  visit(evaluation.peak_utilisation);
  visit(evaluation.refused);
  visit(evaluation.revenue_per_capacity);
}

std::string HeadOf(std::string_view model, const EvaluationJob& job) {
  const std::string digest = ledger::ToHex(ledger::Sha256(job.tariff->name)).substr(0, kDigestLetters);
  return absl::StrCat(absl::string_view(model.data(), model.size()), " ", job.seed, " ", digest);
}

}  // namespace

std::string_view WholeLines(std::string_view text) {
  const size_t end = text.rfind('\n');
  return end == std::string_view::npos ? std::string_view() : text.substr(0, end + 1);
}

EvaluationLog::EvaluationLog(std::string_view resumed, Parallel parallel,
                             std::function<void(std::string_view lines)> append)
    : resumed_(resumed), parallel_(std::move(parallel)), append_(std::move(append)) {}

std::vector<Evaluation> EvaluationLog::Evaluate(std::string_view model, const Evaluator& evaluator,
                                                std::span<const EvaluationJob> jobs) {
  std::vector<Evaluation> evaluations(jobs.size());
  size_t read = 0;
  while (read < jobs.size() && at_ < resumed_.size() && ReadLine(HeadOf(model, jobs[read]), evaluations[read])) ++read;
  count_ += jobs.size();
  if (!status_.ok()) return std::vector<Evaluation>(jobs.size());
  parallel_(jobs.size() - read, [&](size_t i) {
    const EvaluationJob& job = jobs[read + i];
    evaluations[read + i] = evaluator(job.tariff->tariff, job.seed);
    evaluations[read + i].customers.clear();
  });
  std::string lines;
  for (size_t i = read; i < jobs.size(); ++i) {
    absl::StrAppend(&lines, HeadOf(model, jobs[i]));
    ForFigures(evaluations[i], [&](double figure) { absl::StrAppend(&lines, " ", ExactText(figure)); });
    lines += '\n';
  }
  if (append_ && !lines.empty()) append_(lines);
  return evaluations;
}

bool EvaluationLog::ReadLine(std::string_view expected_head, Evaluation& evaluation) {
  const size_t end = resumed_.find('\n', at_);
  std::string_view line = std::string_view(resumed_).substr(at_, end == std::string::npos ? end : end - at_);
  bool good = end != std::string::npos && line.starts_with(expected_head);
  if (good) line.remove_prefix(expected_head.size());
  ForFigures(evaluation, [&](double& figure) {
    good = good && line.starts_with(' ');
    if (!good) return;
    const auto [rest, error] = std::from_chars(line.data() + 1, line.data() + line.size(), figure);
    good = error == std::errc();
    line.remove_prefix(static_cast<size_t>(rest - line.data()));
  });
  if (good && line.empty()) {
    at_ = end + 1;
    return true;
  }
  status_ = absl::InvalidArgumentError(
      absl::StrCat("saved evaluations, line ", count_ + 1,
                   " or later: is not what this search evaluates there; they "
                   "belong to another scenario, budget or seed, so start anew without them"));
  return false;
}

Evaluation MeanOf(std::span<const Evaluation> evaluations) {
  PENSTOCK_CHECK(!evaluations.empty());
  std::vector<double> sums;
  for (const Evaluation& evaluation : evaluations) {
    size_t i = 0;
    ForFigures(evaluation, [&](double figure) {
      if (i == sums.size()) sums.push_back(0);
      sums[i++] += figure;
    });
  }
  Evaluation mean;
  size_t i = 0;
  ForFigures(mean, [&](double& figure) { figure = sums[i++] / static_cast<double>(evaluations.size()); });
  return mean;
}

}  // namespace penstock::sim
