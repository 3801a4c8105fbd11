#include "sim/fleet/fleet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/fleet/calibration.h"

namespace penstock::sim {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

constexpr Instant kStart(1'000'000'000);
using Kind = FleetEvent::Kind;

/// A law whose parts are easy to tell apart: 10 ms + 1 ms per decode + 1 ms per thousand KV tokens + 0.01 ms per
/// prefill token.
constexpr IterationLaw kRoundLaw = {Milliseconds(10), Milliseconds(1), Milliseconds(1), Microseconds(10)};

Instant At(Duration since_start) { return kStart + since_start; }

class FleetTest : public ::testing::Test {
 protected:
  FleetTest() { terms_.replica.law = kRoundLaw; }

  Fleet Build() const { return Fleet(terms_, kStart); }

  static FleetRequest Request(uint64_t id, int64_t input, int64_t generate, int64_t cached = 0) {
    return {id, Tokens(input), Tokens(cached), Tokens(generate)};
  }

  /// Everything that happens until the fleet is idle.
  static std::vector<FleetEvent> RunDry(Fleet& fleet) {
    std::vector<FleetEvent> events;
    while (fleet.NextEvent() != Instant::Max()) fleet.AdvanceTo(fleet.NextEvent(), &events);
    return events;
  }

  FleetTerms terms_;
};

TEST_F(FleetTest, ASingleRequestTakesWhatTheLawSays) {
  Fleet fleet = Build();
  fleet.Submit(Request(7, 1'000, 3), kStart);
  // Prefill 10 + 10 ms; then decodes of 10 + 1 + 1.001 ms and 10 + 1 + 1.002 ms.
  EXPECT_THAT(RunDry(fleet), ElementsAre(FleetEvent{Kind::kFirstToken, 7, At(Milliseconds(20)), Tokens(1)},
                                         FleetEvent{Kind::kFinished, 7, At(Microseconds(44'003)), Tokens(3)}));
}

TEST_F(FleetTest, ALongPromptIsPrefilledInChunksOfTheStepBudget) {
  Fleet fleet = Build();
  fleet.Submit(Request(1, 5'000, 1), kStart);
  // Three iterations of 10 ms, and 5,000 prompt tokens of 0.01 ms.
  EXPECT_THAT(RunDry(fleet), ElementsAre(FleetEvent{Kind::kFirstToken, 1, At(Milliseconds(80)), Tokens(1)},
                                         FleetEvent{Kind::kFinished, 1, At(Milliseconds(80)), Tokens(1)}));
}

TEST_F(FleetTest, DecodesComeOffTheStepBudgetFirst) {
  terms_.replica.max_sequences = 8;
  terms_.replica.step_token_budget = Tokens(10);
  Fleet fleet = Build();
  fleet.Submit(Request(1, 10, 3), kStart);                    // first token at 10.1 ms
  fleet.Submit(Request(2, 10, 1), kStart + Milliseconds(1));  // 9 prompt tokens beside one decode, then the last
  // 10 + 1 + 0.011 + 0.09 ms and 10 + 1 + 0.012 + 0.01 ms later.
  EXPECT_THAT(RunDry(fleet), Contains(FleetEvent{Kind::kFirstToken, 2, At(Microseconds(32'223)), Tokens(1)}));
}

TEST_F(FleetTest, CachedInputCostsNoPrefillButIsContext) {
  Fleet fleet = Build();
  fleet.Submit(Request(1, 0, 2, 3'000), kStart);
  EXPECT_THAT(RunDry(fleet), ElementsAre(FleetEvent{Kind::kFirstToken, 1, At(Milliseconds(14)), Tokens(1)},
                                         FleetEvent{Kind::kFinished, 1, At(Microseconds(28'001)), Tokens(2)}));
}

TEST_F(FleetTest, RequestsJoinAtIterationBoundaries) {
  Fleet fleet = Build();
  fleet.Submit(Request(1, 1'000, 10), kStart);
  fleet.Submit(Request(2, 1'000, 1), At(Milliseconds(1)));
  EXPECT_EQ(fleet.running(), 1);
  EXPECT_EQ(fleet.waiting(), 1);
  std::vector<FleetEvent> events;
  // It joins at 20 ms; that iteration takes 10 + 1 (one decode) + 1.001 (its context) + 10 (prefill) ms.
  fleet.AdvanceTo(At(Milliseconds(43)), &events);
  EXPECT_THAT(events, ElementsAre(FleetEvent{Kind::kFirstToken, 1, At(Milliseconds(20)), Tokens(1)},
                                  FleetEvent{Kind::kFirstToken, 2, At(Microseconds(42'001)), Tokens(1)},
                                  FleetEvent{Kind::kFinished, 2, At(Microseconds(42'001)), Tokens(1)}));
}

TEST_F(FleetTest, NoMoreThanMaxSequencesRunAtOnce) {
  terms_.replica.max_sequences = 2;
  Fleet fleet = Build();
  for (uint64_t id = 1; id <= 5; ++id) fleet.Submit(Request(id, 10, 5), kStart);
  std::vector<FleetEvent> events;
  std::vector<uint64_t> finished;
  while (fleet.NextEvent() != Instant::Max()) {
    EXPECT_LE(fleet.running(), 2);
    fleet.AdvanceTo(fleet.NextEvent(), &events);
  }
  for (const FleetEvent& event : events) {
    if (event.kind == Kind::kFinished) finished.push_back(event.id);
  }
  EXPECT_THAT(finished, ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(FleetTest, WholeContextsHoldRequestsBackButNeverForever) {
  terms_.replica.kv_limit = Tokens(1'000);
  terms_.replica.kv_block = Tokens(1);
  terms_.replica.kv_holding = KvHolding::kWholeContext;
  Fleet fleet = Build();
  fleet.Submit(Request(1, 590, 10), kStart);
  fleet.Submit(Request(2, 391, 10), kStart);    // 1 more than fits beside the first
  fleet.Submit(Request(3, 5'000, 10), kStart);  // larger than the limit: runs alone
  std::vector<FleetEvent> events;
  while (fleet.NextEvent() != Instant::Max()) {
    EXPECT_EQ(fleet.running(), 1);
    fleet.AdvanceTo(fleet.NextEvent(), &events);
  }
  EXPECT_EQ(events.size(), 6u);
}

TEST_F(FleetTest, RequestsThatFitTheKvLimitRunTogether) {
  terms_.replica.kv_limit = Tokens(1'000);
  Fleet fleet = Build();
  std::vector<FleetEvent> events;
  fleet.Submit(Request(1, 590, 10), kStart);
  fleet.Submit(Request(2, 390, 10), kStart);
  fleet.AdvanceTo(fleet.NextEvent(), &events);
  EXPECT_EQ(fleet.running(), 2);
}

TEST_F(FleetTest, WhoJoinedLastIsPreemptedWhenBlocksRunOutAndComputedAgain) {
  terms_.replica.kv_limit = Tokens(30);
  terms_.replica.kv_block = Tokens(10);
  Fleet fleet = Build();
  fleet.Submit(Request(1, 10, 4), kStart);  // first token at 10.1 ms; then it takes its second block
  fleet.Submit(Request(2, 10, 3), kStart);  // joins there, has its first token at 21.211 ms, and finds no second block
  std::vector<FleetEvent> events;
  fleet.AdvanceTo(At(Milliseconds(22)), &events);
  EXPECT_EQ(fleet.Preemptions(), 1);
  EXPECT_EQ(fleet.running(), 1);
  EXPECT_EQ(fleet.GeneratedSoFar(2), Tokens(1));
  // The first decodes alone: 11.012 and 11.013 ms. Then the other prefills 11 tokens in 10.11 ms, which makes its
  // second token, and decodes its last in 11.012 ms.
  EXPECT_THAT(RunDry(fleet), ElementsAre(FleetEvent{Kind::kFinished, 1, At(Microseconds(43'236)), Tokens(4)},
                                         FleetEvent{Kind::kFinished, 2, At(Microseconds(64'358)), Tokens(3)}));
}

TEST_F(FleetTest, WhatRanOnALostReplicaStartsAgainElsewhereAndTellsNothingTwice) {
  terms_.replicas = 2;
  Fleet fleet = Build();
  fleet.Submit(Request(1, 1'000, 5), kStart);
  fleet.Submit(Request(2, 1'000, 5), kStart);
  std::vector<FleetEvent> events;
  fleet.AdvanceTo(At(Milliseconds(33)), &events);  // both have two tokens
  EXPECT_EQ(events.size(), 2u);
  fleet.SetReplicas(1, At(Milliseconds(33)));
  EXPECT_EQ(fleet.GeneratedSoFar(2), Tokens(2));
  EXPECT_EQ(fleet.running() + fleet.waiting(), 2);
  // The second joins at 44.003 ms, is prefilled beside a decode in 22.003 ms and decodes four times.
  EXPECT_THAT(RunDry(fleet), ElementsAre(FleetEvent{Kind::kFinished, 1, At(Microseconds(80'011)), Tokens(5)},
                                         FleetEvent{Kind::kFinished, 2, At(Microseconds(116'020)), Tokens(5)}));
}

TEST_F(FleetTest, ANewReplicaTakesTheNextRequestAndCountsFromThenOn) {
  Fleet fleet = Build();
  fleet.Submit(Request(1, 1'000, 1), kStart);
  fleet.SetReplicas(2, At(Milliseconds(10)));
  fleet.Submit(Request(2, 1'000, 1), At(Milliseconds(10)));
  EXPECT_EQ(fleet.running(), 2);
  std::vector<FleetEvent> events;
  fleet.AdvanceTo(At(Milliseconds(30)), &events);
  EXPECT_EQ(events.size(), 4u);
  EXPECT_DOUBLE_EQ(fleet.BusyFraction(), 40.0 / 50.0);  // 10 ms of one replica and 20 ms of two
}

TEST_F(FleetTest, TheLeastLoadedReplicaTakesARequestAndTiesGoToTheFirst) {
  terms_.replicas = 2;
  Fleet fleet = Build();
  fleet.Submit(Request(1, 1'000, 1), kStart);  // replica 0
  fleet.Submit(Request(2, 1'000, 1), kStart);  // replica 1
  EXPECT_EQ(fleet.running(), 2);
  fleet.Submit(Request(3, 1'000, 1), kStart);  // replica 0 again: waits
  EXPECT_EQ(fleet.waiting(), 1);
  std::vector<uint64_t> ids;
  for (const FleetEvent& event : RunDry(fleet)) ids.push_back(event.id);
  EXPECT_THAT(ids, ElementsAre(1, 1, 2, 2, 3, 3));
}

TEST_F(FleetTest, CancelReturnsWhatWasGeneratedAndFreesThePlace) {
  terms_.replica.max_sequences = 1;
  Fleet fleet = Build();
  fleet.Submit(Request(1, 1'000, 100), kStart);
  fleet.Submit(Request(2, 1'000, 1), kStart);
  std::vector<FleetEvent> events;
  fleet.AdvanceTo(At(Milliseconds(33)), &events);  // first token at 20 ms, second at 32.001 ms
  EXPECT_EQ(fleet.GeneratedSoFar(1), Tokens(2));
  EXPECT_EQ(fleet.Cancel(1, At(Milliseconds(33))), Tokens(2));
  EXPECT_EQ(fleet.GeneratedSoFar(1), std::nullopt);
  EXPECT_EQ(fleet.Cancel(1, At(Milliseconds(33))), std::nullopt);
  // The iteration under way runs to its end at 44.003 ms; then comes the next request.
  EXPECT_THAT(RunDry(fleet), ElementsAre(FleetEvent{Kind::kFirstToken, 2, At(Microseconds(64'003)), Tokens(1)},
                                         FleetEvent{Kind::kFinished, 2, At(Microseconds(64'003)), Tokens(1)}));
}

TEST_F(FleetTest, AWaitingRequestCanBeCancelled) {
  Fleet fleet = Build();
  fleet.Submit(Request(1, 1'000, 2), kStart);
  fleet.Submit(Request(2, 1'000, 2), kStart);
  EXPECT_EQ(fleet.GeneratedSoFar(2), Tokens(0));
  EXPECT_EQ(fleet.Cancel(2, kStart), Tokens(0));
  EXPECT_EQ(RunDry(fleet).size(), 2u);
}

TEST_F(FleetTest, EventsPassedBySubmitAreHandedOutByTheNextAdvance) {
  Fleet fleet = Build();
  fleet.Submit(Request(1, 1'000, 1), kStart);
  fleet.Submit(Request(2, 1'000, 1), At(Seconds(1)));
  EXPECT_EQ(fleet.NextEvent(), At(Milliseconds(20)));
  std::vector<FleetEvent> events;
  fleet.AdvanceTo(At(Seconds(1)), &events);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].at, At(Milliseconds(20)));
}

TEST_F(FleetTest, BusyFractionIsTheShareOfReplicaTimeInIterations) {
  terms_.replicas = 2;
  Fleet fleet = Build();
  EXPECT_EQ(fleet.BusyFraction(), 0);
  fleet.Submit(Request(1, 1'000, 1), kStart);  // 20 ms on one of two replicas
  std::vector<FleetEvent> events;
  fleet.AdvanceTo(At(Milliseconds(10)), &events);
  EXPECT_DOUBLE_EQ(fleet.BusyFraction(), 0.5);
  fleet.AdvanceTo(At(Milliseconds(100)), &events);
  EXPECT_DOUBLE_EQ(fleet.BusyFraction(), 0.1);
}

/// Mean time per output token of one replica that always has `batch` sequences of about I + O tokens, in milliseconds.
double MeasuredTimePerOutputTokenMs(const IterationLaw& law, int64_t batch, int64_t input, int64_t output) {
  FleetTerms terms;
  terms.replica.law = law;
  terms.replica.max_sequences = batch;
  Fleet fleet(terms, kStart);
  uint64_t id = 0;
  // Lengths spread evenly over O +- 20 keep the batch out of step; the first ones start somewhere in their life.
  const auto submit = [&](int64_t generate, Instant at) {
    fleet.Submit({++id, Tokens(input), Tokens(), Tokens(generate)}, at);
  };
  for (int64_t i = 0; i < batch; ++i) submit(1 + output * i / batch, kStart);
  for (int64_t i = 0; i < batch; ++i) submit(output, kStart);  // a line, so that no place stays empty
  const Instant warm = kStart + Seconds(30);
  const Instant end = kStart + Seconds(330);
  int64_t tokens = 0;
  std::vector<FleetEvent> events;
  while (fleet.NextEvent() <= end) {
    const Instant now = fleet.NextEvent();
    events.clear();
    fleet.AdvanceTo(now, &events);
    for (const FleetEvent& event : events) {
      if (event.kind != Kind::kFinished) continue;
      if (event.at > warm) tokens += event.generated.count();
      submit(output - 20 + static_cast<int64_t>(id * 17 % 41), now);
    }
  }
  return static_cast<double>(batch) * 300e3 / static_cast<double>(tokens);
}

TEST(FleetAndFluid, AgreeOnTimePerOutputTokenAtABatchOf64) {
  for (const CalibratedLaw& row : CalibratedLaws()) {
    SCOPED_TRACE(std::string(row.model) + " on " + std::string(row.hardware));
    const double fluid = FluidTimePerOutputTokenMs(row.law, {1'155, 211}, 64);
    const double measured = MeasuredTimePerOutputTokenMs(row.law, 64, 1'155, 211);
    EXPECT_NEAR(measured / fluid, 1, 0.02) << measured << " ms against " << fluid << " ms";
  }
}

TEST(FleetAndFluid, ALargerBatchIsSlowerByWhatTheLawSays) {
  const IterationLaw& law = CalibratedLaws()[0].law;
  const double slower =
      MeasuredTimePerOutputTokenMs(law, 96, 500, 200) - MeasuredTimePerOutputTokenMs(law, 32, 500, 200);
  // 64 more sequences of d + k x 0.6 + a x 2.5.
  EXPECT_NEAR(slower, 64 * (0.0608 + 0.0253 * 0.6 + 0.0288 * 2.5), 0.2);
}

TEST(IterationLaw, TheTableHasTheFourCalibratedRows) {
  EXPECT_EQ(CalibratedLaws().size(), 4u);
  const IterationLaw* law = LawOf("Llama-3.1-8B", "1xH100 TRT-LLM");
  ASSERT_NE(law, nullptr);
  EXPECT_EQ(law->base, Microseconds(6'420));
  EXPECT_EQ(IterationTimeRoundDown(*law, {64, Tokens(100'001), Tokens(350)}),
            Nanoseconds(6'420'000 + 4'990'049 + 6'860'000));
  EXPECT_EQ(LawOf("Llama-3.1-8B", "abacus"), nullptr);
}

}  // namespace
}  // namespace penstock::sim
