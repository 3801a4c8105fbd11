#include "sim/fleet/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sim/traces/azure_trace.h"
#include "sim/traces/shipped_traces.h"
#include "sim/traffic/traffic.h"

namespace penstock::sim {
namespace {

using ::testing::HasSubstr;

FleetTerms LlamaOnH100(int replicas) {
  FleetTerms terms;
  terms.replica.law = *LawOf("Llama-3.1-8B", "1xH100 TRT-LLM");
  terms.replicas = replicas;
  return terms;
}

std::vector<TraceRow> Rows(std::string_view csv) { return *ParseAzureTrace(csv, "shipped"); }

TEST(Calibration, FluidTimePerOutputTokenFollowsTheFormula) {
  // 9.26 + 64 x (0.0608 + 0.0253 x 1.1 + 0.0288 x 5)
  const IterationLaw& qwen = *LawOf("Qwen3-32B", "4xH100 vLLM");
  EXPECT_NEAR(FluidTimePerOutputTokenMs(qwen, {1'000, 200}, 64), 24.14832, 1e-9);
  // 25.57 + 10 x (0 + 0.2458 x 0.15 + 0.1620 x 1)
  const IterationLaw& small = *LawOf("Qwen3-32B", "2xRTX PRO 6000 vLLM 0.19");
  EXPECT_NEAR(FluidTimePerOutputTokenMs(small, {100, 100}, 10), 27.5587, 1e-9);
}

TEST(Calibration, MatchesTheOperatingPointWorkedOutByHand) {
  const auto calibration = Calibrate(LlamaOnH100(8), {1'000, 200}, Milliseconds(20));
  ASSERT_TRUE(calibration.ok()) << calibration.status();
  // B = (20 - 6.42) / (0.0499 x 1.1 + 0.0196 x 5) = 13.58 / 0.15289
  EXPECT_NEAR(calibration->batch, 88.8220, 1e-4);
  EXPECT_NEAR(calibration->time_per_output_token_ms, 20, 1e-9);
  // 8 x 88.8220 / (200 x 0.020)
  EXPECT_NEAR(calibration->requests_per_second, 177.6441, 1e-4);
  // (6.42 / 88.8220 + 0.05489) / 0.0196 = 6.488 -> 6.5
  EXPECT_EQ(calibration->burndown[TokenKind::kInput], 1'000);
  EXPECT_EQ(calibration->burndown[TokenKind::kCachedInput], 100);
  EXPECT_EQ(calibration->burndown[TokenKind::kOutput], 6'500);
  EXPECT_EQ(calibration->burndown[TokenKind::kReasoning], 6'500);
  EXPECT_EQ(calibration->burndown[TokenKind::kImage], 0);
  // 177.6441 x (1,000 + 6.5 x 200) = 408,581
  EXPECT_EQ(calibration->capacity_nt_per_second, 408'500);
}

TEST(Calibration, CapacityIsAllTheFleetsTimeInPrefillTokens) {
  // Every millisecond has an owner, so whatever the mix: replicas / a, up to the rounding of the output rate.
  for (const Mix& mix : {Mix{1'155, 211}, Mix{2'048, 28}, Mix{100, 1'000}}) {
    const auto calibration = Calibrate(LlamaOnH100(8), mix, Milliseconds(12));
    ASSERT_TRUE(calibration.ok());
    EXPECT_NEAR(static_cast<double>(calibration->capacity_nt_per_second) / (8 * 1'000 / 0.0196), 1, 0.02);
  }
}

TEST(Calibration, TheReplicasOwnLimitsCapTheBatch) {
  FleetTerms terms = LlamaOnH100(1);
  terms.replica.max_sequences = 50;
  auto calibration = Calibrate(terms, {1'000, 200}, Milliseconds(20));
  EXPECT_DOUBLE_EQ(calibration->batch, 50);
  EXPECT_NEAR(calibration->time_per_output_token_ms, 6.42 + 50 * 0.15289, 1e-9);
  terms.replica.step_token_budget = Tokens(120);  // 1 + 5 step tokens per sequence
  EXPECT_DOUBLE_EQ(Calibrate(terms, {1'000, 200}, Milliseconds(20))->batch, 20);
  terms.replica.kv_limit = Tokens(12'000);
  EXPECT_DOUBLE_EQ(Calibrate(terms, {1'000, 200}, Milliseconds(20))->batch, 10);
}

TEST(Calibration, ATargetOutOfReachIsAnError) {
  const auto calibration = Calibrate(LlamaOnH100(8), {1'000, 200}, Milliseconds(6));
  ASSERT_FALSE(calibration.ok());
  EXPECT_EQ(calibration.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(calibration.status().message()), HasSubstr("out of reach: one sequence alone takes 6.57"));
}

TEST(Calibration, ALawWithoutPrefillCostIsAnError) {
  FleetTerms terms = LlamaOnH100(8);
  terms.replica.law.per_prefill_token = Duration::Zero();
  EXPECT_FALSE(Calibrate(terms, {1'000, 200}, Milliseconds(20)).ok());
}

TEST(Calibration, TheMixOfATraceIsItsMeanTokens) {
  const Mix conversation = MixOf(Rows(ConversationTraceCsv()));
  EXPECT_NEAR(conversation.input, 1'154.6974, 1e-4);
  EXPECT_NEAR(conversation.output, 211.1259, 1e-4);
  const Mix code = MixOf(Rows(CodeTraceCsv()));
  EXPECT_NEAR(code.input, 2'047.8483, 1e-4);
  EXPECT_NEAR(code.output, 27.8825, 1e-4);
  const Mix blend = Blend(conversation, 700, code);
  EXPECT_NEAR(blend.input, 0.7 * 1'154.6974 + 0.3 * 2'047.8483, 1e-3);
  EXPECT_NEAR(blend.output, 0.7 * 211.1259 + 0.3 * 27.8825, 1e-3);
}

TEST(Calibration, TheFiguresOfTheShippedTracesAreThese) {
  const Mix conversation = MixOf(Rows(ConversationTraceCsv()));
  const auto pure = Calibrate(LlamaOnH100(8), conversation, Milliseconds(20));
  EXPECT_NEAR(pure->batch, 79.843, 1e-3);
  EXPECT_NEAR(pure->requests_per_second, 151.271, 1e-3);
  EXPECT_EQ(pure->burndown[TokenKind::kOutput], 7'300);
  EXPECT_EQ(pure->capacity_nt_per_second, 407'800);

  const Mix blend = Blend(conversation, 700, MixOf(Rows(CodeTraceCsv())));
  const auto blended = Calibrate(LlamaOnH100(8), blend, Milliseconds(20));
  EXPECT_NEAR(blended->batch, 53.580, 1e-3);
  EXPECT_NEAR(blended->requests_per_second, 137.250, 1e-3);
  EXPECT_EQ(blended->burndown[TokenKind::kOutput], 9'900);
  EXPECT_EQ(blended->capacity_nt_per_second, 407'400);
}

/// Time per output token over all tokens after the first, in milliseconds, of a fleet that is sent all these arrivals.
double MeasuredTimePerOutputTokenMs(const FleetTerms& terms, const std::vector<Arrival>& arrivals) {
  Fleet fleet(terms, Instant());
  std::vector<FleetEvent> events;
  for (size_t i = 0; i < arrivals.size(); ++i) {
    const Tokens input = arrivals[i].tokens[TokenKind::kInput];
    fleet.Submit({i, input, Tokens(), Generated(arrivals[i].tokens)}, Instant() + arrivals[i].at);
  }
  fleet.AdvanceTo(Instant() + arrivals.back().at, &events);
  std::vector<Instant> first_token(arrivals.size());
  double milliseconds = 0;
  double tokens = 0;
  for (const FleetEvent& event : events) {
    if (event.kind == FleetEvent::Kind::kFirstToken) {
      first_token[event.id] = event.at;
    } else {
      milliseconds += static_cast<double>((event.at - first_token[event.id]).count()) / 1e6;
      tokens += static_cast<double>(event.generated.count() - 1);
    }
  }
  return milliseconds / tokens;
}

TEST(Calibration, RealTrafficAtTheCalibratedRateMeetsTheTarget) {
  const Traces traces = {Rows(ConversationTraceCsv()), Rows(CodeTraceCsv())};
  const Mix mix = Blend(MixOf(traces.conversation), 700, MixOf(traces.code));
  const FleetTerms terms = LlamaOnH100(8);
  const Calibration calibration = *Calibrate(terms, mix, Milliseconds(20));
  TenantProfile chat;
  chat.requests_per_second = calibration.requests_per_second * 0.7;
  TenantProfile coder;
  coder.trace = TraceChoice::kCode;
  coder.requests_per_second = calibration.requests_per_second * 0.3;
  for (uint64_t seed : {1u, 2u, 3u, 4u, 5u}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const std::vector<TenantProfile> tenants = {chat, coder};
    const auto arrivals = BuildTraffic(tenants, traces, Seconds(600), seed);
    EXPECT_NEAR(MeasuredTimePerOutputTokenMs(terms, arrivals), 20, 2);
    Work work;
    for (const Arrival& a : arrivals) work += WorkOf(a.tokens, calibration.burndown);
    const double offered_nt_per_second = static_cast<double>(work.count()) / (1'000 * 600);
    EXPECT_NEAR(offered_nt_per_second / static_cast<double>(calibration.capacity_nt_per_second), 1, 0.05);
  }
}

}  // namespace
}  // namespace penstock::sim
