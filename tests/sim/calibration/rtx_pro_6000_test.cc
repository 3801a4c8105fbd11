// Two real runs of vLLM 0.19 on RTX PRO 6000 through the iteration model: the law fitted to every second request, held
// against the times of all of them, and of those that it has not seen.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "sim/calibration/log_fit.h"
#include "sim/calibration/measured_log.h"
#include "sim/fleet/iteration_law.h"
#include "sim/selfcheck/closed_forms.h"

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

// ---- the laws of tests/data/vectors/queueing.yaml for the same runs

IterationLaw PublishedLaw(const std::string& model, const std::string& hardware) {
  for (const closed_forms::FluidCapacity& row : closed_forms::kFluidCapacity) {
    if (row.model == model && row.hardware == hardware) return LawOfCoefficients({row.c0, row.d, row.k, row.a});
  }
  ADD_FAILURE() << "no law for " << model;
  return {};
}

double LatencyError(const std::vector<MeasuredRequest>& log, ReplicaTerms terms, const IterationLaw& law) {
  terms.law = law;
  return Compare(log, ReplayLog(log, terms), [](size_t) { return true; }).latency.mean_relative_error;
}

/// A second in which nothing was prefilled, as the engine counted it, with what was decoded then.
struct DecodeSecond {
  IterationLoad load;
  double iteration_ms = 0;
};

/// On average over the second that ends at `end`, from the log: everybody's tokens come evenly.
IterationLoad LoadBefore(double end, const std::vector<MeasuredRequest>& log) {
  constexpr int kMoments = 20;
  double decodes = 0;
  double kv = 0;
  for (int i = 0; i < kMoments; ++i) {
    const double at = end - 1 + (i + 0.5) / kMoments;
    for (const MeasuredRequest& r : log) {
      const double first = static_cast<double>(r.first_token.count()) / 1e9;
      const double last = static_cast<double>(r.last_token.count()) / 1e9;
      if (at < first || at >= last) continue;
      decodes += 1.0 / kMoments;
      const double made = 1 + static_cast<double>(r.output.count() - 1) * (at - first) / (last - first);
      kv += (static_cast<double>(r.input.count()) + made) / kMoments;
    }
  }
  return {.decodes = std::llround(decodes), .kv = Tokens(std::llround(kv)), .prefill = {}};
}

std::vector<DecodeSecond> DecodeSeconds(const std::string& model, const std::vector<MeasuredRequest>& log) {
  std::ifstream file(PENSTOCK_SOURCE_DIR "/tests/data/profiles/RTXPRO6000_" + model + ".timeseries.csv");
  std::vector<DecodeSecond> seconds;
  std::string line;
  std::getline(file, line);  // the header
  while (std::getline(file, line)) {
    double end = 0;
    double prompt_rate = 0;
    double token_rate = 0;
    EXPECT_EQ(std::sscanf(line.c_str(), "%lf,%lf,%lf", &end, &prompt_rate, &token_rate), 3) << line;
    if (prompt_rate > 0 || token_rate < 30) continue;
    const IterationLoad load = LoadBefore(end, log);
    if (load.decodes > 0) seconds.push_back({load, 1e3 * static_cast<double>(load.decodes) / token_rate});
  }
  return seconds;
}

/// Mean of law / measured - 1, of the seconds with `least` to `most` sequences.
double IterationBias(const std::vector<DecodeSecond>& seconds, const IterationLaw& law, int64_t least, int64_t most) {
  double sum = 0;
  double count = 0;
  for (const DecodeSecond& second : seconds) {
    if (second.load.decodes < least || second.load.decodes > most) continue;
    const auto ms = static_cast<double>(IterationTimeRoundDown(law, second.load).count()) / 1e6;
    sum += ms / second.iteration_ms - 1;
    ++count;
  }
  EXPECT_GE(count, 3);
  return sum / count;
}

struct Biases {
  double small = 0;  // up to 50 sequences
  double large = 0;  // from 64
};

Biases PrintBiases(const char* whose, const std::vector<DecodeSecond>& seconds, const IterationLaw& law) {
  const Biases biases = {IterationBias(seconds, law, 1, 50), IterationBias(seconds, law, 64, 128)};
  std::printf("  iterations without prefill, %s law: %+.1f %% up to 50 sequences, %+.1f %% from 64\n", whose,
              100 * biases.small, 100 * biases.large);
  return biases;
}

TEST(RtxPro6000, ThePublishedLawsAreNotThoseOfTheseRunsWhicheverWayBatchesAreFormed) {
  for (const auto& [model, hardware] :
       {std::pair("Llama-3.1-8B", "1xRTX PRO 6000 vLLM 0.19"), std::pair("Qwen3-32B", "2xRTX PRO 6000 vLLM 0.19")}) {
    const std::vector<MeasuredRequest> log = RequestsOf(model);
    const IterationLaw published = PublishedLaw(model, hardware);
    for (const bool plans_ahead : {false, true}) {
      for (const int64_t step_tokens : {2'048, 1'000'000}) {
        ReplicaTerms terms = Engine();
        terms.plans_ahead = plans_ahead;
        terms.step_token_budget = Tokens(step_tokens);
        const double error = LatencyError(log, terms, published);
        std::printf("%s, ahead %d, %ld tokens a step: mean error of a latency %.1f %% published, %.1f %% shipped\n",
                    model, plans_ahead, step_tokens, 100 * error,
                    100 * LatencyError(log, terms, *LawOf(model, hardware)));
        EXPECT_GT(error, 0.15);
      }
    }
    const std::vector<DecodeSecond> seconds = DecodeSeconds(model, log);
    EXPECT_GT(std::abs(PrintBiases("published", seconds, published).large), 0.10);
    EXPECT_LT(std::abs(PrintBiases("shipped", seconds, *LawOf(model, hardware)).large), 0.06);
  }
}

}  // namespace
}  // namespace penstock::sim
