#include "sim/traffic/agent_loops.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace penstock::sim {
namespace {

constexpr uint64_t kSeed = 9;

std::map<std::string, std::vector<Arrival>> RunsOf(const AgentLoops& loops, Duration length) {
  const auto source = ArrivalsOf(loops, 2, length, {}, Streams(kSeed));
  std::map<std::string, std::vector<Arrival>> runs;
  Duration last;
  while (auto arrival = source->Next()) {
    EXPECT_GE(arrival->at, last);
    EXPECT_LT(arrival->at, length);
    last = arrival->at;
    runs[arrival->run].push_back(*std::move(arrival));
  }
  return runs;
}

Tokens PromptOf(const Arrival& a) { return a.tokens[TokenKind::kInput] + a.tokens[TokenKind::kCachedInput]; }

TEST(AgentLoops, EachStepFindsTheContextOfTheOneBeforeInTheCache) {
  const auto runs = RunsOf({.runs_per_second = 0.05, .requests_per_run = 12}, Hours(2));
  EXPECT_NEAR(static_cast<double>(runs.size()), 360, 80) << "seed " << kSeed;
  for (const auto& [name, requests] : runs) {
    EXPECT_LE(requests.size(), 12u);
    EXPECT_EQ(PromptOf(requests[0]), Tokens(4'000));
    EXPECT_EQ(requests[0].tokens[TokenKind::kCachedInput], Tokens(0));
    for (size_t i = 1; i < requests.size(); ++i) {
      EXPECT_EQ(requests[i].tokens[TokenKind::kCachedInput],
                PromptOf(requests[i - 1]) + requests[i - 1].tokens[TokenKind::kOutput])
          << name;
    }
  }
}

TEST(AgentLoops, ARunawayNeverEndsAndItsContextIsBounded) {
  const auto runs = RunsOf({.runs_per_second = 1,
                            .most_runs = 3,
                            .requests_per_run = 0,
                            .mean_step = Seconds(2),
                            .longest_context = Tokens(30'000)},
                           Hours(3));
  ASSERT_EQ(runs.size(), 3u);
  for (const auto& [name, requests] : runs) {
    EXPECT_GT(requests.size(), 5'000u) << name;
    int compactions = 0;
    for (const Arrival& request : requests) {
      EXPECT_LE(PromptOf(request), Tokens(30'000));
      compactions += request.tokens[TokenKind::kCachedInput] == Tokens(0) ? 1 : 0;
    }
    EXPECT_GT(compactions, 100);
  }
}

TEST(AgentLoops, MoreRunsChangeNoneOfTheOthers) {
  const auto few = RunsOf({.runs_per_second = 0.1, .most_runs = 3}, Hours(1));
  const auto many = RunsOf({.runs_per_second = 0.1, .most_runs = 30}, Hours(1));
  ASSERT_EQ(few.size(), 3u);
  for (const auto& [name, requests] : few) EXPECT_EQ(many.at(name), requests);
}

}  // namespace
}  // namespace penstock::sim
