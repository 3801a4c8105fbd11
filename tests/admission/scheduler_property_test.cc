// What always holds, under random floods, weights, cancellations and capacity changes: plain models beside the pool.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <vector>

#include "admission/fair_scheduler.h"
#include "tests/admission/bounds.h"
#include "tests/admission/pool_driver.h"
#include "tests/admission/seed.h"

namespace penstock::admission {
namespace {

#define FOR_EACH_SEED(fixed)                   \
  for (const uint64_t seed : TestSeeds(fixed)) \
    if (SCOPED_TRACE(testing::Message() << "PENSTOCK_SEED=" << seed); true)

// The pace invariant and work conservation through a random life, with a plain model of the pool beside it.
class ModelledPool {
 public:
  explicit ModelledPool(uint64_t seed) : dice_(seed), terms_(RandomTerms()), pool_(terms_) {
    const ContractTerms terms = Guarantee(kReservedTenant, 300, 400);
    contract_ = pool_.scheduler.AddContract(terms, pool_.now);
  }

  void Step() {
    switch (dice_.Roll(1, 7)) {
      case 1:
      case 2:
      case 3:
        Offer();
        break;
      case 4:
      case 5:
        End();
        break;
      case 6:
        Pass(Milliseconds(dice_.Roll(0, 400)));
        break;
      case 7:
        if (dice_.OneIn(5)) Change();
        break;
    }
    Dispatch();
    for (const uint64_t request : pool_.Departed()) waiting_.erase(request);
    int64_t kv = 0;
    for (const auto& [request, charge] : pool_.running) kv += charge.kv_tokens;
    ASSERT_EQ(pool_.scheduler.KvInUse(), kv) << "KV tokens leak";
    ASSERT_EQ(pool_.scheduler.InFlight(), static_cast<int64_t>(pool_.running.size())) << "slots leak";
    CheckWorkConservation();
  }

  int64_t dispatched() const { return dispatched_; }
  int64_t conservation_checks() const { return conservation_checks_; }

 private:
  static constexpr uint32_t kReservedTenant = 6;

  PoolTerms RandomTerms() {
    PoolTerms terms = PacedPool(dice_.Roll(200, 5'000), dice_.Roll(50, 500), dice_.Roll(2, 12));
    for (ClassTerms& each : terms.classes) {
      each.weight = dice_.Roll(1, 9);
      each.max_in_flight = dice_.Roll(0, 4);
      each.holdback_slots = dice_.Roll(0, 2);
    }
    largest_burst_ = std::max(largest_burst_, terms.burst.count());
    terms.kv_tokens = dice_.OneIn(2) ? dice_.Roll(80, 300) : 0;
    return terms;
  }

  void Change() {
    terms_ = RandomTerms();
    pool_.scheduler.SetTerms(terms_, pool_.now);
  }

  void Pass(Duration d) {
    pool_.Tick(d);
    could_drain_ += Int128{terms_.capacity.count()} * d.count();
    level_ = std::max<Int128>(0, level_ - Int128{terms_.capacity.count()} * d.count());
    for (const uint64_t request : pool_.Departed()) waiting_.erase(request);
  }

  void Offer() {
    const auto tenant = static_cast<uint32_t>(dice_.Roll(1, kReservedTenant));
    const int64_t nt = dice_.Roll(0, 800);
    const auto c = static_cast<ServiceClass>(dice_.Roll(0, 4));
    const bool reserved = tenant == kReservedTenant;
    const int64_t kv = dice_.Roll(0, 100);
    const auto offer = reserved ? AskReserved(tenant, nt) : Ask(tenant, nt, c, dice_.Roll(1, 5));
    if (pool_.Enqueue(WithKv(kv, offer)).refusal) return;
    waiting_[pool_.last_request] = {reserved ? ServiceClass::kSpillover : c, NormalizedTokens(nt), kv};
  }

  void End() {
    if (pool_.running.empty()) return;
    const uint64_t request = pool_.running.begin()->first;
    if (dice_.OneIn(2)) {
      const Work charged = pool_.running.begin()->second.work;
      pool_.TrueUp(request, dice_.Roll(0, 800));
      const Int128 change = Scaled(pool_.running.begin()->second.work) - Scaled(charged);
      level_ = std::max<Int128>(0, level_ + change);
      if (change < 0) net_ += change;
    }
    pool_.Finish(request);
  }

  void Dispatch() {
    for (auto dispatch = pool_.Next(); dispatch.request != 0; dispatch = pool_.Next()) {
      const Work work = dispatch.charge.work;
      ASSERT_TRUE(terms_.kv_tokens == 0 || pool_.scheduler.KvInUse() <= terms_.kv_tokens) << "KV was overrun";
      lowest_ = std::min(lowest_, net_ - could_drain_);
      net_ += Scaled(work);
      level_ += Scaled(work);
      largest_ = std::max(largest_, work.count());
      ASSERT_LE(net_ - could_drain_ - lowest_, Scaled(Work(std::max(largest_burst_, largest_)))) << "pace was outrun";
      waiting_.erase(dispatch.request);
      ++dispatched_;
    }
  }

  void CheckWorkConservation() {
    if (pool_.scheduler.InFlight() >= terms_.max_in_flight) return;
    for (const auto& [request, each] : waiting_) {
      const ClassTerms& of_class = Of(terms_, each.share_class);
      const int64_t in_flight = pool_.scheduler.StandingOf(each.share_class).in_flight;
      const bool at_cap = of_class.max_in_flight > 0 && in_flight >= of_class.max_in_flight;
      const bool held_back = pool_.scheduler.InFlight() + of_class.holdback_slots >= terms_.max_in_flight;
      if (at_cap || held_back) continue;
      // It may go, unless pace keeps back it or somebody whose turn it is: then some waiting request must not fit.
      const bool all_fit = std::all_of(waiting_.begin(), waiting_.end(), [&](const auto& other) {
        const int64_t kv = pool_.scheduler.KvInUse() + other.second.kv_tokens;
        if (terms_.kv_tokens > 0 && kv > terms_.kv_tokens) return false;
        return level_ + Scaled(std::min(other.second.work, terms_.burst)) <= Scaled(terms_.burst);
      });
      ++conservation_checks_;
      ASSERT_FALSE(all_fit) << "a slot is idle while request " << request << " could run";
    }
  }

  static Int128 Scaled(Work work) { return Int128{work.count()} * Seconds(1).count(); }

  struct Asked {
    ServiceClass share_class = ServiceClass::kDefault;
    Work work;
    int64_t kv_tokens = 0;
  };
  Dice dice_;
  int64_t largest_burst_ = 0;
  PoolTerms terms_;
  PoolDriver<FairScheduler> pool_;
  ContractId contract_ = 0;
  std::map<uint64_t, Asked> waiting_;
  Int128 level_ = 0;        // of pace, milli-nt x ns
  Int128 net_ = 0;          // dispatched less given back, the same unit
  Int128 could_drain_ = 0;  // capacity x time so far
  Int128 lowest_ = 0;       // the least of net - could_drain before a dispatch
  int64_t largest_ = 0;
  int64_t dispatched_ = 0;
  int64_t conservation_checks_ = 0;
};

TEST(SchedulerProperty, PaceIsNeverOutrunAndNoSlotIdlesWhileSomebodyMayRun) {
  FOR_EACH_SEED(15) {
    ModelledPool pool(seed);
    for (int step = 0; step < 3'000; ++step) {
      pool.Step();
      if (HasFatalFailure()) return;
    }
    EXPECT_GT(pool.dispatched(), 150);
    EXPECT_GT(pool.conservation_checks(), 100);
  }
}

/// How far what a class got runs ahead of a rate, or falls behind it, in any interval. Milli-nt x ns.
struct AgainstRate {
  int64_t rate = 0;  // milli-nt/s
  Int128 got = 0;
  Int128 lowest = 0;
  Int128 highest = 0;
  Int128 ahead = 0;
  Int128 behind = 0;

  void Pass(Duration d) {
    got -= Int128{rate} * d.count();
    lowest = std::min(lowest, got);
    behind = std::max(behind, highest - got);
  }
  void Serve(Work work) {
    got += Int128{work.count()} * Seconds(1).count();
    highest = std::max(highest, got);
    ahead = std::max(ahead, got - lowest);
  }
};

// A capped class never outruns max(burst, largest) + cap x t, and a backlogged one with a floor gets floor x t - (burst
// + largest + what passes while the pool is busy with one request), whatever the weights say.
TEST(SchedulerProperty, FloorsAndCapsHoldInEveryInterval) {
  FOR_EACH_SEED(15) {
    Dice dice(seed);
    const int64_t capacity = dice.Roll(500, 5'000);
    const int64_t burst = dice.Roll(50, 500);
    const int64_t largest = dice.Roll(10, 300);
    PoolTerms terms = PacedPool(capacity, burst);
    AgainstRate cap{.rate = capacity * kMilliNtPerNt * dice.Roll(1, 30) / 100};
    AgainstRate floor{.rate = capacity * kMilliNtPerNt * dice.Roll(1, 50) / 100};
    Of(terms, ServiceClass::kFree).cap = WorkPerSecond(cap.rate);
    Of(terms, ServiceClass::kFlex).floor = WorkPerSecond(floor.rate);
    Of(terms, ServiceClass::kFree).weight = dice.Roll(1, 1'000);
    Of(terms, ServiceClass::kPriority).weight = dice.Roll(1, 1'000);
    PoolDriver<FairScheduler> pool(terms);
    for (int step = 0; step < 3'000; ++step) {
      for (const ServiceClass c : {ServiceClass::kFree, ServiceClass::kFlex, ServiceClass::kPriority}) {
        while (pool.scheduler.StandingOf(c).waiting < 200) pool.Enqueue(Ask(1, dice.Roll(1, largest), c));
      }
      for (Dispatch dispatch = pool.Next(); dispatch.request != 0; dispatch = pool.Next()) {
        if (dispatch.charge.served == ServiceClass::kFree) cap.Serve(dispatch.charge.work);
        if (dispatch.charge.served == ServiceClass::kFlex) floor.Serve(dispatch.charge.work);
        pool.Finish(dispatch.request);
        ASSERT_GT(pool.scheduler.StandingOf(ServiceClass::kFlex).waiting, 0);
      }
      const Duration passed = std::min(pool.scheduler.NextWake(pool.now) - pool.now, Milliseconds(dice.Roll(1, 100)));
      pool.Tick(passed);
      cap.Pass(passed);
      floor.Pass(passed);
    }
    const auto nt = [](Int128 scaled) { return static_cast<int64_t>(scaled / Seconds(1).count() / kMilliNtPerNt); };
    EXPECT_LE(nt(cap.ahead), std::max(burst * cap.rate / capacity / kMilliNtPerNt + 1, largest));
    EXPECT_GT(cap.highest - cap.lowest, 0);
    EXPECT_LE(nt(floor.behind), burst + 3 * largest) << "of a floor of " << floor.rate;
  }
}

// Nothing is kept of those who left.
TEST(SchedulerProperty, NothingLeaksWhenTenantsComeAndGo) {
  FOR_EACH_SEED(3) {
    Dice dice(seed);
    PoolDriver<FairScheduler> pool(PacedPool(100'000, 1'000, 4));
    for (int step = 0; step < 5'000; ++step) {
      const Enqueued enqueued = pool.Enqueue(Ask(static_cast<uint32_t>(dice.Roll(1, 2'000)), dice.Roll(1, 100)));
      if (dice.OneIn(4)) pool.scheduler.Cancel(enqueued.id, pool.now);
      pool.Tick(Milliseconds(1));
      pool.Drain();
      while (!pool.running.empty() && !dice.OneIn(4)) {
        const uint64_t request = pool.running.begin()->first;
        dice.OneIn(2) ? pool.FinishHavingUsed(request, dice.Roll(0, 150)) : pool.Finish(request);
      }
    }
    const auto waiting = static_cast<size_t>(pool.scheduler.StandingOf(ServiceClass::kDefault).waiting);
    EXPECT_LT(pool.scheduler.FlowCount(ServiceClass::kDefault), waiting + 100);
  }
}

}  // namespace
}  // namespace penstock::admission
