#include "sim/run/collector.h"

#include <gtest/gtest.h>

#include <vector>

namespace penstock::sim {
namespace {

using End = Try::End;
using core::RefusalReason;

constexpr Duration kLength = Minutes(20);  // a slice is a minute

CollectorTerms Terms(size_t tenants = 2) {
  CollectorTerms terms;
  terms.length = kLength;
  terms.target_wait = Seconds(2);
  for (size_t i = 0; i < tenants; ++i) {
    core::TenantSettings tenant;
    tenant.name = "tenant-" + std::to_string(i);
    tenant.tier = i == 1 ? Tier::kFree : Tier::kElastic;
    terms.tenants.push_back(tenant);
    terms.tenant_of_client.push_back(i);
  }
  BurndownRates burndown;
  burndown[TokenKind::kInput] = 1'000;
  burndown[TokenKind::kOutput] = 4'000;
  terms.burndown = {burndown};
  return terms;
}

Arrival From(uint32_t client, Duration at) {
  Arrival arrival;
  arrival.at = at;
  arrival.tenant = client;
  return arrival;
}

Try Granted(uint32_t client, Duration at, Duration waited, int number = 1) {
  Try made;
  made.client = client;
  made.number = number;
  made.at = at;
  made.end = End::kGranted;
  made.waited = waited;
  made.served = ServiceClass::kDefault;
  return made;
}

Try Refused(uint32_t client, Duration at, RefusalReason reason, bool last, int number = 1) {
  Try made;
  made.client = client;
  made.number = number;
  made.at = at;
  made.end = End::kRefused;
  made.refusal = reason;
  made.last = last;
  return made;
}

Finished Ended(uint32_t client, Duration came, Duration ended) {
  Finished request;
  request.client = client;
  request.served = ServiceClass::kDefault;
  request.tokens[TokenKind::kInput] = Tokens(100);
  request.tokens[TokenKind::kOutput] = Tokens(11);
  request.came = request.granted = came;
  request.first_token = came + Milliseconds(500);
  request.ended = ended;
  return request;
}

RunFigures FiguresOf(const Collector& collector, Duration warm_up = {}) {
  RunFigures figures;
  collector.Fill(warm_up, &figures);
  return figures;
}

const ClassFigures& Default(const RunFigures& figures) {
  return figures.classes[static_cast<size_t>(ServiceClass::kDefault)];
}

TEST(Collector, CountsARequestOnceHoweverOftenItIsTried) {
  Collector collector(Terms());
  const Arrival arrival = From(0, Seconds(1));
  collector.OnArrival(arrival);
  collector.OnAnswer(Refused(0, Seconds(1), RefusalReason::kQueueFull, false), arrival);
  collector.OnAnswer(Refused(0, Seconds(3), RefusalReason::kRateLimit, false, 2), arrival);
  collector.OnAnswer(Granted(0, Seconds(5), Duration::Zero(), 3), arrival);
  collector.OnFinish(Ended(0, Seconds(1), Seconds(6)));
  const RunFigures figures = FiguresOf(collector);
  for (const Counts* counts : {&figures.counts, &figures.tenants[0].counts, &Default(figures).counts}) {
    EXPECT_EQ(counts->came, 1);
    EXPECT_EQ(counts->tries, 3);
    EXPECT_EQ(counts->finished, 1);
    EXPECT_EQ(counts->refused_yours + counts->refused_pool, 0) << "it was not refused for good";
    EXPECT_EQ(counts->refusals[static_cast<size_t>(RefusalReason::kQueueFull)], 1);
    EXPECT_EQ(counts->refusals[static_cast<size_t>(RefusalReason::kRateLimit)], 1);
    EXPECT_EQ(counts->ended(), 1);
  }
}

TEST(Collector, TellsWhoseLimitRefusedForGood) {
  Collector collector(Terms());
  for (const RefusalReason reason :
       {RefusalReason::kRateLimit, RefusalReason::kBudgetUsed, RefusalReason::kQueueFull}) {
    const Arrival arrival = From(0, Seconds(1));
    collector.OnArrival(arrival);
    collector.OnAnswer(Refused(0, Seconds(1), reason, true), arrival);
  }
  const RunFigures figures = FiguresOf(collector);
  EXPECT_EQ(figures.counts.refused_yours, 2);
  EXPECT_EQ(figures.counts.refused_pool, 1);
  EXPECT_EQ(figures.counts.ended(), 3);
}

TEST(Collector, AnErrorIsAFailureNotARefusal) {
  Collector collector(Terms());
  const Arrival arrival = From(0, Seconds(1));
  collector.OnArrival(arrival);
  Try made = Granted(0, Seconds(1), Duration::Zero());
  made.end = End::kError;
  collector.OnAnswer(made, arrival);
  EXPECT_EQ(FiguresOf(collector).counts.failed, 1);
  EXPECT_EQ(FiguresOf(collector).counts.ended(), 1);
}

TEST(Collector, InTimeCountsFromTheFirstAskingOfPayingRequestsThatCame) {
  Collector collector(Terms());
  const auto came = [&](uint32_t client) {
    const Arrival arrival = From(client, Seconds(10));
    collector.OnArrival(arrival);
    return arrival;
  };
  collector.OnAnswer(Granted(0, Seconds(10), Seconds(2)), came(0));                       // just in time
  collector.OnAnswer(Granted(0, Seconds(10), Seconds(2) + Nanoseconds(1)), came(0));      // too late
  collector.OnAnswer(Granted(0, Seconds(15), Duration::Zero(), 2), came(0));              // came back after a refusal
  collector.OnAnswer(Refused(0, Seconds(10), RefusalReason::kQueueFull, true), came(0));  // never
  collector.OnAnswer(Granted(1, Seconds(10), Duration::Zero()), came(1));                 // pays nothing
  const RunFigures figures = FiguresOf(collector);
  EXPECT_EQ(figures.tenants[0].in_time, 1);
  EXPECT_DOUBLE_EQ(figures.in_time, 0.25);
}

TEST(Collector, FlexAgreedToWaitAndIsInTimeWheneverItIsServed) {
  Collector collector(Terms());
  for (const bool served : {true, false}) {
    const Arrival arrival = From(0, Seconds(10));
    collector.OnArrival(arrival);
    Try made = served ? Granted(0, Seconds(10), Hours(1)) : Refused(0, Seconds(10), RefusalReason::kQueueFull, true);
    made.stood_as = ServiceClass::kFlex;
    collector.OnAnswer(made, arrival);
  }
  EXPECT_DOUBLE_EQ(FiguresOf(collector).in_time, 0.5);
}

TEST(Collector, WithoutPayingRequestsEverythingIsInTime) { EXPECT_DOUBLE_EQ(FiguresOf(Collector(Terms())).in_time, 1); }

TEST(Collector, LeavesTheWarmUpOutOfTimesInWholeSlicesAndOutOfNothingElse) {
  Collector collector(Terms());
  for (int minute = 0; minute < 20; ++minute) {
    const Duration at = Minutes(minute) + Seconds(30);
    const Arrival arrival = From(0, at);
    collector.OnArrival(arrival);
    collector.OnAnswer(Granted(0, at, Seconds(minute)), arrival);
    collector.OnFinish(Ended(0, at, at + Seconds(2)));
  }
  const auto waits_after = [&](Duration warm_up) { return Default(FiguresOf(collector, warm_up)).times.wait.count(); };
  EXPECT_EQ(waits_after(Duration::Zero()), 20u);
  EXPECT_EQ(waits_after(Minutes(3)), 17u);
  EXPECT_EQ(waits_after(Minutes(3) + Nanoseconds(1)), 16u) << "rounded up to a slice";
  EXPECT_EQ(waits_after(Hours(9)), 0u);
  EXPECT_EQ(FiguresOf(collector, Minutes(3) + Nanoseconds(1)).warm_up, Minutes(4)) << "what was left out";
  EXPECT_EQ(FiguresOf(collector, Hours(9)).warm_up, kLength);
  const RunFigures figures = FiguresOf(collector, Minutes(10));
  EXPECT_EQ(figures.counts.finished, 20);
  EXPECT_EQ(figures.tenants[0].longest_wait, Seconds(19));
  EXPECT_DOUBLE_EQ(figures.tenants[0].mean_wait_s, 9.5);
  EXPECT_EQ(Default(figures).times.first_token.count(), 10u);
  EXPECT_EQ(Default(figures).times.latency.max(), Seconds(2).count());
}

TEST(Collector, TimesPerOutputTokenAreOfTheGapsAfterTheFirst) {
  Collector collector(Terms());
  collector.OnFinish(Ended(0, Seconds(1), Seconds(1) + Milliseconds(1'500)));  // 11 tokens: 10 gaps in a second
  Finished lone = Ended(0, Seconds(2), Seconds(3));
  lone.tokens[TokenKind::kOutput] = Tokens(1);
  collector.OnFinish(lone);
  const RunFigures figures = FiguresOf(collector);
  EXPECT_EQ(Default(figures).times.per_output_token.count(), 1u) << "one token has no gap";
  EXPECT_DOUBLE_EQ(Default(figures).times.per_output_token.mean(), 1e8);
}

TEST(Collector, WorkIsTokensTimesTheBurndownOfThePool) {
  Collector collector(Terms());
  collector.OnFinish(Ended(0, Seconds(1), Seconds(2)));
  EXPECT_EQ(FiguresOf(collector).counts.work, Work(100 * 1'000 + 11 * 4'000));
}

TEST(Collector, KeepsQuantilesOfSoManyTenantsAndNoMore) {
  for (const size_t tenants : {Collector::kMostTenantsWithQuantiles, Collector::kMostTenantsWithQuantiles + 1}) {
    Collector collector(Terms(tenants));
    const Arrival arrival = From(0, Seconds(1));
    collector.OnArrival(arrival);
    collector.OnAnswer(Granted(0, Seconds(1), Seconds(1)), arrival);
    const RunFigures figures = FiguresOf(collector);
    const bool kept = tenants == Collector::kMostTenantsWithQuantiles;
    EXPECT_EQ(figures.tenants[0].wait_p99 >= Seconds(1).count(), kept);
    EXPECT_EQ(figures.tenants[0].wait_p99 == -1, !kept);
    EXPECT_EQ(figures.tenants[0].longest_wait, Seconds(1)) << "which takes no histogram";
  }
}

TEST(Collector, LatencyByMinuteBeginsWithTheRun) {
  Collector collector(Terms());
  collector.OnFinish(Ended(0, Minutes(2), Minutes(2) + Seconds(1)));
  collector.OnFinish(Ended(0, Minutes(2), Minutes(2) + Seconds(3)));
  collector.OnFinish(Ended(0, Minutes(4), Minutes(4) + Seconds(5)));
  EXPECT_EQ(collector.LatencyByMinute(), (std::vector<double>{2, 2, 2, 2, 5}));
  EXPECT_TRUE(Collector(Terms()).LatencyByMinute().empty());
}

}  // namespace
}  // namespace penstock::sim
