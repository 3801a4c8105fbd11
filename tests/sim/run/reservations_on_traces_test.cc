// Two tenants that bought throughput at run time, an elastic and a free flood beside them, on real traffic in virtual
// time: each reservation gets its contract's bound in every interval, and the service level report says so.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "admission/vocabulary/check.h"
#include "ledger/market_records.h"
#include "sim/traces/azure_trace.h"
#include "sim/traces/mooncake_trace.h"
#include "sim/traces/shipped_traces.h"
#include "sim/traffic/traffic.h"
#include "tests/sim/run/recorded_world.h"

namespace penstock::sim {
namespace {

constexpr int64_t kCapacity = 100'000;  // nt/s
constexpr int64_t kSlots = 400;
constexpr int64_t kFrom = 2;  // minutes of the reservations
constexpr int64_t kTo = 18;
constexpr Duration kLength = Minutes(20);
enum Who : uint32_t { kBank, kStudio, kShop, kCrowd };

core::TenantSettings Tenant(const std::string& name, Tier tier) {
  core::TenantSettings tenant;
  tenant.name = name;
  tenant.tier = tier;
  tenant.keys = {{.name = "prod"}};
  return tenant;
}

std::vector<Arrival> Replay(const char* name, Who who, const std::vector<TraceRow>& rows, int copies, int64_t cap) {
  TenantProfile profile;
  profile.name = name;
  profile.usual_max_output_tokens = cap;
  return ReplayTrace(profile, who, rows, {.length = kLength, .copies = copies, .scatter = Seconds(1)}, /*seed=*/7);
}

/// `bank` and `studio` (elastic, until what they bought begins) ask for far more than they bought; so do the others.
RecordedWorld FloodedPool(Overrun overrun) {
  RecordedWorld world;
  world.service = {
      .start = Milliseconds(20), .per_input_token = Microseconds(20), .per_output_token = Milliseconds(10)};
  core::PoolSettings pool{.name = "chat", .model = "some"};
  for (const TokenKind kind : {TokenKind::kInput, TokenKind::kCachedInput}) pool.burndown[kind] = 1'000;
  pool.burndown[TokenKind::kOutput] = 4'000;
  pool.predicted_output = Tokens(200);
  pool.lease = Minutes(5);
  pool.terms.capacity = NormalizedTokensPerSecond(kCapacity);
  pool.terms.burst = NormalizedTokens(kCapacity / 4);
  pool.terms.max_in_flight = kSlots;
  for (admission::ClassTerms& terms : pool.terms.classes) {
    terms = {.weight = 8, .max_in_flight = 0, .holdback_slots = kSlots / 10, .max_waiting = 3'000};
  }
  pool.terms.classes[static_cast<size_t>(ServiceClass::kFree)] = {
      .weight = 1, .max_in_flight = kSlots / 4, .holdback_slots = kSlots / 5, .max_waiting = 500};
  pool.market.open = true;
  pool.market.burst = Seconds(1);
  pool.market.envelope = {.mean_work = NormalizedTokens(2'500), .mean_residence = Seconds(4), .largest_context = {}};
  world.settings.pools = {pool};
  ledger::PoolPrices prices{.pool = "chat"};
  prices.capacity_price = 600;
  prices.service_level = {.queue_delay = Seconds(5),
                          .time_to_first_token = Seconds(2),
                          .output_per_second = 50,
                          .credits = {{990, 10}, {900, 50}}};
  world.settings.tariff = {.version = "test-1", .currency = "USD", .pools = {prices}};
  world.settings.tenants = {Tenant("bank", Tier::kElastic), Tenant("studio", Tier::kElastic),
                            Tenant("shop", Tier::kElastic), Tenant("crowd", Tier::kFree)};
  world.purchases = {{.tenant = "bank",
                      .from_minute = kFrom,
                      .to_minute = kTo,
                      .rate = NormalizedTokensPerSecond(20'000),
                      .overrun = overrun},
                     {.tenant = "studio",
                      .from_minute = kFrom,
                      .to_minute = kTo,
                      .rate = NormalizedTokensPerSecond(10'000),
                      .overrun = overrun}};
  world.clients = {{.tenant = "bank", .max_wait = Minutes(50)},
                   {.tenant = "studio", .max_wait = Minutes(50)},
                   {.tenant = "shop", .max_wait = Seconds(30)},
                   {.tenant = "crowd", .max_wait = Seconds(10)}};
  const std::vector<TraceRow> conversation = *ParseAzureTrace(ConversationTraceCsv(), "conv");
  const std::vector<TraceRow> code = *ParseAzureTrace(CodeTraceCsv(), "code");
  const std::vector<TraceRow> long_ones = *ParseMooncakeTrace(LongConversationTraceJsonl(), "mooncake");
  world.arrivals = Merged(std::vector<std::vector<Arrival>>{
      Replay("bank", kBank, conversation, 4, 512), Replay("studio", kStudio, conversation, 2, 512),
      Replay("shop", kShop, long_ones, 3, 1'024), Replay("crowd", kCrowd, code, 10, 256)});
  return world;
}

/// The most that what a tenant was given inside its contract fell behind its rate in any interval of [from, to).
struct Behind {
  Work most;
  Work largest;  // request
  int64_t requests = 0;
};
Behind FellBehind(const RecordedBroker& broker, Who who, Duration from, Duration to, WorkPerSecond rate) {
  std::vector<std::pair<Duration, int64_t>> given;
  Behind behind;
  for (const Try& made : broker.tries()) {
    const Duration at = made.at + made.waited;
    if (made.client != who || made.served != ServiceClass::kReserved || at < from || at >= to) continue;
    given.emplace_back(at, made.estimated_work.count());
    behind.largest = std::max(behind.largest, made.estimated_work);
    ++behind.requests;
  }
  std::sort(given.begin(), given.end());
  given.emplace_back(to, 0);
  // At most max over a < b of R (b - a) - (given in [a, b]): just after one grant, just before another.
  Int128 lowest = 0;  // of R a - given until a
  int64_t sum = 0;
  Int128 most = 0;
  for (const auto& [at, work] : given) {
    const Int128 due = Int128{rate.count()} * (at - from).count() / Seconds(1).count();
    most = std::max(most, due - sum - lowest);
    sum += work;
    lowest = std::min(lowest, due - sum);
  }
  behind.most = Work(CheckedNarrow(most));
  return behind;
}

TEST(ReservationsOnTraces, EachGetsItsContractInEveryIntervalWhateverOthersDo) {
  auto opened = RecordedBroker::Open(FloodedPool(Overrun::kWait));
  ASSERT_TRUE(opened.ok()) << opened.status();
  RecordedBroker& broker = **opened;
  const Duration from = VirtualBroker::FirstMinute() + Minutes(kFrom);
  const Duration to = VirtualBroker::FirstMinute() + Minutes(kTo);
  broker.RunUntil(to + Minutes(1));
  const ledger::MarketRecords& market = broker.engine().books().market();
  Duration bound;
  for (const Try& made : broker.tries()) bound = std::max(bound, made.reclaim_bound);
  for (uint32_t id = 1; id <= market.last_reservation(); ++id) {
    const ledger::ReservationRecord& record = *market.FindReservation(id);
    const auto who = static_cast<Who>(id - 1);
    const WorkPerSecond rate = broker.world().purchases[id - 1].rate;
    const Behind behind = FellBehind(broker, who, from, to, rate);
    // DESIGN section 3: >= R t - (burst + largest request + R x reclaim bound).
    const Work burst(rate.count());  // of a second
    const int64_t by_bound = CheckedNarrow(Int128{rate.count()} * bound.count() / Seconds(1).count());
    EXPECT_LE(behind.most, burst + behind.largest + Work(by_bound)) << record.id;
    EXPECT_GT(behind.requests, 100);
    // What its report says of the same.
    ledger::DeliveryEntry sum;
    for (const auto& [key, delivery] : market.deliveries()) {
      if (key.first != id) continue;
      sum.promised += delivery.promised;
      sum.guaranteed += delivery.guaranteed;
      sum.delivered += delivery.delivered;
      sum.requests += delivery.requests;
      sum.missed += delivery.missed;
      sum.late += delivery.late;
      sum.unserved += delivery.unserved;
      sum.longest_queued = std::max(sum.longest_queued, delivery.longest_queued);
    }
    EXPECT_EQ(record.state, ledger::ReservationState::kCompleted);
    EXPECT_EQ(sum.promised, Work(rate.count() * (kTo - kFrom) * 60));
    EXPECT_EQ(sum.guaranteed, sum.promised);
    EXPECT_EQ(sum.missed, 0) << sum.late << " were late";
    EXPECT_EQ(sum.unserved, 0);
    EXPECT_GE(sum.requests * 100, behind.requests * 97) << "all but those that ran when it ended";
    std::printf(
        "%-7s %5lld requests, fell behind by %6.1f s of its rate at most (bound %5.1f s), queued %.2f s at most, "
        "delivered %.1f %%\n",
        broker.world().clients[who].tenant.c_str(), static_cast<long long>(sum.requests),
        static_cast<double>(behind.most.count()) / static_cast<double>(rate.count()),
        static_cast<double>((burst + behind.largest).count() + by_bound) / static_cast<double>(rate.count()),
        static_cast<double>(sum.longest_queued.count()) / 1e9,
        100.0 * static_cast<double>(sum.delivered.count()) / static_cast<double>(sum.promised.count()));
  }
  EXPECT_TRUE(broker.engine().books().accounts().credits().empty()) << "nothing was missed";
  broker.engine().CheckInvariants();
}

TEST(ReservationsOnTraces, ALossOfCapacityIsInTheReportAndIsPaidFor) {
  RecordedWorld world = FloodedPool(Overrun::kWait);
  const Duration from = VirtualBroker::FirstMinute();
  // Five minutes with 25,000 nt/s: the bank's 20,000 stay, the studio's 10,000 are cut to 5,000.
  world.capacity_changes = {{.at = from + Minutes(6), .capacity = NormalizedTokensPerSecond(25'000)},
                            {.at = from + Minutes(11), .capacity = NormalizedTokensPerSecond(kCapacity)}};
  auto opened = RecordedBroker::Open(std::move(world));
  ASSERT_TRUE(opened.ok()) << opened.status();
  RecordedBroker& broker = **opened;
  broker.RunUntil(from + Minutes(8));
  const ledger::MarketRecords& market = broker.engine().books().market();
  EXPECT_EQ(market.FindReservation(1)->state, ledger::ReservationState::kActive);
  EXPECT_EQ(market.FindReservation(2)->state, ledger::ReservationState::kDegraded);
  EXPECT_EQ(market.FindReservation(2)->guaranteed, NormalizedTokensPerSecond(5'000));
  broker.RunUntil(from + Minutes(12));
  EXPECT_EQ(market.FindReservation(2)->state, ledger::ReservationState::kActive);
  broker.RunUntil(from + Minutes(kTo + 1));
  ASSERT_EQ(broker.engine().books().accounts().credits().size(), 1u);
  EXPECT_EQ(broker.engine().books().accounts().credits().front().granted.tenant, market.FindReservation(2)->tenant);
  broker.engine().CheckInvariants();
}

}  // namespace
}  // namespace penstock::sim
