#include "sim/traffic/trace_replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/traces/shipped_traces.h"

namespace penstock::sim {
namespace {

constexpr char kMooncake[] =
    R"({"timestamp": 0, "input_length": 1500, "output_length": 5, "hash_ids": [0, 1, 2]})"
    "\n"
    R"({"timestamp": 30000, "input_length": 2000, "output_length": 5000, "hash_ids": [0, 1, 7, 2]})";

std::unique_ptr<TraceReader> Reading(std::string_view text, TraceOptions options = {}) {
  return std::make_unique<TraceReader>(BytesOf(text), "t", std::move(options));
}

TEST(TraceReplay, PlaysEveryRowAtItsTime) {
  TraceReplay replay(Reading(CodeTraceCsv()), 4, {}, {.cached_thousandths = 250});
  int count = 0;
  Duration last;
  while (const auto arrival = replay.Next()) {
    EXPECT_GE(arrival->at, last);
    EXPECT_EQ(arrival->tenant, 4u);
    last = arrival->at;
    ++count;
  }
  EXPECT_EQ(count, 8'819);
  EXPECT_EQ(replay.tally().rows, 8'819);
  EXPECT_TRUE(replay.status().ok());
}

TEST(TraceReplay, TwiceTheSpeedIsHalfTheTime) {
  TraceReplay once(Reading(CodeTraceCsv()), 0, {}, {});
  TraceReplay twice(Reading(CodeTraceCsv()), 0, {.speed = 2, .length = Seconds(600)}, {});
  int count = 0;
  while (const auto fast = twice.Next()) {
    const auto slow = once.Next();
    EXPECT_NEAR(static_cast<double>(fast->at.count()), static_cast<double>(slow->at.count()) / 2, 1);
    EXPECT_LT(fast->at, Seconds(600));
    ++count;
  }
  EXPECT_GT(count, 1'000);
  EXPECT_GE(once.Next()->at, Seconds(1'200));
}

TEST(TraceReplay, CachedIsWhatTheTraceKnows) {
  TraceReplay replay(Reading(kMooncake), 0, {}, {.usual_max_output_tokens = 1'000});
  EXPECT_EQ(replay.Next()->tokens[TokenKind::kCachedInput], Tokens(0));
  const auto second = replay.Next();
  EXPECT_EQ(second->tokens[TokenKind::kCachedInput], Tokens(1'024));
  EXPECT_EQ(second->tokens[TokenKind::kInput], Tokens(976));
  EXPECT_EQ(second->max_output_tokens, 8'192);
  EXPECT_FALSE(replay.Next().has_value());
}

TEST(TraceReplay, AnErrorEndsItAndIsKept) {
  TraceReplay replay(Reading("no trace at all\n"), 0, {}, {});
  EXPECT_FALSE(replay.Next().has_value());
  EXPECT_EQ(replay.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(replay.Next().has_value());
}

}  // namespace
}  // namespace penstock::sim
