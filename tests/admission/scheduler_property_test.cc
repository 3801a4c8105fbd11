// The bounds of the scheduler, under random floods, weights, cancellations and capacity changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <vector>

#include "admission/fair_scheduler.h"
#include "tests/admission/fifo_scheduler.h"
#include "tests/admission/pool_driver.h"
#include "tests/admission/seed.h"

namespace penstock::admission {
namespace {

PoolTerms PacedPool(int64_t nt_per_s, int64_t burst_nt, int64_t slots = 1'000'000) {
  PoolTerms terms = OpenPool();
  terms.capacity = NormalizedTokensPerSecond(nt_per_s);
  terms.burst = NormalizedTokens(burst_nt);
  terms.max_in_flight = slots;
  return terms;
}

#define FOR_EACH_SEED(fixed)                   \
  for (const uint64_t seed : TestSeeds(fixed)) \
    if (SCOPED_TRACE(testing::Message() << "PENSTOCK_SEED=" << seed); true)

/// What two flows got, in milli-nt, and how far apart they are: S1/w1 - S2/w2 in units of 1/(w1 w2).
struct Pair {
  int64_t weight[2] = {1, 1};
  int64_t work[2] = {0, 0};
  int64_t largest[2] = {0, 0};
  int64_t requests = 0;

  void Serve(int which, Work w) {
    work[which] += w.count();
    largest[which] = std::max(largest[which], w.count());
    ++requests;
  }
  Int128 Difference() const { return Int128{work[0]} * weight[1] - Int128{work[1]} * weight[0]; }
  Int128 Bound() const { return Int128{largest[0]} * weight[1] + Int128{largest[1]} * weight[0] + Rounding(); }
  /// Each charge is rounded up by less than one tag unit.
  Int128 Rounding() const { return Int128{requests} * weight[0] * weight[1] / kTagScale + 1; }
};

// 1. Over estimated cost at dispatch, in every interval: |S1/w1 - S2/w2| <= c1max/w1 + c2max/w2.
TEST(SchedulerProperty, TwoBackloggedTenantsShareFairlyInEveryIntervalWhateverOthersDo) {
  FOR_EACH_SEED(20) {
    Dice dice(seed);
    PoolTerms terms = PacedPool(dice.Roll(100, 10'000), dice.Roll(10, 2'000), dice.Roll(1, 20));
    PoolDriver<FairScheduler> pool(terms);
    Pair pair;
    for (int64_t& weight : pair.weight) weight = dice.Roll(1, 20);
    const int64_t sizes[2] = {dice.Roll(1, 500), dice.Roll(1, 500)};
    int backlog[2] = {0, 0};
    std::vector<WaitingId> others;
    Int128 lowest = 0;
    Int128 highest = 0;
    for (int step = 0; step < 3'000; ++step) {
      for (uint32_t t = 0; t < 2; ++t) {
        for (; backlog[t] < 3; ++backlog[t]) {
          pool.Enqueue(Ask(t + 1, dice.Roll(1, sizes[t]), ServiceClass::kDefault, pair.weight[t]));
        }
      }
      const auto c = dice.OneIn(2) ? ServiceClass::kDefault : ServiceClass::kPriority;
      if (dice.OneIn(3)) {
        others.push_back(pool.Enqueue(Ask(static_cast<uint32_t>(dice.Roll(3, 9)), dice.Roll(1, 800), c)).id);
      }
      if (dice.OneIn(20) && !others.empty()) {
        pool.scheduler.Cancel(others[static_cast<size_t>(dice.Roll(0, static_cast<int64_t>(others.size()) - 1))],
                              pool.now);
      }
      if (dice.OneIn(50)) {
        terms.capacity = NormalizedTokensPerSecond(dice.Roll(100, 10'000));
        Of(terms, ServiceClass::kPriority).weight = dice.Roll(1, 10);
        pool.scheduler.SetTerms(terms, pool.now);
      }
      if (const Dispatch dispatch = pool.Next(); dispatch.request != 0) {
        if (const uint32_t tenant = dispatch.charge.tenant.value; tenant <= 2) {
          pair.Serve(static_cast<int>(tenant) - 1, dispatch.charge.work);
          --backlog[tenant - 1];
          lowest = std::min(lowest, pair.Difference());
          highest = std::max(highest, pair.Difference());
          ASSERT_LE(highest - lowest, pair.Bound()) << "step " << step;
        }
      } else if (const Instant wake = pool.scheduler.NextWake(pool.now); wake < pool.now + Minutes(30)) {
        pool.now = wake;
      }
      while (!pool.running.empty() && (pool.scheduler.InFlight() == terms.max_in_flight || dice.OneIn(3))) {
        pool.Finish(pool.running.begin()->first);
      }
    }
    EXPECT_GT(pair.requests, 300);
  }
}

// The same from the moment at which somebody comes back, however long the absence and whatever was left behind.
TEST(SchedulerProperty, WhoComesBackSharesFairlyFromThenOn) {
  FOR_EACH_SEED(10) {
    Dice dice(seed);
    PoolDriver<FairScheduler> pool(OneAtATime());
    const int64_t weights[2] = {dice.Roll(1, 10), dice.Roll(1, 10)};
    int backlog[2] = {0, 0};
    const auto serve = [&] {
      for (; backlog[0] < 3; ++backlog[0]) {
        pool.Enqueue(Ask(1, dice.Roll(1, 300), ServiceClass::kDefault, weights[0]));
      }
      const Dispatch dispatch = pool.Next();
      pool.Finish(dispatch.request);
      --backlog[dispatch.charge.tenant.value - 1];
      return dispatch.charge;
    };
    for (int round = 0; round < 40; ++round) {
      for (int64_t alone = dice.Roll(0, 200); alone > 0; --alone) serve();
      Pair pair{.weight = {weights[0], weights[1]}};
      pair.largest[0] = pair.largest[1] = NormalizedTokens(300).count();
      for (backlog[1] = 0; backlog[1] < 30; ++backlog[1]) {
        pool.Enqueue(Ask(2, dice.Roll(1, 300), ServiceClass::kDefault, weights[1]));
      }
      while (backlog[1] > 0) {
        const Charge served = serve();
        pair.Serve(static_cast<int>(served.tenant.value) - 1, served.work);
        ASSERT_LE(pair.Difference(), pair.Bound()) << "round " << round;
        ASSERT_LE(-pair.Difference(), pair.Bound()) << "round " << round;
      }
    }
  }
}

// 2. Over finished work with D slots: times (D+1), plus what is estimated wrongly and still outstanding.
TEST(SchedulerProperty, FinishedWorkIsSharedFairlyHoweverWrongTheEstimatesAre) {
  FOR_EACH_SEED(10) {
    Dice dice(seed);
    const int64_t slots = dice.Roll(1, 12);
    PoolDriver<FairScheduler> pool(PacedPool(1'000'000, 1'000'000, slots));
    Pair pair;
    for (int64_t& weight : pair.weight) weight = dice.Roll(1, 8);
    int backlog[2] = {0, 0};
    for (int step = 0; step < 4'000; ++step) {
      pool.Tick(Milliseconds(10));
      for (uint32_t t = 0; t < 2; ++t) {
        for (; backlog[t] < 20; ++backlog[t]) {
          pool.Enqueue(Ask(t + 1, dice.Roll(50, 100), ServiceClass::kDefault, pair.weight[t]));
        }
      }
      for (Dispatch dispatch = pool.Next(); dispatch.request != 0; dispatch = pool.Next()) {
        --backlog[dispatch.charge.tenant.value - 1];
      }
      auto ended = pool.running.begin();
      std::advance(ended, dice.Roll(0, static_cast<int64_t>(pool.running.size()) - 1));
      const uint64_t request = ended->first;
      const int which = static_cast<int>(ended->second.tenant.value) - 1;
      // Tenant 1 always uses four times what was thought of it, tenant 2 a fifth: first half way, then the whole truth.
      const int64_t estimate = ended->second.work.count() / kMilliNtPerNt;
      const int64_t truth = which == 0 ? estimate * 4 : estimate / 5;
      pool.TrueUp(request, (estimate + truth) / 2);
      pair.Serve(which, NormalizedTokens(truth));
      pair.largest[which] = std::max(pair.largest[which], NormalizedTokens(estimate).count());
      pool.FinishHavingUsed(request, truth);
      Int128 error = 0;
      for (const auto& [id, charge] : pool.running) {
        error += charge.tenant.value == 1 ? Int128{charge.work.count()} * 3 * pair.weight[1]
                                          : Int128{charge.work.count()} * pair.weight[0];
      }
      const Int128 difference = pair.Difference() < 0 ? -pair.Difference() : pair.Difference();
      ASSERT_LE(difference, pair.Bound() * (slots + 1) + error) << "step " << step;
    }
  }
}

// 3. A tenant at or below its share waits no longer than the start-time fair queueing bound, whatever others do.
TEST(SchedulerProperty, ATenantBelowItsShareIsDelayedByOneRequestOfEachOtherAtMost) {
  FOR_EACH_SEED(15) {
    Dice dice(seed);
    const int64_t capacity = 1'000;
    const int64_t largest = 200;
    const int64_t others = dice.Roll(1, 6);
    PoolDriver<FairScheduler> pool(PacedPool(capacity, largest));
    const int64_t share_rate = capacity / (others + 1);
    const Duration bound = Nanoseconds((others + 2) * largest * Seconds(1).count() / capacity);
    std::map<uint64_t, Instant> latest_start;
    Instant expected = pool.now;
    Instant next_polite = pool.now;
    int polite = 0;
    while (polite < 200) {
      // The others flood, pause, and come back, all at once or one by one.
      if (dice.OneIn(4)) {
        pool.EnqueueMany(static_cast<int>(dice.Roll(1, 20)),
                         Ask(static_cast<uint32_t>(dice.Roll(2, others + 1)), dice.Roll(1, largest)));
      }
      if (pool.now >= next_polite) {
        const int64_t nt = dice.Roll(1, largest);
        pool.Enqueue(Ask(1, nt));
        expected = std::max(expected, pool.now);
        latest_start[pool.last_request] = expected + bound;
        expected = expected + Nanoseconds(nt * Seconds(1).count() / share_rate);
        next_polite = pool.now + Milliseconds(dice.Roll(0, 2'000 * (others + 1) * nt / capacity));
        ++polite;
      }
      for (const uint64_t request : pool.Drain()) {
        pool.Finish(request);
        if (latest_start.contains(request)) {
          ASSERT_LE(pool.now, latest_start[request]) << "request " << request;
        }
      }
      pool.now = std::min({pool.scheduler.NextWake(pool.now), next_polite, pool.now + Milliseconds(dice.Roll(1, 500))});
    }
  }
}

// 4. The rarest class moves: weight 1 against a flood of weight 100 gets one in 101, never nothing.
TEST(SchedulerProperty, NobodyStarves) {
  PoolTerms terms = OneAtATime();
  Of(terms, ServiceClass::kPriority).weight = 100;
  PoolDriver<FairScheduler> pool(terms);
  pool.EnqueueMany(3'000, Ask(1, 10, ServiceClass::kPriority));
  pool.EnqueueMany(10, Ask(2, 10, ServiceClass::kFree));
  EXPECT_GE(pool.Serve(1'010)[2], 10);
}

/// What a flood does to tenants inside their contracts, in a pool that pace binds.
struct ReservedFlood {
  Duration longest_wait;
  Duration reclaim_bound;
  int in_profile = 0;
};

template <class S>
ReservedFlood RunReservedFlood(uint64_t seed) {
  Dice dice(seed);
  const int64_t capacity = 10'000;
  const int64_t largest = dice.Roll(100, 1'000);
  const int64_t pace_burst = dice.Roll(100, 1'000);
  PoolDriver<S> pool(PacedPool(capacity, pace_burst));
  struct Reserved {
    ContractId contract;
    LeakyLevel profile;
    Instant next;
  };
  std::vector<Reserved> reserved;
  int64_t bursts = 0;
  for (uint32_t tenant = 1; tenant <= 3; ++tenant) {
    const ContractTerms terms = Guarantee(tenant, capacity * 3 / 10, dice.Roll(100, 2'000));
    bursts += terms.rate.burst / kMilliNtPerNt;
    reserved.push_back({pool.scheduler.AddContract(terms, pool.now), LeakyLevel(terms.rate), pool.now});
  }
  const int64_t borrowed = std::max(pace_burst, largest);
  ReservedFlood flood{.longest_wait = Duration::Zero(),
                      .reclaim_bound = Nanoseconds((bursts + borrowed + largest) * Seconds(1).count() / capacity),
                      .in_profile = 0};
  std::map<uint64_t, Instant> came;
  const Instant end = pool.now + Seconds(60);
  while (pool.now < end) {
    while (pool.scheduler.StandingOf(ServiceClass::kFree).waiting < 200) {
      pool.Enqueue(Ask(9, dice.Roll(1, largest), ServiceClass::kFree));
    }
    for (size_t i = 0; i < reserved.size(); ++i) {
      const int64_t nt = dice.Roll(1, std::min(largest, reserved[i].profile.terms().burst / kMilliNtPerNt));
      if (pool.now < reserved[i].next || reserved[i].profile.WaitFor(nt * kMilliNtPerNt, pool.now) > Duration::Zero())
        continue;
      reserved[i].profile.Take(nt * kMilliNtPerNt, pool.now);
      pool.Enqueue(AskReserved(static_cast<uint32_t>(i + 1), reserved[i].contract, nt));
      came[pool.last_request] = pool.now;
      reserved[i].next = pool.now + (dice.OneIn(10) ? Milliseconds(dice.Roll(0, 3'000)) : Duration::Zero());
      ++flood.in_profile;
    }
    for (const uint64_t request : pool.Drain()) {
      if (came.contains(request)) flood.longest_wait = std::max(flood.longest_wait, pool.now - came[request]);
      came.erase(request);
      pool.Finish(request);
    }
    for (const auto& [request, since] : came) flood.longest_wait = std::max(flood.longest_wait, pool.now - since);
    pool.now = std::min(pool.scheduler.NextWake(pool.now), pool.now + Milliseconds(dice.Roll(1, 20)));
  }
  return flood;
}

// 5. Reclaim: an in-profile request waits at most
//    (sum of reserved bursts + what borrowers have in flight + largest request) / capacity.
TEST(SchedulerProperty, WhoIsInsideItsContractIsServedWithinTheReclaimBoundOfAFlood) {
  FOR_EACH_SEED(10) {
    const ReservedFlood flood = RunReservedFlood<FairScheduler>(seed);
    EXPECT_GT(flood.in_profile, 500);
    EXPECT_LE(flood.longest_wait, flood.reclaim_bound);
  }
}

// The same flood in one plain line: the bound is broken, so the test above can fail.
TEST(SchedulerProperty, InOnePlainLineTheSameFloodBreaksTheReclaimBound) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const ReservedFlood flood = RunReservedFlood<FifoScheduler>(seed);
    EXPECT_GT(flood.longest_wait, flood.reclaim_bound * 3);
  }
}

// 6. A backlogged contract gets at least R t - (burst + largest + R x reclaim bound) in every interval.
TEST(SchedulerProperty, ABackloggedContractGetsItsRateInEveryInterval) {
  FOR_EACH_SEED(10) {
    Dice dice(seed);
    const int64_t capacity = 10'000;
    const int64_t largest = dice.Roll(50, 500);
    const int64_t pace_burst = dice.Roll(50, 1'000);
    PoolDriver<FairScheduler> pool(PacedPool(capacity, pace_burst));
    struct Backlogged {
      ContractId contract;
      int64_t rate;
      int64_t burst;
      int waiting = 0;
      int64_t served = 0;       // milli-nt
      Int128 best_surplus = 0;  // the highest of served - R t so far, in milli-nt x ns
    };
    std::vector<Backlogged> contracts;
    int64_t bursts = 0;
    for (uint32_t tenant = 1; tenant <= 3; ++tenant) {
      const int64_t rate = dice.Roll(500, 3'000);
      const int64_t burst = dice.Roll(50, 1'000);
      const ContractTerms terms = Guarantee(tenant, rate, burst, Overrun::kWait);
      contracts.push_back({.contract = pool.scheduler.AddContract(terms, pool.now), .rate = rate, .burst = burst});
      bursts += std::max(burst, largest);  // a request larger than the burst passes too, on a full bucket
    }
    const int64_t reclaim_ns = (bursts + std::max(pace_burst, largest) + largest) * Seconds(1).count() / capacity;
    const Instant start = pool.now;
    while (pool.now < start + Seconds(60)) {
      while (pool.scheduler.StandingOf(ServiceClass::kFree).waiting < 50) {
        pool.Enqueue(Ask(9, dice.Roll(1, largest), ServiceClass::kFree));
      }
      for (size_t i = 0; i < contracts.size(); ++i) {
        for (; contracts[i].waiting < 10; ++contracts[i].waiting) {
          pool.Enqueue(AskReserved(static_cast<uint32_t>(i + 1), contracts[i].contract, dice.Roll(1, largest)));
        }
      }
      for (Dispatch dispatch = pool.Next(); dispatch.request != 0; dispatch = pool.Next()) {
        pool.Finish(dispatch.request);
        if (dispatch.charge.tenant.value == 9) continue;
        Backlogged& served = contracts[dispatch.charge.tenant.value - 1];
        served.served += dispatch.charge.work.count();
        --served.waiting;
        if (served.waiting == 0) break;
      }
      for (Backlogged& each : contracts) {
        const Int128 surplus =
            Int128{each.served} * Seconds(1).count() - Int128{each.rate} * kMilliNtPerNt * (pool.now - start).count();
        each.best_surplus = std::max(each.best_surplus, surplus);
        const Int128 allowed = Int128{each.burst + largest} * kMilliNtPerNt * Seconds(1).count() +
                               Int128{each.rate} * kMilliNtPerNt * reclaim_ns;
        ASSERT_LE(each.best_surplus - surplus, allowed) << "contract " << each.contract;
      }
      const Instant wake = pool.scheduler.NextWake(pool.now);
      if (wake < pool.now + Minutes(1)) pool.now = std::min(wake, pool.now + Milliseconds(50));
    }
    for (const Backlogged& each : contracts) EXPECT_GT(each.served, each.rate * kMilliNtPerNt * 50);
  }
}

// 7. The pace invariant and work conservation through a random life, with a plain model of the pool beside it.
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
    for (const uint64_t request : pool_.Expired()) waiting_.erase(request);
  }

  void Offer() {
    const auto tenant = static_cast<uint32_t>(dice_.Roll(1, kReservedTenant));
    const int64_t nt = dice_.Roll(0, 800);
    const auto c = static_cast<ServiceClass>(dice_.Roll(0, 4));
    const bool reserved = tenant == kReservedTenant;
    pool_.Enqueue(reserved ? AskReserved(tenant, contract_, nt) : Ask(tenant, nt, c, dice_.Roll(1, 5)));
    waiting_[pool_.last_request] = {reserved ? ServiceClass::kSpillover : c, NormalizedTokens(nt)};
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

// 8. Nothing is kept of those who left.
TEST(SchedulerProperty, NothingLeaksWhenTenantsComeAndGo) {
  FOR_EACH_SEED(3) {
    Dice dice(seed);
    PoolDriver<FairScheduler> pool(PacedPool(100'000, 1'000, 4));
    for (int step = 0; step < 5'000; ++step) {
      const Enqueued enqueued = pool.Enqueue(Ask(static_cast<uint32_t>(dice.Roll(1, 1'000'000)), dice.Roll(1, 100)));
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
