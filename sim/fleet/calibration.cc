#include "sim/fleet/calibration.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

constexpr int64_t kInputRate = 1'000;
constexpr int64_t kCachedInputRate = 100;
constexpr int64_t kTidy = 100;

double Ms(Duration d) { return static_cast<double>(d.count()) / 1e6; }

/// What one more decoding sequence adds to an iteration, prefill of its successor left out.
double DecodeMs(const IterationLaw& law, const Mix& mix) {
  return Ms(law.per_decode) + Ms(law.per_kv_ktoken) * (mix.input + mix.output / 2) / 1'000;
}

double PrefillMs(const IterationLaw& law, const Mix& mix) { return Ms(law.per_prefill_token) * mix.input / mix.output; }

/// The largest batch that the replica's own limits allow.
double LargestBatch(const ReplicaTerms& terms, const Mix& mix) {
  double batch = static_cast<double>(terms.max_sequences);
  const double step_tokens_per_sequence = 1 + mix.input / mix.output;
  batch = std::min(batch, static_cast<double>(terms.step_token_budget.count()) / step_tokens_per_sequence);
  if (terms.kv_limit) {
    batch = std::min(batch, static_cast<double>(terms.kv_limit->count()) / (mix.input + mix.output));
  }
  return batch;
}

int64_t RoundToNearestHundred(double value) { return std::llround(value / static_cast<double>(kTidy)) * kTidy; }
int64_t RoundDownToHundred(double value) {
  return static_cast<int64_t>(std::floor(value / static_cast<double>(kTidy))) * kTidy;
}

}  // namespace

Mix MixOf(std::span<const TraceRow> rows) {
  PENSTOCK_CHECK(!rows.empty());
  Tokens context;
  Tokens generated;
  for (const TraceRow& row : rows) {
    context += row.context;
    generated += row.generated;
  }
  const auto count = static_cast<double>(rows.size());
  return {static_cast<double>(context.count()) / count, static_cast<double>(generated.count()) / count};
}

Mix Blend(const Mix& a, int thousandths_of_a, const Mix& b) {
  PENSTOCK_CHECK(thousandths_of_a >= 0 && thousandths_of_a <= 1'000);
  const auto of_a = static_cast<double>(thousandths_of_a);
  const auto of_b = static_cast<double>(1'000 - thousandths_of_a);
  return {(a.input * of_a + b.input * of_b) / 1'000, (a.output * of_a + b.output * of_b) / 1'000};
}

double FluidTimePerOutputTokenMs(const IterationLaw& law, const Mix& mix, double batch) {
  return Ms(law.base) + batch * (DecodeMs(law, mix) + PrefillMs(law, mix));
}

absl::StatusOr<Calibration> Calibrate(const FleetTerms& terms, const Mix& mix, Duration target_time_per_output_token) {
  PENSTOCK_CHECK(mix.input >= 1 && mix.output >= 1 && terms.replicas > 0);
  const IterationLaw& law = terms.replica.law;
  const double target_ms = Ms(target_time_per_output_token);
  if (law.per_prefill_token <= Duration::Zero()) {
    return absl::InvalidArgumentError(
        "the iteration-time law has no cost per prefill token, so nothing can be weighed against it; calibrate a");
  }
  const double alone_ms = FluidTimePerOutputTokenMs(law, mix, 1);
  if (target_ms < alone_ms) {
    return absl::InvalidArgumentError(absl::StrCat("a time per output token of ", target_ms,
                                                   " ms is out of reach: one sequence alone takes ", alone_ms,
                                                   " ms; raise the target or take faster hardware"));
  }
  Calibration result;
  const double batch_at_target = (target_ms - Ms(law.base)) / (DecodeMs(law, mix) + PrefillMs(law, mix));
  result.batch = std::min(batch_at_target, LargestBatch(terms.replica, mix));
  result.time_per_output_token_ms = FluidTimePerOutputTokenMs(law, mix, result.batch);
  result.requests_per_second =
      static_cast<double>(terms.replicas) * result.batch / (mix.output * result.time_per_output_token_ms / 1'000);

  const double output_token_ms = Ms(law.base) / result.batch + DecodeMs(law, mix);
  const int64_t output_rate =
      RoundToNearestHundred(static_cast<double>(kInputRate) * output_token_ms / Ms(law.per_prefill_token));
  result.burndown[TokenKind::kInput] = kInputRate;
  result.burndown[TokenKind::kCachedInput] = kCachedInputRate;
  result.burndown[TokenKind::kOutput] = output_rate;
  result.burndown[TokenKind::kReasoning] = output_rate;

  const double work_per_request =
      mix.input * static_cast<double>(kInputRate) + mix.output * static_cast<double>(output_rate);
  result.capacity_nt_per_second =
      RoundDownToHundred(result.requests_per_second * work_per_request / static_cast<double>(kMilliNtPerNt));
  return result;
}

}  // namespace penstock::sim
