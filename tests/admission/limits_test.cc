#include "admission/limits.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "tests/admission/seed.h"

namespace penstock::admission {
namespace {

constexpr Instant kStart{1'700'000'000'000'000'000};

LimitTerms PerMinute(std::string name, Measure measure, int64_t quantity) {
  return LimitTerms{.name = std::move(name),
                    .measure = measure,
                    .rate = {.quantity = quantity, .period = Minutes(1), .burst = quantity}};
}

Usage InputTokens(int64_t tokens) {
  Usage usage;
  usage.tokens[TokenKind::kInput] = Tokens(tokens);
  usage.work = NormalizedTokens(tokens);
  return usage;
}

/// Asks and takes; empty when admitted, else the limit that refused.
std::string Ask(LimitSet& limits, const Usage& usage, Instant now) {
  LimitRefusal refusal;
  if (limits.WouldRefuse(usage, now, &refusal)) return std::string(refusal.limit);
  limits.Take(usage, now);
  return "";
}

/// One line of a script: at this limit so many are asked, and this remains (after a refusal: unchanged).
struct Step {
  int64_t limit;
  int64_t ask;
  bool admitted;
  int64_t remaining;
};

struct Script {
  std::string name;
  std::vector<Step> steps;
};

// The figures of other people's limiters (gubernator) for the same questions.
const std::vector<Script>& Scripts() {
  static const std::vector<Script> scripts = {
      {"TooBigThenSmall",
       {{2000, 1000, true, 1000},
        {2000, 1500, false, 1000},
        {2000, 500, true, 500},
        {2000, 400, true, 100},
        {2000, 100, true, 0},
        {2000, 1, false, 0}}},
      {"LimitChangeLive",
       {{100, 1, true, 99}, {100, 1, true, 98}, {10, 1, true, 7}, {10, 1, true, 6}, {200, 1, true, 195}}},
  };
  return scripts;
}

class LimitScript : public testing::TestWithParam<Script> {};

TEST_P(LimitScript, RemainsAsSaid) {
  LimitSet limits;
  for (const Step& step : GetParam().steps) {
    limits.SetPolicy(std::make_shared<const LimitPolicy>(
                         LimitPolicy{{PerMinute("tokens_per_minute", Measure::kTokens, step.limit)}, 0}),
                     kStart);
    EXPECT_EQ(Ask(limits, InputTokens(step.ask), kStart), step.admitted ? "" : "tokens_per_minute");
    EXPECT_EQ(limits.Remaining("tokens_per_minute", kStart), step.remaining);
  }
}

INSTANTIATE_TEST_SUITE_P(Elsewhere, LimitScript, testing::ValuesIn(Scripts()),
                         [](const auto& each) { return each.param.name; });

TEST(Limits, OnePerSecondRefusesWhatComesTooEarly) {  // dmclock's limit_reject
  LimitSet limits(LimitPolicy{{{.name = "per_second",
                                .measure = Measure::kRequests,
                                .rate = {.quantity = 1, .period = Seconds(1), .burst = 1}}},
                              0});
  const std::vector<std::pair<int64_t, bool>> arrivals = {
      {1'000, true}, {2'000, true}, {3'000, true}, {3'900, false}, {6'000, true}};
  for (const auto& [at_ms, passes] : arrivals) {
    EXPECT_EQ(Ask(limits, Usage{}, kStart + Milliseconds(at_ms)), passes ? "" : "per_second") << at_ms;
  }
}

TEST(Limits, TwentyPerMinuteCountsDownToZeroAndThenRefuses) {  // envoyproxy/ratelimit
  LimitSet limits(LimitPolicy{{PerMinute("rpm", Measure::kRequests, 20)}, 0});
  for (int call = 1; call <= 25; ++call) {
    EXPECT_EQ(Ask(limits, Usage{}, kStart), call <= 20 ? "" : "rpm");
    EXPECT_EQ(limits.Remaining("rpm", kStart), std::max(0, 20 - call));
  }
}

TEST(Limits, ARefusalNamesTheLongestWaitAndConsumesNothing) {
  LimitSet limits(LimitPolicy{{PerMinute("rpm", Measure::kRequests, 60), PerMinute("tpm", Measure::kTokens, 600)}, 0});
  limits.Take(InputTokens(600), kStart);
  for (int i = 0; i < 59; ++i) limits.Take(InputTokens(0), kStart);
  LimitRefusal refusal;
  ASSERT_TRUE(limits.WouldRefuse(InputTokens(100), kStart, &refusal));
  EXPECT_EQ(refusal.limit, "tpm");
  EXPECT_EQ(refusal.retry_after, Seconds(10)) << "rpm would only have asked for one";
  EXPECT_EQ(refusal.asked, 100);
  EXPECT_EQ(refusal.remaining, 0);
  EXPECT_EQ(limits.Remaining("rpm", kStart), 0);
  EXPECT_EQ(limits.Remaining("rpm", kStart + Seconds(1)), 1);
}

TEST(Limits, CountsOneTokenKindOrWorkWhenToldTo) {
  LimitTerms output = PerMinute("output_per_minute", Measure::kTokenKind, 100);
  output.kind = TokenKind::kOutput;
  LimitSet limits(LimitPolicy{{output, PerMinute("work_per_minute", Measure::kWork, 1'000'000)}, 0});
  Usage usage = InputTokens(500);
  usage.tokens[TokenKind::kOutput] = Tokens(40);
  EXPECT_EQ(Ask(limits, usage, kStart), "");
  EXPECT_EQ(limits.Remaining("output_per_minute", kStart), 60);
  EXPECT_EQ(limits.Remaining("work_per_minute", kStart), 500'000);
  EXPECT_EQ(limits.Remaining("unheard_of", kStart), -1);
}

TEST(Limits, ParallelPlacesComeBackOnRelease) {
  LimitSet limits(LimitPolicy{{}, 2});
  EXPECT_EQ(Ask(limits, Usage{}, kStart), "");
  EXPECT_EQ(Ask(limits, Usage{}, kStart), "");
  EXPECT_EQ(Ask(limits, Usage{}, kStart), kParallelLimit);
  EXPECT_EQ(limits.parallel(), 2);
  limits.ReleaseParallel();
  EXPECT_EQ(Ask(limits, Usage{}, kStart), "");
}

TEST(Limits, AnEstimateIsTruedUpBothWays) {
  LimitSet limits(LimitPolicy{{PerMinute("tpm", Measure::kTokens, 1'000)}, 0});
  limits.Take(InputTokens(400), kStart);
  limits.TrueUp(InputTokens(400), InputTokens(100), kStart);
  EXPECT_EQ(limits.Remaining("tpm", kStart), 900);
  limits.TrueUp(InputTokens(100), InputTokens(700), kStart);
  EXPECT_EQ(limits.Remaining("tpm", kStart), 300);
}

TEST(Limits, ALimitThatCountsSomethingElseStartsAnew) {
  LimitSet limits(LimitPolicy{{PerMinute("budget", Measure::kTokens, 100)}, 0});
  limits.Take(InputTokens(90), kStart);
  limits.SetPolicy(std::make_shared<const LimitPolicy>(LimitPolicy{{PerMinute("budget", Measure::kRequests, 100)}, 0}),
                   kStart);
  EXPECT_EQ(limits.Remaining("budget", kStart), 100);
}

TEST(Limits, AReplayFillsOnlyLimitsOfAnHourOrLonger) {
  LimitTerms daily = PerMinute("tpd", Measure::kTokens, 1'000);
  daily.rate.period = Days(1);
  LimitSet limits(LimitPolicy{{PerMinute("tpm", Measure::kTokens, 1'000), daily}, 5});
  limits.Replay(InputTokens(600), kStart);
  EXPECT_EQ(limits.Remaining("tpm", kStart), 1'000);
  EXPECT_EQ(limits.Remaining("tpd", kStart), 400);
  EXPECT_EQ(limits.parallel(), 0);
}

// Many at once against a limit, each with an estimate that may be far off. A plain counter of what was settled must
// stay within burst + rate x T + what the grants outstanding at once overran their holds by.
TEST(Limits, ConcurrentRequestsOvershootOnlyByWhatOutstandingGrantsOverran) {
  for (const uint64_t seed : TestSeeds(20)) {
    SCOPED_TRACE(testing::Message() << "PENSTOCK_SEED=" << seed);
    Dice dice(seed);
    const int64_t rate = dice.Roll(50, 500);  // tokens a minute, also the burst
    LimitSet limits(LimitPolicy{{PerMinute("tpm", Measure::kTokens, rate)}, 0});
    struct Grant {
      int64_t held;
      int64_t actual;
    };
    std::deque<Grant> outstanding;
    int64_t settled = 0;        // the oracle: a plain counter
    int64_t worst_overrun = 0;  // of grants outstanding at once
    int64_t largest = 0;
    Instant now = kStart;
    for (int step = 0; step < 2'000; ++step) {
      now = now + Milliseconds(dice.Roll(0, 2'000));
      if (dice.OneIn(2) || outstanding.size() > 8) {
        if (outstanding.empty()) continue;
        const Grant done = outstanding.front();
        outstanding.pop_front();
        limits.TrueUp(InputTokens(done.held), InputTokens(done.actual), now);
        settled += done.actual;
      } else {
        const Grant asked{dice.Roll(1, 60), dice.Roll(0, 150)};
        largest = std::max(largest, asked.held);
        if (Ask(limits, InputTokens(asked.held), now).empty()) outstanding.push_back(asked);
        int64_t overrun = 0;
        for (const Grant& grant : outstanding) overrun += std::max<int64_t>(0, grant.actual - grant.held);
        worst_overrun = std::max(worst_overrun, overrun);
      }
      const Int128 drained = Int128{rate} * (now - kStart).count() / Minutes(1).count();
      ASSERT_LE(Int128{settled}, std::max(rate, largest) + drained + 1 + worst_overrun) << "step " << step;
    }
    EXPECT_GT(settled, rate * 10) << "the limit was not exercised";
  }
}

}  // namespace
}  // namespace penstock::admission
