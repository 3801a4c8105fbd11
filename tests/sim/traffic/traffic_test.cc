#include "sim/traffic/traffic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "sim/random.h"
#include "sim/traces/azure_trace.h"
#include "sim/traces/shipped_traces.h"

namespace penstock::sim {
namespace {

constexpr Duration kLength = Seconds(60);

const Traces& Shipped() {
  static const Traces traces = {*ParseAzureTrace(ConversationTraceCsv(), "conv"),
                                *ParseAzureTrace(CodeTraceCsv(), "code")};
  return traces;
}

std::vector<TenantProfile> TwoTenants() {
  TenantProfile chat;
  chat.name = "chat";
  chat.requests_per_second = 12.5;
  chat.cached_thousandths = 300;
  chat.reasoning_thousandths = 250;
  TenantProfile coder;
  coder.name = "coder";
  coder.trace = TraceChoice::kCode;
  coder.requests_per_second = 4;
  coder.requests_per_run = 10;
  return {chat, coder};
}

std::vector<Arrival> Build(const std::vector<TenantProfile>& tenants, uint64_t seed, Duration length = kLength) {
  return BuildTraffic(tenants, Shipped(), length, seed);
}

int64_t CountIn(const std::vector<Arrival>& arrivals, uint32_t tenant, Duration from, Duration to) {
  return std::count_if(arrivals.begin(), arrivals.end(),
                       [&](const Arrival& a) { return a.tenant == tenant && a.at >= from && a.at < to; });
}

/// A number that changes with any byte of the list.
uint64_t Fingerprint(const std::vector<Arrival>& arrivals) {
  uint64_t hash = 0;
  const auto add = [&hash](int64_t value) { hash = Scramble(hash + static_cast<uint64_t>(value) + 1); };
  for (const Arrival& arrival : arrivals) {
    add(arrival.at.count());
    add(arrival.tenant);
    for (TokenKind kind : kAllTokenKinds) add(arrival.tokens[kind].count());
    add(arrival.max_output_tokens);
    for (char c : arrival.run) add(c);
  }
  return hash;
}

TEST(Random, IsTheSplitMix64OfTheReference) {
  Random random(1234567);  // the first outputs of the published C code for this seed
  EXPECT_EQ(random.Next(), 6457827717110365317u);
  EXPECT_EQ(random.Next(), 3203168211198807973u);
  for (int i = 0; i < 1'000; ++i) {
    const int64_t drawn = random.Below(7);
    EXPECT_TRUE(drawn >= 0 && drawn < 7);
  }
}

TEST(Traffic, TheSameSeedGivesTheSameBytes) {
  EXPECT_TRUE(Build(TwoTenants(), 7) == Build(TwoTenants(), 7));
  EXPECT_FALSE(Build(TwoTenants(), 7) == Build(TwoTenants(), 8));
  // Pinned, so that another compiler or library cannot differ unnoticed. Changes with the method: say so in
  // CHANGELOG.md.
  EXPECT_EQ(Fingerprint(Build(TwoTenants(), 7)), 5451255573133478246u);
}

TEST(Traffic, ATenantMeetsItsRateAndArrivalsAreInOrder) {
  const std::vector<Arrival> arrivals = Build(TwoTenants(), 7);
  EXPECT_EQ(CountIn(arrivals, 0, Duration::Zero(), kLength), 750);
  EXPECT_EQ(CountIn(arrivals, 1, Duration::Zero(), kLength), 240);
  EXPECT_EQ(arrivals.size(), 990u);
  EXPECT_TRUE(std::is_sorted(arrivals.begin(), arrivals.end(), [](const Arrival& a, const Arrival& b) {
    return std::pair(a.at, a.tenant) < std::pair(b.at, b.tenant);
  }));
}

TEST(Traffic, EveryRequestIsARowOfTheTrace) {
  std::set<std::pair<int64_t, int64_t>> rows;
  for (const TraceRow& row : Shipped().conversation) rows.insert({row.context.count(), row.generated.count()});
  for (const Arrival& a : Build({TwoTenants()[0]}, 7)) {
    const Tokens context = a.tokens[TokenKind::kInput] + a.tokens[TokenKind::kCachedInput];
    ASSERT_TRUE(rows.contains({context.count(), Generated(a.tokens).count()}));
    EXPECT_EQ(a.tokens[TokenKind::kCachedInput].count(), context.count() * 3 / 10);
    EXPECT_EQ(a.tokens[TokenKind::kReasoning].count(), Generated(a.tokens).count() / 4);
    EXPECT_GE(a.tokens[TokenKind::kInput], Tokens(1));
    EXPECT_GE(a.tokens[TokenKind::kOutput], Tokens(1));
  }
}

TEST(Traffic, TheClientAsksForNoLessThanItGets) {
  std::vector<TenantProfile> tenants = TwoTenants();
  tenants[0].usual_max_output_tokens = 100;
  std::set<int64_t> asked;
  for (const Arrival& a : Build(tenants, 7)) {
    EXPECT_GE(a.max_output_tokens, Generated(a.tokens).count());
    if (a.tenant == 0) asked.insert(a.max_output_tokens);
  }
  EXPECT_EQ(asked, (std::set<int64_t>{100, 128, 256, 512, 1'024}));
}

TEST(Traffic, AFloodIsVisibleInItsWindowOnly) {
  std::vector<TenantProfile> tenants = TwoTenants();
  const std::vector<Arrival> calm = Build(tenants, 7);
  tenants[0].bursts = {{Seconds(20), Seconds(30), 6}};
  const std::vector<Arrival> flooded = Build(tenants, 7);
  EXPECT_EQ(CountIn(flooded, 0, Seconds(20), Seconds(30)) - CountIn(calm, 0, Seconds(20), Seconds(30)), 625);
  EXPECT_EQ(CountIn(flooded, 0, Duration::Zero(), Seconds(20)), CountIn(calm, 0, Duration::Zero(), Seconds(20)));
  EXPECT_EQ(CountIn(flooded, 0, Seconds(30), kLength), CountIn(calm, 0, Seconds(30), kLength));
}

TEST(Traffic, ABurstIsCutAtTheEndOfTheTraffic) {
  std::vector<TenantProfile> tenants = {TwoTenants()[0]};
  tenants[0].bursts = {{Seconds(50), Seconds(90), 3}, {Seconds(60), Seconds(70), 3}};
  const std::vector<Arrival> arrivals = Build(tenants, 7);
  EXPECT_EQ(arrivals.size(), 750u + 250u);
  EXPECT_LT(arrivals.back().at, kLength);
}

TEST(Traffic, ATenantsArrivalsDoNotDependOnTheOthersProfiles) {
  std::vector<TenantProfile> tenants = TwoTenants();
  const std::vector<Arrival> before = Build(tenants, 7);
  tenants[0].requests_per_second = 50;
  std::vector<Arrival> coder_before = before;
  std::erase_if(coder_before, [](const Arrival& a) { return a.tenant != 1; });
  std::vector<Arrival> coder_after = Build(tenants, 7);
  std::erase_if(coder_after, [](const Arrival& a) { return a.tenant != 1; });
  EXPECT_TRUE(coder_before == coder_after);
}

TEST(Traffic, ConsecutiveArrivalsShareARun) {
  std::vector<std::string> runs;
  for (const Arrival& a : Build(TwoTenants(), 7)) {
    if (a.tenant == 1) {
      runs.push_back(a.run);
    } else {
      EXPECT_EQ(a.run, "");
    }
  }
  ASSERT_EQ(runs.size(), 240u);
  EXPECT_EQ(runs[0], "coder-run-1");
  EXPECT_EQ(runs[9], "coder-run-1");
  EXPECT_EQ(runs[10], "coder-run-2");
  EXPECT_EQ(runs[239], "coder-run-24");
}

TEST(Traffic, TrafficLongerThanTheTraceGoesRoundAgain) {
  TenantProfile slow;
  slow.name = "slow";
  slow.requests_per_second = 5;
  const std::vector<Arrival> arrivals = Build({slow}, 7, Hours(3));
  EXPECT_EQ(arrivals.size(), 54'000u);
  // No third of it is empty: the trace was repeated.
  for (int hour = 0; hour < 3; ++hour) EXPECT_GT(CountIn(arrivals, 0, Hours(hour), Hours(hour + 1)), 15'000);
}

TEST(Traffic, AReplayKeepsEveryRowAtItsTimeAndScattersTheCopies) {
  const std::vector<TraceRow>& trace = Shipped().code;
  const Replay replay = {.length = Minutes(5), .copies = 3, .scatter = Seconds(1)};
  const std::vector<Arrival> arrivals = ReplayTrace(TwoTenants()[1], 4, trace, replay, 7);
  const auto rows = std::count_if(trace.begin(), trace.end(), [](const TraceRow& r) { return r.offset < Minutes(5); });
  EXPECT_EQ(arrivals.size(), static_cast<size_t>(3 * rows));
  std::set<int64_t> times;
  for (const Arrival& a : arrivals) {
    EXPECT_EQ(a.tenant, 4u);
    times.insert(a.at.count());
  }
  for (int64_t row = 0; row < rows; ++row) {
    EXPECT_TRUE(times.contains(trace[static_cast<size_t>(row)].offset.count()));
  }
  EXPECT_LE(arrivals.back().at, Minutes(5) + Seconds(1));
  EXPECT_TRUE(arrivals == ReplayTrace(TwoTenants()[1], 4, trace, replay, 7));
  EXPECT_FALSE(arrivals == ReplayTrace(TwoTenants()[1], 4, trace, replay, 8));
}

TEST(Traffic, PoissonTrafficMeetsItsRateWithSpreadOutGaps) {
  const std::vector<Arrival> arrivals = PoissonTraffic(TwoTenants()[0], 2, Shipped().conversation, Hours(1), 7);
  EXPECT_NEAR(static_cast<double>(arrivals.size()), 45'000, 1'000);  // 12.5 a second; 1,000 is 4.7 sigma
  const auto short_gaps = [&](Duration bound) {
    int count = 0;
    for (size_t i = 1; i < arrivals.size(); ++i) count += arrivals[i].at - arrivals[i - 1].at < bound ? 1 : 0;
    return static_cast<double>(count) / static_cast<double>(arrivals.size());
  };
  EXPECT_NEAR(short_gaps(Milliseconds(80)), 1 - 1 / 2.718, 0.02);
  EXPECT_NEAR(short_gaps(Milliseconds(8)), 0.095, 0.01);
}

TEST(Traffic, MergedListsAreInOrder) {
  const std::vector<std::vector<Arrival>> parts = {Build({TwoTenants()[0]}, 7), Build({TwoTenants()[1]}, 8)};
  const std::vector<Arrival> all = Merged(parts);
  EXPECT_EQ(all.size(), parts[0].size() + parts[1].size());
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(), [](const Arrival& a, const Arrival& b) { return a.at < b.at; }));
}

}  // namespace
}  // namespace penstock::sim
