// How other people's schedulers and limiters answer the same questions. The figures are theirs (named per test); where
// they mean something else by a word, the test says how it maps to Penstock's meaning.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "admission/fair_scheduler.h"
#include "admission/limits.h"
#include "tests/admission/pool_driver.h"

namespace penstock::admission {
namespace {

using Pool = PoolDriver<FairScheduler>;
using Served = std::map<uint32_t, int>;
constexpr Instant kStart{1'700'000'000'000'000'000};

// ---- dmclock

TEST(Vectors, weights_only) {  // pull_weight: weights 1 and 2, five queued each, six dispatches: 2 and 4
  Pool pool(OneAtATime());
  pool.EnqueueMany(5, Ask(1, 10, ServiceClass::kDefault, 1));
  pool.EnqueueMany(5, Ask(2, 10, ServiceClass::kDefault, 2));
  EXPECT_EQ(pool.Serve(6), (Served{{1, 2}, {2, 4}}));
}

// pull_reservation: reservations 2 and 1 a second, weights 0, six dispatches: 4 and 2. A weight of 0 maps to a contract
// whose overrun waits: nothing outside it. dmclock's tags let a request go before its time when nothing else may; here
// it goes when it is eligible, so time passes.
TEST(Vectors, reservations_only) {
  Pool pool(OneAtATime());
  pool.scheduler.AddContract(Guarantee(1, 20, 10, Overrun::kWait), pool.now);
  pool.scheduler.AddContract(Guarantee(2, 10, 10, Overrun::kWait), pool.now);
  pool.Tick(Seconds(10));
  pool.EnqueueMany(5, AskReserved(1, 10));
  pool.EnqueueMany(5, AskReserved(2, 10));
  Served served;
  for (int dispatches = 0; dispatches < 6;) {
    const Dispatch dispatch = pool.Next();
    if (dispatch.request == 0) {
      pool.now = pool.scheduler.NextWake(pool.now);
      continue;
    }
    EXPECT_EQ(dispatch.charge.served, ServiceClass::kReserved);
    ++served[dispatch.charge.tenant.value];
    ++dispatches;
    pool.Finish(dispatch.request);
  }
  EXPECT_EQ(served, (Served{{1, 4}, {2, 2}}));
}

TEST(Vectors, weight_update) {  // weights 100 and 200: 2 and 4; then 200 and 200: 3 and 3
  Pool pool(OneAtATime());
  pool.EnqueueMany(20, Ask(1, 10, ServiceClass::kDefault, 100));
  pool.EnqueueMany(20, Ask(2, 10, ServiceClass::kDefault, 200));
  EXPECT_EQ(pool.Serve(6), (Served{{1, 2}, {2, 4}}));
  pool.Enqueue(Ask(1, 10, ServiceClass::kDefault, 200));
  EXPECT_EQ(pool.Serve(6), (Served{{1, 3}, {2, 3}}));
}

// AtLimit Wait: c1 {r 1, w 2, l 100} and c2 {r 1, w 1, l 2}, 50 queued each: the first two by reservation, then c1's by
// weight until c2 is at its limit of 2, then a future time. A client's limit maps to the cap of a class: c1 stands in
// one class, c2 in another. c2's own reservation is left out: what a contract serves counts toward no cap.
TEST(Vectors, reserved_then_share) {
  PoolTerms terms = OneAtATime();
  terms.burst = NormalizedTokens(1'000'000'000);
  Of(terms, ServiceClass::kPriority).weight = 2;
  Of(terms, ServiceClass::kSpillover).weight = 2;
  Of(terms, ServiceClass::kDefault).cap = NormalizedTokensPerSecond(20);  // two requests, at most two at once
  Pool pool(terms);
  pool.scheduler.AddContract(Guarantee(1, 10, 10), pool.now);
  pool.EnqueueMany(50, AskReserved(1, 10));
  pool.EnqueueMany(50, Ask(2, 10));
  const Dispatch first = pool.Next();
  EXPECT_EQ(first.charge.served, ServiceClass::kReserved);
  pool.Finish(first.request);
  Served served = pool.Serve(99);
  EXPECT_EQ(served[1], 49);
  EXPECT_EQ(served[2], 2);
  EXPECT_EQ(pool.scheduler.GateOf(ServiceClass::kDefault, pool.now), Gate::kClassCap);
  EXPECT_GT(pool.scheduler.NextWake(pool.now), pool.now);
  EXPECT_LT(pool.scheduler.NextWake(pool.now), pool.now + Seconds(2));
}

// ---- kubernetes priority and fairness

TEST(Vectors, max_min) {
  struct Case {
    std::vector<int> demand;
    int capacity;
    std::vector<int> share;
  };
  const std::vector<Case> cases = {{{47, 0}, 42, {42, 0}}, {{1, 47}, 42, {1, 41}}, {{3, 7, 9, 1}, 14, {3, 5, 5, 1}}};
  for (const Case& each : cases) {
    Pool pool(OneAtATime());
    for (size_t i = 0; i < each.demand.size(); ++i) {
      pool.EnqueueMany(each.demand[i], Ask(static_cast<uint32_t>(i + 1), 10));
    }
    Served served = pool.Serve(each.capacity);
    for (size_t i = 0; i < each.share.size(); ++i) EXPECT_EQ(served[static_cast<uint32_t>(i + 1)], each.share[i]);
  }
}

// 24 and 6 clients, 12 seats each, half of them lendable: 16 and 6 run. Seats map to slots. Penstock lends all that is
// idle, so the 18 slots that the second leaves would all be used; the two that APF keeps for whoever comes next are a
// holdback.
TEST(Vectors, borrowing) {
  PoolTerms terms = OpenPool();
  terms.max_in_flight = 24;
  Of(terms, ServiceClass::kFlex).holdback_slots = 2;
  Pool pool(terms);
  pool.EnqueueMany(24, Ask(1, 10, ServiceClass::kFlex));
  pool.EnqueueMany(6, Ask(2, 10, ServiceClass::kDefault));
  pool.Drain();
  EXPECT_EQ(pool.scheduler.StandingOf(ServiceClass::kFlex).in_flight, 16);
  EXPECT_EQ(pool.scheduler.StandingOf(ServiceClass::kDefault).in_flight, 6);
}

// ---- limiters

LimitTerms PerMinute(Measure measure, int64_t quantity) {
  return LimitTerms{
      .name = "limit", .measure = measure, .rate = {.quantity = quantity, .period = Minutes(1), .burst = quantity}};
}

Usage InputTokens(int64_t count) {
  Usage usage;
  usage.tokens[TokenKind::kInput] = Tokens(count);
  return usage;
}

bool Takes(LimitSet& limits, const Usage& usage, Instant now) {
  LimitRefusal refusal;
  if (limits.WouldRefuse(usage, now, &refusal)) return false;
  limits.Take(usage, now);
  return true;
}

TEST(Vectors, limit_reject) {  // dmclock AtLimit Reject at one a second: 1, 2, 3 pass, 3.9 is refused, 6 passes
  LimitSet limits(
      LimitPolicy{{LimitTerms{.name = "limit", .rate = {.quantity = 1, .period = Seconds(1), .burst = 1}}}, 0});
  for (const int64_t ms : {1'000, 2'000, 3'000}) EXPECT_TRUE(Takes(limits, Usage{}, kStart + Milliseconds(ms)));
  EXPECT_FALSE(Takes(limits, Usage{}, kStart + Milliseconds(3'900)));
  EXPECT_TRUE(Takes(limits, Usage{}, kStart + Milliseconds(6'000)));
}

TEST(Vectors, too_big_then_small) {  // gubernator: a refusal consumes nothing
  LimitSet limits(LimitPolicy{{PerMinute(Measure::kTokens, 2'000)}, 0});
  const std::vector<std::pair<int64_t, int64_t>> asks_and_remaining = {{1'000, 1'000}, {1'500, 1'000}, {500, 500},
                                                                       {400, 100},     {100, 0},       {1, 0}};
  for (const auto& [ask, remaining] : asks_and_remaining) {
    EXPECT_EQ(Takes(limits, InputTokens(ask), kStart), ask != 1'500 && ask != 1);
    EXPECT_EQ(limits.Remaining("limit", kStart), remaining);
  }
}

TEST(Vectors, limit_change_live) {  // gubernator: 100: 99, 98; changed to 10: 7, 6; changed to 200: 195
  LimitSet limits;
  const std::vector<std::pair<int64_t, int64_t>> limits_and_remaining = {
      {100, 99}, {100, 98}, {10, 7}, {10, 6}, {200, 195}};
  for (const auto& [limit, remaining] : limits_and_remaining) {
    limits.SetPolicy(std::make_shared<const LimitPolicy>(LimitPolicy{{PerMinute(Measure::kRequests, limit)}, 0}),
                     kStart);
    EXPECT_TRUE(Takes(limits, Usage{}, kStart));
    EXPECT_EQ(limits.Remaining("limit", kStart), remaining);
  }
}

TEST(Vectors, rls_counter) {  // envoyproxy/ratelimit: 20 a minute, 25 calls: 19..0, then over the limit
  LimitSet limits(LimitPolicy{{PerMinute(Measure::kRequests, 20)}, 0});
  for (int call = 0; call < 25; ++call) {
    EXPECT_EQ(Takes(limits, Usage{}, kStart), call < 20);
    EXPECT_EQ(limits.Remaining("limit", kStart), std::max(19 - call, 0));
  }
}

// LiteLLM: priorities 0.6 and 0.8 are normalised to 0.43 and 0.57. Weights are relative here, so 6 and 8 need no
// normalising: of 1,400 dispatches they get 600 and 800.
TEST(Vectors, priority_normalise) {
  Pool pool(OneAtATime());
  pool.EnqueueMany(1'000, Ask(1, 10, ServiceClass::kDefault, 6));
  pool.EnqueueMany(1'000, Ask(2, 10, ServiceClass::kDefault, 8));
  EXPECT_EQ(pool.Serve(1'400), (Served{{1, 600}, {2, 800}}));
}

// Bedrock: 2,000,000 tokens a minute hold 31 requests of max_tokens 64,000, or 1,333 of 1,000, at once (each with 500
// of input) when the whole of it is held. Whoever holds the worst case gets that here too; a prediction holds less.
TEST(Vectors, worst_case_holds) {
  for (const auto& [held, at_once] : std::vector<std::pair<int64_t, int>>{{64'500, 31}, {1'500, 1'333}}) {
    LimitSet limits(LimitPolicy{{PerMinute(Measure::kTokens, 2'000'000)}, 0});
    int admitted = 0;
    while (Takes(limits, InputTokens(held), kStart)) ++admitted;
    EXPECT_EQ(admitted, at_once);
  }
}

// LiteLLM issue 18730: a limit of 100 tokens a minute, five at once, 663 went through. Here: settled <= burst + rate x
// T
// + what the grants outstanding at once overran their holds by; nobody gets in afterwards until that is paid back.
TEST(Vectors, concurrent_overshoot) {
  LimitSet limits(LimitPolicy{{PerMinute(Measure::kTokens, 100)}, 0});
  int admitted = 0;
  for (int i = 0; i < 5; ++i) admitted += Takes(limits, InputTokens(20), kStart) ? 1 : 0;
  EXPECT_EQ(admitted, 5);
  EXPECT_FALSE(Takes(limits, InputTokens(1), kStart)) << "what is held is gone for everybody else";
  for (int i = 0; i < 5; ++i) limits.TrueUp(InputTokens(20), InputTokens(132), kStart);  // 660 instead of 100
  EXPECT_EQ(limits.Remaining("limit", kStart), 0);
  EXPECT_FALSE(Takes(limits, InputTokens(1), kStart + Minutes(5)));
  EXPECT_TRUE(Takes(limits, InputTokens(1), kStart + Minutes(6)))
      << "the overrun of 560 is paid back after 5.6 minutes";
}

}  // namespace
}  // namespace penstock::admission
