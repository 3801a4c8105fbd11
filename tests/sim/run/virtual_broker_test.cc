#include "tests/sim/run/recorded_world.h"

#include <gtest/gtest.h>

namespace penstock::sim {
namespace {

using End = Try::End;

/// One pool of 1,000 nt/s with two slots; free `tramp`, whose line holds one. A request of 100 + 10 tokens runs for
/// 1 s + 100 ms + 90 ms.
RecordedWorld SmallWorld() {
  RecordedWorld world;
  core::PoolSettings pool{.name = "chat", .model = "small"};
  pool.terms.capacity = NormalizedTokensPerSecond(1'000);
  pool.terms.burst = NormalizedTokens(10'000);
  pool.terms.max_in_flight = 2;
  pool.terms.classes[static_cast<size_t>(ServiceClass::kFree)].max_waiting = 1;
  pool.burndown[TokenKind::kInput] = 1'000;
  pool.burndown[TokenKind::kOutput] = 4'000;
  world.settings.pools = {pool};
  core::TenantSettings tenant;
  tenant.name = "tramp";
  tenant.tier = Tier::kFree;
  tenant.keys.push_back({.name = "prod"});
  world.settings.tenants = {tenant};
  world.settings.tariff = {.version = "test-1", .currency = "USD", .pools = {{.pool = "chat"}}};
  world.clients = {{.tenant = "tramp", .max_wait = Seconds(5)}};
  world.service = {.start = Seconds(1), .per_input_token = Milliseconds(1), .per_output_token = Milliseconds(10)};
  return world;
}

Arrival RequestAt(Duration at) {
  Arrival arrival;
  arrival.at = at;
  arrival.tokens[TokenKind::kInput] = Tokens(100);
  arrival.tokens[TokenKind::kOutput] = Tokens(10);
  arrival.max_output_tokens = 20;
  return arrival;
}

std::unique_ptr<RecordedBroker> Played(RecordedWorld world) {
  auto broker = RecordedBroker::Open(std::move(world));
  EXPECT_TRUE(broker.ok()) << broker.status();
  (*broker)->RunToEnd();
  (*broker)->engine().CheckInvariants();
  return *std::move(broker);
}

TEST(VirtualBroker, ARequestHoldsItsSlotForPrefillAndDecode) {
  RecordedWorld world = SmallWorld();
  world.arrivals = {RequestAt(Seconds(1)), RequestAt(Seconds(1)), RequestAt(Seconds(2))};
  const auto broker = Played(std::move(world));
  ASSERT_EQ(broker->tries().size(), 3u);
  EXPECT_EQ(broker->tries()[0].waited, Duration::Zero());
  EXPECT_EQ(broker->tries()[1].waited, Duration::Zero());
  EXPECT_EQ(broker->tries()[2].end, End::kGranted);
  EXPECT_EQ(broker->tries()[2].waited, Milliseconds(190));
  EXPECT_TRUE(broker->tries()[2].promised.has_value());
  EXPECT_FALSE(broker->tries()[0].promised.has_value()) << "it did not have to wait";
  EXPECT_EQ(broker->pool().scheduler().InFlight(), 0);
  EXPECT_TRUE(broker->engine().books().open_count() == 0);
}

TEST(VirtualBroker, AClientObeysRetryAfterAsOftenAsItMay) {
  RecordedWorld world = SmallWorld();
  world.clients[0].retries = 3;
  for (int i = 0; i < 4; ++i) world.arrivals.push_back(RequestAt(Seconds(1)));
  const auto broker = Played(std::move(world));
  ASSERT_GT(broker->tries().size(), 4u);
  const Try& refused = broker->tries()[3];
  EXPECT_EQ(refused.end, End::kRefused);
  EXPECT_EQ(refused.refusal, core::RefusalReason::kQueueFull);
  EXPECT_GT(refused.retry_after, Duration::Zero());
  const Try& again = broker->tries()[4];
  EXPECT_EQ(again.request, refused.request);
  EXPECT_EQ(again.number, 2);
  EXPECT_EQ(again.at, refused.at + refused.retry_after);
  for (const Try& made : broker->tries()) EXPECT_LE(made.number, 4);
}

TEST(VirtualBroker, AClientThatDoesNotRetryGivesUp) {
  RecordedWorld world = SmallWorld();
  for (int i = 0; i < 4; ++i) world.arrivals.push_back(RequestAt(Seconds(1)));
  EXPECT_EQ(Played(std::move(world))->tries().size(), 4u);
}

TEST(VirtualBroker, AWaitThatExpiresHasDeparted) {
  RecordedWorld world = SmallWorld();
  world.clients[0].max_wait = Milliseconds(500);
  for (int i = 0; i < 3; ++i) world.arrivals.push_back(RequestAt(Seconds(1)));
  const auto broker = Played(std::move(world));
  const Try& last = broker->tries()[2];
  EXPECT_EQ(last.refusal, core::RefusalReason::kWaitExpired);
  EXPECT_EQ(last.waited, Milliseconds(500));
  EXPECT_TRUE(last.departed());
}

TEST(VirtualBroker, CapacityChangesReachTheEngine) {
  RecordedWorld world = SmallWorld();
  world.arrivals = {RequestAt(Seconds(1)), RequestAt(Seconds(10)), RequestAt(Seconds(10))};
  world.capacity_changes = {{Seconds(5), NormalizedTokensPerSecond(500), 1}};
  const auto broker = Played(std::move(world));
  EXPECT_EQ(broker->pool().settings().terms.capacity, NormalizedTokensPerSecond(500));
  EXPECT_EQ(broker->tries()[2].waited, Milliseconds(1'190)) << "one slot is left";
}

TEST(VirtualBroker, RunsInStepsAsInOneGo) {
  const auto world = [] {
    RecordedWorld w = SmallWorld();
    w.clients[0].retries = 2;
    for (int i = 0; i < 200; ++i) w.arrivals.push_back(RequestAt(Milliseconds(400 * i)));
    return w;
  };
  const auto at_once = Played(world());
  auto in_steps = *RecordedBroker::Open(world());
  for (Duration at; at < Seconds(60); at += Milliseconds(333)) in_steps->RunUntil(at);
  in_steps->RunToEnd();
  EXPECT_EQ(at_once->engine().ledger().head(), in_steps->engine().ledger().head());
}

TEST(VirtualBroker, SaysWhyTheSettingsCannotBe) {
  RecordedWorld world = SmallWorld();
  world.settings.tariff.pools.clear();
  EXPECT_EQ(RecordedBroker::Open(std::move(world)).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace penstock::sim
