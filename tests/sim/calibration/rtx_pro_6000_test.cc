// Two real runs of vLLM 0.19 on RTX PRO 6000 through the iteration model: the law fitted to every second request, held
// against the times of all of them, and of those that it has not seen.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "sim/calibration/log_fit.h"
#include "sim/calibration/measured_log.h"
#include "sim/fleet/iteration_law.h"

namespace penstock::sim {
namespace {

constexpr double kTolerance = 0.03;
constexpr HeldOut kEverySecond{.out_of = 2};

/// As the runs were made.
ReplicaTerms Engine() {
  ReplicaTerms terms;
  terms.max_sequences = 128;
  terms.step_token_budget = Tokens(2'048);
  terms.plans_ahead = true;  // vLLM 0.19 schedules asynchronously
  return terms;
}

std::vector<MeasuredRequest> RequestsOf(const std::string& model) {
  const std::string path = PENSTOCK_SOURCE_DIR "/tests/data/profiles/RTXPRO6000_" + model + ".requests.jsonl";
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  const auto log = ParseMeasuredLog(text.str(), path);
  EXPECT_TRUE(log.ok()) << log.status();
  EXPECT_EQ(log->requests.size(), 300u);
  EXPECT_TRUE(log->bad.empty());
  return log->requests;
}

void ExpectWithinTolerance(const char* what, const Agreement& agreement) {
  const std::array<double, 4> errors = agreement.RelativeErrors();
  const std::array<double, 4> measured = {agreement.measured.mean, agreement.measured.p50, agreement.measured.p90,
                                          agreement.measured.p99};
  const std::array<double, 4> simulated = {agreement.simulated.mean, agreement.simulated.p50, agreement.simulated.p90,
                                           agreement.simulated.p99};
  std::printf("  %-16s", what);
  for (size_t i = 0; i < errors.size(); ++i) {
    std::printf(" | %8.4f %8.4f %+6.2f %%", measured[i], simulated[i], 100 * errors[i]);
    EXPECT_LT(std::abs(errors[i]), kTolerance) << what << ", figure " << i;
  }
  std::printf("\n");
}

void ExpectAgreement(const char* rows, const LogAgreement& agreement) {
  std::printf(" %s (%zu requests), seconds: mean | p50 | p90 | p99, each measured, simulated, error\n", rows,
              agreement.requests);
  ExpectWithinTolerance("first token", agreement.first_token);
  ExpectWithinTolerance("per output token", agreement.per_output);
  ExpectWithinTolerance("latency", agreement.latency);
}

void ExpectToReproduce(const std::string& model, const char* hardware) {
  const std::vector<MeasuredRequest> log = RequestsOf(model);
  const auto fit = FitLog(log, Engine(), kEverySecond);
  ASSERT_TRUE(fit.ok()) << fit.status();
  const Coefficients found = CoefficientsOf(fit->law);
  std::printf("%s on %s: c0 %.3f, d %.4f, k %.4f, a %.4f ms\n", model.c_str(), hardware, found[0], found[1], found[2],
              found[3]);
  const auto all = [](size_t) { return true; };
  ReplicaTerms terms = Engine();
  terms.law = fit->law;
  ExpectAgreement("all", Compare(log, ReplayLog(log, terms), all));
  ExpectAgreement("held out", fit->held_out);
  // The table of laws that ships has these coefficients, rounded.
  terms.law = *LawOf(model, hardware);
  ExpectAgreement("all, by the law that ships", Compare(log, ReplayLog(log, terms), all));
}

TEST(RtxPro6000, Llama8BIsReproducedWithinThreePercent) {
  ExpectToReproduce("Llama-3.1-8B", "1xRTX PRO 6000 vLLM 0.19");
}

TEST(RtxPro6000, Qwen32BIsReproducedWithinThreePercent) { ExpectToReproduce("Qwen3-32B", "2xRTX PRO 6000 vLLM 0.19"); }

TEST(RtxPro6000, WithoutPlanningAheadFirstTokensComeTooEarly) {
  const std::vector<MeasuredRequest> log = RequestsOf("Llama-3.1-8B");
  ReplicaTerms terms = Engine();
  terms.law = *LawOf("Llama-3.1-8B", "1xRTX PRO 6000 vLLM 0.19");
  // Among those that hardly waited: the ones that came before the batch was full.
  const auto early = [&](size_t i) { return log[i].arrival < Seconds(11); };
  const auto errors = Compare(log, ReplayLog(log, terms), early).first_token.RelativeErrors();
  terms.plans_ahead = false;
  const auto errors_without = Compare(log, ReplayLog(log, terms), early).first_token.RelativeErrors();
  EXPECT_LT(std::abs(errors[0]), 0.05);
  EXPECT_LT(errors_without[0], -0.1);
}

}  // namespace
}  // namespace penstock::sim
