// The protocol that every Scheduler keeps, whatever its order of service.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "admission/fair_scheduler.h"
#include "tests/admission/fifo_scheduler.h"
#include "tests/admission/pool_driver.h"
#include "tests/admission/seed.h"

namespace penstock::admission {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class S>
class SchedulerContract : public testing::Test {};

using Implementations = testing::Types<FairScheduler, FifoScheduler>;
TYPED_TEST_SUITE(SchedulerContract, Implementations);

PoolTerms Slots(int64_t slots) {
  PoolTerms terms = OpenPool();
  terms.max_in_flight = slots;
  return terms;
}

TYPED_TEST(SchedulerContract, HandsBackTheOwnersHandleAndWhatItTook) {
  PoolDriver<TypeParam> pool(OpenPool());
  pool.Enqueue(Ask(7, 10, ServiceClass::kFlex));
  const Dispatch dispatch = pool.Next();
  EXPECT_EQ(dispatch.request, 1U);
  EXPECT_EQ(dispatch.charge.tenant, TenantId{7});
  EXPECT_EQ(dispatch.charge.served, ServiceClass::kFlex);
  EXPECT_EQ(dispatch.charge.work, NormalizedTokens(10));
  EXPECT_EQ(pool.Next().request, 0U) << "once";
}

TYPED_TEST(SchedulerContract, IsFirstInFirstOutInsideATenant) {
  PoolDriver<TypeParam> pool(OpenPool());
  pool.EnqueueMany(4, Ask(1, 10));
  EXPECT_THAT(pool.Drain(), ElementsAre(1, 2, 3, 4));
}

TYPED_TEST(SchedulerContract, NeverRunsMoreThanItsSlots) {
  PoolDriver<TypeParam> pool(Slots(2));
  pool.EnqueueMany(4, Ask(1, 10));
  EXPECT_THAT(pool.Drain(), ElementsAre(1, 2));
  EXPECT_EQ(pool.scheduler.InFlight(), 2);
  pool.Finish(2);
  EXPECT_EQ(pool.scheduler.InFlight(), 1);
  EXPECT_THAT(pool.Drain(), ElementsAre(3));
}

TYPED_TEST(SchedulerContract, AnOccupiedSlotIsOneUntilItIsReleased) {
  PoolDriver<TypeParam> pool(Slots(1));
  Charge charge;
  charge.tenant = TenantId{3};
  pool.scheduler.OccupySlot(charge, pool.now);
  pool.Enqueue(Ask(1, 10));
  EXPECT_THAT(pool.Drain(), IsEmpty());
  EXPECT_EQ(pool.scheduler.StandingOf(ServiceClass::kDefault).in_flight, 1);
  pool.scheduler.Release(charge, pool.now);
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
}

TYPED_TEST(SchedulerContract, FewerSlotsTakeNothingFromWhoRuns) {
  PoolDriver<TypeParam> pool(Slots(3));
  pool.EnqueueMany(4, Ask(1, 10));
  pool.Drain();
  pool.scheduler.SetTerms(Slots(1), pool.now);
  pool.Finish(1);
  pool.Finish(2);
  EXPECT_THAT(pool.Drain(), IsEmpty());
  pool.Finish(3);
  EXPECT_THAT(pool.Drain(), ElementsAre(4));
}

TYPED_TEST(SchedulerContract, ACancelledRequestIsGone) {
  PoolDriver<TypeParam> pool(OpenPool());
  const Enqueued first = pool.Enqueue(Ask(1, 10));
  pool.Enqueue(Ask(1, 10));
  EXPECT_TRUE(pool.scheduler.Cancel(first.id, pool.now));
  EXPECT_FALSE(pool.scheduler.Cancel(first.id, pool.now));
  EXPECT_FALSE(pool.scheduler.Cancel(0, pool.now));
  EXPECT_FALSE(pool.scheduler.Cancel(UINT64_MAX, pool.now));
  EXPECT_THAT(pool.Drain(), ElementsAre(2));
  EXPECT_THAT(pool.Departed(), IsEmpty());
}

TYPED_TEST(SchedulerContract, WhoRunsCannotBeCancelled) {
  PoolDriver<TypeParam> pool(OpenPool());
  const Enqueued first = pool.Enqueue(Ask(1, 10));
  pool.Drain();
  EXPECT_FALSE(pool.scheduler.Cancel(first.id, pool.now));
  EXPECT_EQ(pool.scheduler.InFlight(), 1);
}

TYPED_TEST(SchedulerContract, ADeadlineEndsTheWaitAndWakesTheOwner) {
  PoolDriver<TypeParam> pool(Slots(1));
  pool.EnqueueMany(2, Ask(1, 10));
  pool.Drain();
  Offer hasty = Ask(1, 10);
  hasty.deadline = pool.now + Seconds(5);
  pool.Enqueue(hasty);
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Seconds(5));
  pool.Tick(Seconds(5) - Nanoseconds(1));
  EXPECT_THAT(pool.Departed(), IsEmpty());
  pool.Tick(Nanoseconds(1));
  EXPECT_THAT(pool.Departed(), ElementsAre(3));
  pool.Finish(1);
  EXPECT_THAT(pool.Drain(), ElementsAre(2));
}

TYPED_TEST(SchedulerContract, AFullLineRefusesWithATimeToComeBack) {
  PoolTerms terms = Slots(1);
  for (ClassTerms& each : terms.classes) each.max_waiting = 2;
  terms.capacity = NormalizedTokensPerSecond(100);
  PoolDriver<TypeParam> pool(terms);
  pool.EnqueueMany(2, Ask(1, 100));
  const Enqueued refused = pool.Enqueue(Ask(1, 100));
  EXPECT_EQ(refused.refusal, EnqueueRefusal::kQueueFull);
  EXPECT_GT(refused.retry_after, Duration::Zero());
  EXPECT_EQ(pool.scheduler.StandingOf(ServiceClass::kDefault).waiting, 2);
  EXPECT_EQ(pool.scheduler.StandingOf(ServiceClass::kDefault).waiting_work, NormalizedTokens(200));
}

TYPED_TEST(SchedulerContract, KvTokensHoldWhatThePoolHasNoMemoryFor) {
  PoolTerms terms = OpenPool();
  terms.kv_tokens = 100;
  PoolDriver<TypeParam> pool(terms);
  EXPECT_EQ(pool.Enqueue(WithKv(101, Ask(1, 10))).refusal, EnqueueRefusal::kTooLarge);
  pool.EnqueueMany(2, WithKv(60, Ask(1, 10)));
  EXPECT_THAT(pool.Drain(), ElementsAre(2));
  EXPECT_EQ(pool.scheduler.GateOf(ServiceClass::kDefault, pool.now), Gate::kKvTokens);
  pool.Finish(2);
  EXPECT_THAT(pool.Drain(), ElementsAre(3));
}

TYPED_TEST(SchedulerContract, PaceHoldsWhatTheCapacityCannotTake) {
  PoolTerms terms = OpenPool();
  terms.capacity = NormalizedTokensPerSecond(100);
  terms.burst = NormalizedTokens(100);
  PoolDriver<TypeParam> pool(terms);
  pool.EnqueueMany(3, Ask(1, 100));
  EXPECT_THAT(pool.Drain(), ElementsAre(1));
  EXPECT_EQ(pool.scheduler.NextWake(pool.now), pool.now + Seconds(1));
  pool.Tick(Seconds(1) - Nanoseconds(1));
  EXPECT_THAT(pool.Drain(), IsEmpty());
  pool.Tick(Nanoseconds(1));
  EXPECT_THAT(pool.Drain(), ElementsAre(2));
}

// Random life of a pool, in lockstep with a plain list of who waits and who runs. Wakes are neither late (nothing could
// happen before NextWake) nor busy (nothing is left to do at now, so NextWake is later).
template <class S>
class RandomLife {
 public:
  explicit RandomLife(uint64_t seed) : dice_(seed), pool_(Terms()) {
    for (uint32_t tenant = 1; tenant <= 3; ++tenant) {
      const auto overrun = static_cast<Overrun>(tenant - 1);
      contracts_.push_back(pool_.scheduler.AddContract(Guarantee(tenant, 300, 400, overrun), pool_.now));
    }
  }

  void Step() {
    switch (dice_.Roll(1, 8)) {
      case 1:
      case 2:
      case 3:
        Offer();
        break;
      case 4:
        Cancel();
        break;
      case 5:
      case 6:
        End();
        break;
      case 7:
        pool_.scheduler.SetTerms(Terms(), pool_.now);
        break;
      case 8:
        pool_.Tick(Milliseconds(dice_.Roll(0, 700)));
        break;
    }
    Settle();
    CheckWake();
  }

  void Finish() {
    while (!waiting_.empty() || !pool_.running.empty()) {
      while (!pool_.running.empty()) pool_.Finish(pool_.running.begin()->first);
      pool_.Tick(Seconds(1));
      Settle();
    }
    for (size_t c = 0; c < kShareClassCount; ++c) {
      const Standing standing = pool_.scheduler.StandingOf(static_cast<ServiceClass>(c));
      EXPECT_EQ(standing.waiting, 0);
      EXPECT_EQ(standing.waiting_work, Work::Zero());
      EXPECT_EQ(standing.in_flight, 0);
    }
    EXPECT_EQ(pool_.scheduler.InFlight(), 0);
    EXPECT_EQ(pool_.scheduler.KvInUse(), 0);
    EXPECT_EQ(pool_.scheduler.NextWake(pool_.now), Instant::Max());
    EXPECT_GT(dispatched_, 100);
    EXPECT_GT(expired_, 0);
    EXPECT_GT(cancelled_, 10);
  }

 private:
  PoolTerms Terms() {
    PoolTerms terms = OpenPool();
    terms.capacity = NormalizedTokensPerSecond(dice_.Roll(200, 5'000));
    terms.burst = NormalizedTokens(dice_.Roll(50, 500));
    terms.max_in_flight = slots_ = dice_.Roll(1, 12);
    terms.kv_tokens = dice_.Roll(150, 500);
    for (ClassTerms& each : terms.classes) {
      each = ClassTerms{.weight = dice_.Roll(1, 9),
                        .max_in_flight = dice_.Roll(0, 4),
                        .holdback_slots = dice_.Roll(0, 2),
                        .holdback_kv = dice_.Roll(0, 1) * dice_.Roll(0, 50),
                        .max_waiting = 50,
                        .floor = NormalizedTokensPerSecond(dice_.Roll(0, 1) * dice_.Roll(0, 500)),
                        .cap = NormalizedTokensPerSecond(dice_.Roll(0, 1) * dice_.Roll(100, 2'000))};
    }
    return terms;
  }

  void Offer() {
    const auto tenant = static_cast<uint32_t>(dice_.Roll(1, 9));
    const int64_t nt = dice_.Roll(0, 300);
    admission::Offer offer = tenant <= 3
                                 ? AskReserved(tenant, nt)
                                 : Ask(tenant, nt, static_cast<ServiceClass>(dice_.Roll(0, 4)), dice_.Roll(1, 5));
    offer.deadline = pool_.now + Milliseconds(dice_.Roll(0, 20'000));
    offer.key = KeyId{static_cast<uint32_t>(dice_.Roll(0, 2))};
    offer.kv_tokens = dice_.Roll(0, 100);
    offer.promised = dice_.OneIn(10);
    const Enqueued enqueued = pool_.Enqueue(offer);
    if (enqueued.refusal) {
      EXPECT_GT(enqueued.retry_after, Duration::Zero());
      return;
    }
    EXPECT_NE(enqueued.id, 0U);
    EXPECT_TRUE(ids_.insert(enqueued.id).second) << "an id was given twice";
    waiting_[pool_.last_request] = {enqueued.id, offer.deadline};
  }

  void Cancel() {
    if (waiting_.empty()) return;
    auto victim = waiting_.begin();
    std::advance(victim, dice_.Roll(0, static_cast<int64_t>(waiting_.size()) - 1));
    EXPECT_TRUE(pool_.scheduler.Cancel(victim->second.id, pool_.now));
    EXPECT_FALSE(pool_.scheduler.Cancel(victim->second.id, pool_.now));
    pool_.scheduler.CheckInvariants();
    waiting_.erase(victim);
    ++cancelled_;
  }

  void End() {
    if (pool_.running.empty()) return;
    auto ended = pool_.running.begin();
    std::advance(ended, dice_.Roll(0, static_cast<int64_t>(pool_.running.size()) - 1));
    const uint64_t request = ended->first;
    dice_.OneIn(2) ? pool_.FinishHavingUsed(request, dice_.Roll(0, 400)) : pool_.Finish(request);
  }

  /// Does all there is to do at now, in either order.
  void Settle() {
    const bool expire_first = dice_.OneIn(2);
    CheckGates();
    if (expire_first) Expire();
    for (const uint64_t request : pool_.Drain()) {
      const auto found = waiting_.find(request);
      ASSERT_NE(found, waiting_.end()) << "dispatched without waiting";
      EXPECT_GT(found->second.deadline, pool_.now) << "dispatched after its deadline";
      waiting_.erase(found);
      ++dispatched_;
    }
    if (!expire_first) Expire();
    EXPECT_LE(dispatched_now_ = pool_.scheduler.InFlight(), std::max(slots_, running_before_));
    running_before_ = dispatched_now_;
    EXPECT_EQ(static_cast<size_t>(pool_.scheduler.InFlight()), pool_.running.size());
    int64_t kv = 0;
    for (const auto& [request, charge] : pool_.running) kv += charge.kv_tokens;
    EXPECT_EQ(pool_.scheduler.KvInUse(), kv);
    int64_t in_line = 0;
    for (size_t c = 0; c < kShareClassCount; ++c) {
      in_line += pool_.scheduler.StandingOf(static_cast<ServiceClass>(c)).waiting;
    }
    EXPECT_EQ(static_cast<size_t>(in_line), waiting_.size());
  }

  /// A gate is never said to be open for somebody who then does not go.
  void CheckGates() {
    if (pool_.scheduler.NextWake(pool_.now) > pool_.now) {
      for (size_t c = 0; c < kShareClassCount; ++c) {
        const auto share_class = static_cast<ServiceClass>(c);
        if (pool_.scheduler.StandingOf(share_class).waiting == 0) continue;
        EXPECT_NE(pool_.scheduler.GateOf(share_class, pool_.now), Gate::kOpen);
      }
    }
  }

  void Expire() {
    for (const uint64_t request : pool_.Departed()) {
      const auto found = waiting_.find(request);
      ASSERT_NE(found, waiting_.end()) << "expired without waiting";
      EXPECT_LE(found->second.deadline, pool_.now) << "expired before its deadline";
      waiting_.erase(found);
      ++expired_;
    }
    for (const auto& [request, each] : waiting_) EXPECT_GT(each.deadline, pool_.now) << "left behind: " << request;
  }

  void CheckWake() {
    const Instant wake = pool_.scheduler.NextWake(pool_.now);
    ASSERT_GT(wake, pool_.now) << "busy";
    if (wake == Instant::Max() || !dice_.OneIn(8)) return;
    pool_.now = wake - Nanoseconds(1);  // nothing may be possible until then
    ASSERT_THAT(pool_.Drain(), IsEmpty()) << "late";
    ASSERT_THAT(pool_.Departed(), IsEmpty()) << "late";
    const size_t before = waiting_.size();
    pool_.now = wake;
    Settle();
    // Somebody's turn may come who then waits for pace; that happens a few times in a row at most.
    for (int again = 0; again < 10 && waiting_.size() == before; ++again) {
      pool_.now = pool_.scheduler.NextWake(pool_.now);
      ASSERT_NE(pool_.now, Instant::Max()) << "woken for nothing";
      Settle();
    }
    EXPECT_LT(waiting_.size(), before) << "woken for nothing";
  }

  struct Place {
    WaitingId id = 0;
    Instant deadline;
  };
  Dice dice_;
  int64_t slots_ = 0;
  PoolDriver<S> pool_;
  std::vector<ContractId> contracts_;
  std::map<uint64_t, Place> waiting_;
  std::set<WaitingId> ids_;
  int64_t running_before_ = 0;
  int64_t dispatched_now_ = 0;
  int dispatched_ = 0;
  int expired_ = 0;
  int cancelled_ = 0;
};

TYPED_TEST(SchedulerContract, KeepsTheProtocolThroughARandomLife) {
  for (const uint64_t seed : TestSeeds(8)) {
    SCOPED_TRACE(testing::Message() << "PENSTOCK_SEED=" << seed);
    RandomLife<TypeParam> life(seed);
    for (int step = 0; step < 1'500; ++step) {
      life.Step();
      if (this->HasFatalFailure()) return;
    }
    life.Finish();
  }
}

}  // namespace
}  // namespace penstock::admission
