// Random lives of an engine: whatever clients do, DESIGN section 9 holds after every step.
#include <gtest/gtest.h>

#include "tests/admission/fifo_scheduler.h"
#include "tests/admission/seed.h"
#include "tests/broker/core/engine_fixture.h"
#include "tests/broker/core/random_clients.h"

namespace penstock::core {
namespace {

TEST(EngineProperty, InvariantsHoldAfterEveryStepOfRandomLives) {
  for (const uint64_t seed : TestSeeds(4)) {
    SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
    EngineWorld world;
    RandomClients clients(world, seed);
    for (int step = 0; step < 3'000; ++step) {
      clients.Step();
      world.engine().CheckInvariants();
    }
    EXPECT_GT(clients.settled(), 100);
    world.Tick(Hours(1));
    EXPECT_TRUE(world.engine().books().open_count() == 0) << "every hold ends";
    EXPECT_EQ(world.engine().pools()[0]->scheduler().InFlight(), 0);
    world.engine().CheckInvariants();
  }
}

TEST(EngineProperty, ReplayingTheJournalGivesTheSameBooks) {
  for (const uint64_t seed : TestSeeds(4)) {
    SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
    EngineWorld world;
    RandomClients clients(world, seed);
    for (int life = 0; life < 5; ++life) {
      for (int step = 0; step < 400; ++step) clients.Step();
      const auto verified = ledger::Verify(world.journal().journal());
      ASSERT_TRUE(verified.ok()) << verified.status();
      EXPECT_TRUE(verified->books == world.engine().books());
      world.Restart(Milliseconds(100));
      world.engine().CheckInvariants();
    }
  }
}

TEST(EngineProperty, TheSameCommandsGiveTheSameJournalHash) {
  for (const uint64_t seed : TestSeeds(4)) {
    SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
    const auto life = [seed](uint64_t variation) {
      EngineWorld world;
      RandomClients clients(world, seed + variation);
      for (int step = 0; step < 2'000; ++step) clients.Step();
      return ledger::ToHex(world.engine().ledger().head().hash);
    };
    EXPECT_EQ(life(0), life(0));
    EXPECT_NE(life(0), life(1));
  }
}

/// The longest wait of in-profile reserved requests while free traffic floods the pool, against the pool's stated
/// bound.
struct Flood {
  Duration longest_wait;
  Duration bound;
  int64_t reserved_grants = 0;
};

Flood FloodThePool(const SchedulerFactory& scheduling) {
  EngineSettings settings = SmallWorld();
  settings.pools[0].terms.max_in_flight = 1'000;
  settings.pools[0].terms.classes[static_cast<size_t>(ServiceClass::kFree)].holdback_slots = 10;
  settings.tenants[2].reservations[0].overrun = Overrun::kWait;
  EngineWorld world(settings, scheduling);
  Flood flood;
  std::vector<Ticket> reserved;
  for (int tick = 0; tick < 6'000; ++tick) {
    // 20 free requests of 410 nt a second offer eight times the capacity; acme asks for 210 nt a second of its 400.
    if (tick % 5 == 0) {
      Admit free = world.Request("tramp", "f" + std::to_string(tick), 210, 50);
      free.max_wait = Seconds(30);
      world.Offer(free);
    }
    if (tick % 100 == 50) {
      Admit mine = world.Request("acme", "a" + std::to_string(tick), 10, 50);
      mine.max_wait = Seconds(60);
      reserved.push_back(world.Offer(mine));
    }
    world.Tick(Milliseconds(10));
    flood.bound = std::max(flood.bound, world.engine().pools()[0]->ReclaimBound());
  }
  world.Tick(Seconds(60));
  for (const Ticket ticket : reserved) {
    const std::optional<Outcome> outcome = world.AnswerTo(ticket);
    if (!outcome || !std::holds_alternative<Granted>(*outcome)) {
      flood.longest_wait = std::max(flood.longest_wait, Seconds(60));
      continue;
    }
    ++flood.reserved_grants;
    flood.longest_wait = std::max(flood.longest_wait, std::get<Granted>(*outcome).waited);
  }
  return flood;
}

TEST(ReservedWait, StaysWithinTheStatedReclaimBoundWhileFreeTrafficFloods) {
  const Flood flood = FloodThePool(FairScheduling());
  EXPECT_EQ(flood.reserved_grants, 60);
  EXPECT_LE(flood.longest_wait, flood.bound);
  EXPECT_LE(flood.longest_wait, Milliseconds(500)) << "and far below it: the contract goes first";
}

TEST(ReservedWait, IsManyTimesLongerUnderFirstInFirstOut) {
  const Flood fair = FloodThePool(FairScheduling());
  const Flood fifo = FloodThePool([](const admission::PoolTerms& terms, Instant now) {
    return std::make_unique<admission::FifoScheduler>(terms, now);
  });
  EXPECT_GT(fifo.longest_wait, Seconds(20)) << "first in, first out makes the reserved tenant stand behind the flood";
  EXPECT_GT(fifo.longest_wait.count(), 10 * std::max<int64_t>(fair.longest_wait.count(), 1));
}

}  // namespace
}  // namespace penstock::core
