// The bounds of DESIGN section 3 as functions of a scheduler and a seed. Each returns what is wrong, or "": so the same
// check can be asserted to hold for FairScheduler and to fail for a broken one (broken_schedulers.h).
#pragma once

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "admission/share_law.h"
#include "tests/admission/pool_driver.h"
#include "tests/admission/seed.h"

namespace penstock::admission {

inline PoolTerms PacedPool(int64_t nt_per_s, int64_t burst_nt, int64_t slots = 1'000'000) {
  PoolTerms terms = OpenPool();
  terms.capacity = NormalizedTokensPerSecond(nt_per_s);
  terms.burst = NormalizedTokens(burst_nt);
  terms.max_in_flight = slots;
  return terms;
}

/// What two flows got, in milli-nt, and how far apart they are: S1/w1 - S2/w2 in units of 1/(w1 w2).
struct Pair {
  std::array<int64_t, 2> weight = {1, 1};
  std::array<int64_t, 2> work = {0, 0};
  std::array<int64_t, 2> largest = {0, 0};
  int64_t requests = 0;

  void Serve(size_t which, Work w) {
    work[which] += w.count();
    largest[which] = std::max(largest[which], w.count());
    ++requests;
  }
  Int128 Difference() const { return Int128{work[0]} * weight[1] - Int128{work[1]} * weight[0]; }
  Int128 Bound() const { return Int128{largest[0]} * weight[1] + Int128{largest[1]} * weight[0] + Rounding(); }
  /// Each charge is rounded up by less than one tag unit.
  Int128 Rounding() const { return Int128{requests} * weight[0] * weight[1] / kTagScale + 1; }
};

enum class Level { kClasses, kTenants, kKeys };

/// The offer of the first or second of two flows that are siblings at a level.
inline Offer OfSibling(Level level, size_t which, int64_t nt, const Pair& pair) {
  const auto number = static_cast<uint32_t>(which);
  switch (level) {
    case Level::kClasses:
      return Ask(1 + number, nt, which == 0 ? ServiceClass::kFlex : ServiceClass::kDefault);
    case Level::kTenants:
      return Ask(1 + number, nt, ServiceClass::kDefault, pair.weight[which]);
    case Level::kKeys:
      return Under(1 + number, Ask(1, nt), static_cast<int32_t>(pair.weight[which]));
  }
  std::abort();
}

inline size_t SiblingOf(Level level, const Charge& charge) {
  if (level == Level::kClasses) return charge.served == ServiceClass::kFlex ? 0 : 1;
  return (level == Level::kTenants ? charge.tenant.value : charge.key.value) - 1;
}

/// 1. Over estimated cost at dispatch, in every interval: |S1/w1 - S2/w2| <= c1max/w1 + c2max/w2, whatever others do.
template <class S>
std::string FairAtDispatch(Level level, uint64_t seed) {
  Dice dice(seed);
  Pair pair;
  for (int64_t& weight : pair.weight) weight = dice.Roll(1, 20);
  PoolTerms terms = PacedPool(dice.Roll(100, 10'000), dice.Roll(10, 2'000), dice.Roll(1, 20));
  const auto set_class_weights = [&] {
    if (level != Level::kClasses) return;
    Of(terms, ServiceClass::kFlex).weight = pair.weight[0];
    Of(terms, ServiceClass::kDefault).weight = pair.weight[1];
  };
  set_class_weights();
  PoolDriver<S> pool(terms);
  const int64_t sizes[2] = {dice.Roll(1, 500), dice.Roll(1, 500)};
  std::array<int, 2> backlog = {0, 0};
  std::map<uint64_t, size_t> sibling;  // by request
  std::vector<WaitingId> others;
  Int128 lowest = 0;
  Int128 highest = 0;
  for (int step = 0; step < 2'000; ++step) {
    for (size_t which = 0; which < 2; ++which) {
      for (; backlog[which] < 3; ++backlog[which]) {
        pool.Enqueue(OfSibling(level, which, dice.Roll(1, sizes[which]), pair));
        sibling[pool.last_request] = which;
      }
    }
    if (dice.OneIn(3)) {  // in a class where they are siblings of neither, or (tenants) in the same
      const auto c = level == Level::kTenants && dice.OneIn(2) ? ServiceClass::kDefault : ServiceClass::kPriority;
      others.push_back(pool.Enqueue(Ask(static_cast<uint32_t>(dice.Roll(3, 9)), dice.Roll(1, 800), c)).id);
    }
    if (dice.OneIn(20) && !others.empty()) {
      const auto victim = static_cast<size_t>(dice.Roll(0, static_cast<int64_t>(others.size()) - 1));
      pool.scheduler.Cancel(others[victim], pool.now);
    }
    if (dice.OneIn(50)) {
      terms.capacity = NormalizedTokensPerSecond(dice.Roll(100, 10'000));
      Of(terms, ServiceClass::kPriority).weight = dice.Roll(1, 10);
      pool.scheduler.SetTerms(terms, pool.now);
    }
    if (const Dispatch dispatch = pool.Next(); dispatch.request != 0) {
      if (const auto found = sibling.find(dispatch.request); found != sibling.end()) {
        pair.Serve(found->second, dispatch.charge.work);
        --backlog[found->second];
        lowest = std::min(lowest, pair.Difference());
        highest = std::max(highest, pair.Difference());
        if (highest - lowest > pair.Bound()) return "unfair at dispatch, step " + std::to_string(step);
      }
    } else if (const Instant wake = pool.scheduler.NextWake(pool.now); wake < pool.now + Minutes(30)) {
      pool.now = wake;
    }
    while (!pool.running.empty() && (pool.scheduler.InFlight() == terms.max_in_flight || dice.OneIn(3))) {
      pool.Finish(pool.running.begin()->first);
    }
  }
  return pair.requests > 200 ? "" : "hardly anything ran";
}

/// The same from the moment at which somebody comes back, however long the absence and whatever was left behind.
template <class S>
std::string FairAfterAbsence(uint64_t seed) {
  Dice dice(seed);
  PoolDriver<S> pool(OneAtATime());
  const std::array<int64_t, 2> weights = {dice.Roll(1, 10), dice.Roll(1, 10)};
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
    Pair pair{.weight = weights};
    pair.largest[0] = pair.largest[1] = NormalizedTokens(300).count();
    for (backlog[1] = 0; backlog[1] < 30; ++backlog[1]) {
      pool.Enqueue(Ask(2, dice.Roll(1, 300), ServiceClass::kDefault, weights[1]));
    }
    while (backlog[1] > 0) {
      const Charge served = serve();
      pair.Serve(served.tenant.value - 1, served.work);
      const Int128 difference = pair.Difference();
      if (difference > pair.Bound() || -difference > pair.Bound()) {
        return "unfair after an absence, round " + std::to_string(round);
      }
    }
  }
  return "";
}

/// 2. Over finished work with D slots: times (D+1), plus what is estimated wrongly and still outstanding.
template <class S>
std::string FairAtFinish(Level level, uint64_t seed) {
  Dice dice(seed);
  const int64_t slots = dice.Roll(1, 8);
  Pair pair;
  for (int64_t& weight : pair.weight) weight = dice.Roll(1, 8);
  PoolTerms terms = PacedPool(1'000'000, 1'000'000, slots);
  if (level == Level::kClasses) {
    Of(terms, ServiceClass::kFlex).weight = pair.weight[0];
    Of(terms, ServiceClass::kDefault).weight = pair.weight[1];
  }
  PoolDriver<S> pool(terms);
  std::array<int, 2> backlog = {0, 0};
  std::map<uint64_t, std::pair<size_t, int64_t>> asked;  // flow and estimate, by request
  const auto truth_of = [](size_t which, int64_t estimate) { return which == 0 ? estimate * 4 : estimate / 5; };
  for (int step = 0; step < 3'000; ++step) {
    pool.Tick(Milliseconds(10));
    for (size_t which = 0; which < 2; ++which) {
      for (; backlog[which] < 20; ++backlog[which]) {
        const int64_t nt = dice.Roll(50, 100);
        pool.Enqueue(OfSibling(level, which, nt, pair));
        asked[pool.last_request] = {which, nt};
      }
    }
    for (const uint64_t request : pool.Drain()) --backlog[asked.at(request).first];
    auto ended = pool.running.begin();
    std::advance(ended, dice.Roll(0, static_cast<int64_t>(pool.running.size()) - 1));
    const uint64_t request = ended->first;
    const auto [which, estimate] = asked.at(request);
    // The first always uses four times what was thought of it, the second a fifth: half way first, then the whole
    // truth.
    const int64_t truth = truth_of(which, estimate);
    pool.TrueUp(request, (estimate + truth) / 2);
    pair.Serve(which, NormalizedTokens(truth));
    pair.largest[which] = std::max(pair.largest[which], NormalizedTokens(estimate).count());
    pool.FinishHavingUsed(request, truth);
    Int128 error = 0;
    for (const auto& [id, charge] : pool.running) {
      const auto& [of, guess] = asked.at(id);
      error += Int128{std::abs(truth_of(of, guess) - guess) * kMilliNtPerNt} * pair.weight[1 - of];
    }
    const Int128 difference = pair.Difference() < 0 ? -pair.Difference() : pair.Difference();
    if (difference > pair.Bound() * (slots + 1) + error) return "unfair at finish, step " + std::to_string(step);
  }
  return "";
}

/// 3. A tenant at or below its share waits no longer than the start-time fair queueing bound, whatever others do.
template <class S>
std::string DelayBound(uint64_t seed) {
  Dice dice(seed);
  const int64_t capacity = 1'000;
  const int64_t largest = 200;
  const int64_t others = dice.Roll(1, 6);
  PoolDriver<S> pool(PacedPool(capacity, largest));
  const int64_t share_rate = capacity / (others + 1);
  const Duration bound = Nanoseconds((others + 2) * largest * Seconds(1).count() / capacity);
  std::map<uint64_t, Instant> latest_start;
  Instant expected = pool.now;
  Instant next_polite = pool.now;
  const Instant end = pool.now + Minutes(10);
  for (int polite = 0; polite < 150 && pool.now < end;) {
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
      const auto found = latest_start.find(request);
      if (found == latest_start.end()) continue;
      if (pool.now > found->second) return "request " + std::to_string(request) + " came late";
      latest_start.erase(found);
    }
    for (const auto& [request, latest] : latest_start) {
      if (pool.now > latest) return "request " + std::to_string(request) + " is late";
    }
    pool.now = std::min({pool.scheduler.NextWake(pool.now), next_polite, pool.now + Milliseconds(dice.Roll(1, 500))});
  }
  return "";
}

/// 4. The rarest class moves: weight 1 against a flood of weight 100 gets one in 101, never nothing.
template <class S>
std::string NobodyStarves(uint64_t) {
  PoolTerms terms = OneAtATime();
  Of(terms, ServiceClass::kPriority).weight = 100;
  PoolDriver<S> pool(terms);
  pool.EnqueueMany(1'500, Ask(1, 10, ServiceClass::kPriority));
  pool.EnqueueMany(10, Ask(2, 10, ServiceClass::kFree));
  return pool.Serve(1'010)[2] >= 10 ? "" : "free starves";
}

/// How long an in-profile request of a contract may wait in a pool that pace binds: the reclaim bound
///    (sum of reserved bursts + what borrowers have in flight + largest request) / capacity,
/// or, if its own burst takes longer to earn than that, until its deadline and what was under way then:
///    burst / rate + (what borrowers have in flight + largest request) / capacity.
/// (By earliest eligible deadline, a contract that bought a large burst with a small rate has no claim to all of it at
/// once while the others are inside their rates; the first alone is the bound of the order by eligible instant.)
inline Duration ReclaimBoundOf(int64_t bursts, int64_t borrowed, int64_t largest, int64_t capacity, int64_t burst,
                               int64_t rate) {
  const int64_t second = Seconds(1).count();
  const int64_t under_way = (borrowed + largest) * second / capacity;
  return Nanoseconds(std::max(bursts * second / capacity, std::max(burst, largest) * second / rate) + under_way);
}

/// 5. Reclaim: an in-profile request waits no longer than that, whatever borrowers do.
template <class S>
std::string ReclaimBound(uint64_t seed) {
  Dice dice(seed);
  const int64_t capacity = 10'000;
  const int64_t largest = dice.Roll(100, 1'000);
  const int64_t pace_burst = dice.Roll(100, 1'000);
  PoolDriver<S> pool(PacedPool(capacity, pace_burst));
  struct Reserved {
    LeakyLevel profile;
    Instant next;
  };
  std::vector<Reserved> reserved;
  int64_t bursts = 0;
  for (uint32_t tenant = 1; tenant <= 3; ++tenant) {
    const ContractTerms terms = Guarantee(tenant, capacity * 3 / 10, dice.Roll(100, 2'000));
    bursts += terms.rate.burst / kMilliNtPerNt;
    pool.scheduler.AddContract(terms, pool.now);
    reserved.push_back({LeakyLevel(terms.rate), pool.now});
  }
  const int64_t borrowed = std::max(pace_burst, largest);
  std::map<uint64_t, Instant> latest;
  const Instant end = pool.now + Seconds(30);
  int in_profile = 0;
  while (pool.now < end) {
    for (const ServiceClass c : {ServiceClass::kFree, ServiceClass::kSpillover}) {
      while (pool.scheduler.StandingOf(c).waiting < 100) pool.Enqueue(Ask(9, dice.Roll(1, largest), c));
    }
    for (size_t i = 0; i < reserved.size(); ++i) {
      const int64_t nt = dice.Roll(1, std::min(largest, reserved[i].profile.terms().burst / kMilliNtPerNt));
      if (pool.now < reserved[i].next) continue;
      if (reserved[i].profile.WaitFor(nt * kMilliNtPerNt, pool.now) > Duration::Zero()) continue;
      reserved[i].profile.Take(nt * kMilliNtPerNt, pool.now);
      pool.Enqueue(AskReserved(static_cast<uint32_t>(i + 1), nt));
      const int64_t burst = reserved[i].profile.terms().burst / kMilliNtPerNt;
      latest[pool.last_request] =
          pool.now + ReclaimBoundOf(bursts, borrowed, largest, capacity, burst, capacity * 3 / 10);
      reserved[i].next = pool.now + (dice.OneIn(10) ? Milliseconds(dice.Roll(0, 3'000)) : Duration::Zero());
      ++in_profile;
    }
    for (const uint64_t request : pool.Drain()) {
      latest.erase(request);
      pool.Finish(request);
    }
    for (const auto& [request, until] : latest) {
      if (pool.now > until) return "request " + std::to_string(request) + " waits beyond the reclaim bound";
    }
    pool.now = std::min(pool.scheduler.NextWake(pool.now), pool.now + Milliseconds(dice.Roll(1, 20)));
  }
  return in_profile > 200 ? "" : "hardly anything ran";
}

/// 6. A backlogged contract gets at least R t - (burst + largest + R x that bound) in every interval; what it uses
/// is
///    less than what was thought, so that the estimates have to be given back. Rates change live.
template <class S>
std::string ContractRate(uint64_t seed) {
  Dice dice(seed);
  const int64_t capacity = 10'000;
  const int64_t largest = dice.Roll(50, 500);
  const int64_t pace_burst = dice.Roll(50, 1'000);
  PoolDriver<S> pool(PacedPool(capacity, pace_burst));
  struct Backlogged {
    ContractId contract = 0;
    int64_t rate = 0;
    int64_t burst = 0;
    int waiting = 0;
    int64_t used = 0;         // milli-nt
    Int128 best_surplus = 0;  // the highest of used - R t so far, in milli-nt x ns
    Instant since;            // R holds
  };
  std::array<Backlogged, 3> contracts;
  const auto terms_of = [&](uint32_t tenant) {
    Backlogged& each = contracts[tenant - 1];
    each.rate = dice.Roll(500, 3'000);
    const int64_t burst = dice.Roll(50, 1'000);
    each.burst = std::max(each.burst, burst);  // what was used of the terms before stays used
    return Guarantee(tenant, each.rate, burst, Overrun::kWait);
  };
  for (uint32_t tenant = 1; tenant <= 3; ++tenant) {
    const ContractTerms terms = terms_of(tenant);
    contracts[tenant - 1].contract = pool.scheduler.AddContract(terms, pool.now);
    contracts[tenant - 1].since = pool.now;
  }
  // The largest bursts there may be; a request larger than the burst passes too, on a full bucket.
  const Instant end = pool.now + Seconds(40);
  Instant next_change = pool.now + Seconds(10);
  while (pool.now < end) {
    while (pool.scheduler.StandingOf(ServiceClass::kFree).waiting < 50) {
      pool.Enqueue(Ask(9, dice.Roll(1, largest), ServiceClass::kFree));
    }
    for (size_t i = 0; i < contracts.size(); ++i) {
      for (; contracts[i].waiting < 10; ++contracts[i].waiting) {
        pool.Enqueue(AskReserved(static_cast<uint32_t>(i + 1), dice.Roll(1, largest)));
      }
    }
    for (Dispatch dispatch = pool.Next(); dispatch.request != 0; dispatch = pool.Next()) {
      const int64_t estimate = dispatch.charge.work.count() / kMilliNtPerNt;
      const int64_t truth = std::max<int64_t>(estimate / 2, 1);
      pool.FinishHavingUsed(dispatch.request, truth);
      if (dispatch.charge.tenant.value == 9) continue;
      Backlogged& served = contracts[dispatch.charge.tenant.value - 1];
      served.used += truth * kMilliNtPerNt;
      if (--served.waiting == 0) break;
    }
    for (Backlogged& each : contracts) {
      const Int128 surplus =
          Int128{each.used} * Seconds(1).count() - Int128{each.rate} * kMilliNtPerNt * (pool.now - each.since).count();
      each.best_surplus = std::max(each.best_surplus, surplus);
      const Int128 allowed =
          Int128{each.burst + largest} * kMilliNtPerNt * Seconds(1).count() +
          Int128{each.rate} * kMilliNtPerNt *
              ReclaimBoundOf(3 * 1'000, std::max(pace_burst, largest), largest, capacity, each.burst, each.rate)
                  .count();
      if (each.best_surplus - surplus > allowed) return "contract " + std::to_string(each.contract) + " is starved";
    }
    if (pool.now >= next_change) {
      const auto tenant = static_cast<uint32_t>(dice.Roll(1, 3));
      Backlogged& changed = contracts[tenant - 1];
      pool.scheduler.SetContract(changed.contract, terms_of(tenant), pool.now);
      changed.since = pool.now;
      changed.used = 0;
      changed.best_surplus = 0;
      next_change = pool.now + Seconds(10);
    }
    const Instant wake = pool.scheduler.NextWake(pool.now);
    if (wake < pool.now + Minutes(1)) pool.now = std::min(wake, pool.now + Milliseconds(50));
  }
  return "";
}

/// 7. The hierarchy of classes, tenants and keys beside a fluid one (generalised processor sharing): no leaf is ever
///    behind its fluid by more than the largest request of every leaf, once a level.
template <class S>
std::string CloseToFluid(uint64_t seed) {
  Dice dice(seed);
  constexpr size_t kClasses = 2, kKeys = 2, kLeaves = 8;  // two tenants a class, two keys a tenant
  const int64_t largest = 100;
  const double capacity = 1'000;  // nt/s
  PoolTerms terms = PacedPool(1'000, largest);
  std::array<double, kClasses> class_weight{};
  std::array<double, 4> tenant_weight{};
  std::array<double, kLeaves> key_weight{};
  for (double& weight : class_weight) weight = static_cast<double>(dice.Roll(1, 5));
  for (double& weight : tenant_weight) weight = static_cast<double>(dice.Roll(1, 5));
  for (double& weight : key_weight) weight = static_cast<double>(dice.Roll(1, 5));
  Of(terms, ServiceClass::kFlex).weight = static_cast<int64_t>(class_weight[0]);
  Of(terms, ServiceClass::kDefault).weight = static_cast<int64_t>(class_weight[1]);
  PoolDriver<S> pool(terms);
  std::array<double, kLeaves> fluid{};  // nt in line in the fluid
  std::array<double, kLeaves> real{};   // nt in line in the pool
  std::map<uint64_t, std::pair<size_t, int64_t>> asked;
  const auto drain_fluid = [&](double nt) {  // in small steps; shares by weight among those who have something
    while (nt > 0) {
      const double step = std::min(nt, 1.0);
      nt -= step;
      double of_classes = 0;
      std::array<double, kClasses> of_tenants{};
      std::array<double, 4> of_keys{};
      for (size_t leaf = 0; leaf < kLeaves; ++leaf) {
        if (fluid[leaf] <= 0) continue;
        if (of_keys[leaf / kKeys] == 0) {
          if (of_tenants[leaf / 4] == 0) of_classes += class_weight[leaf / 4];
          of_tenants[leaf / 4] += tenant_weight[leaf / kKeys];
        }
        of_keys[leaf / kKeys] += key_weight[leaf];
      }
      if (of_classes == 0) return;
      for (size_t leaf = 0; leaf < kLeaves; ++leaf) {
        if (fluid[leaf] <= 0) continue;
        const double share = class_weight[leaf / 4] / of_classes * tenant_weight[leaf / kKeys] / of_tenants[leaf / 4] *
                             key_weight[leaf] / of_keys[leaf / kKeys];
        fluid[leaf] = std::max(0.0, fluid[leaf] - step * share);
      }
    }
  };
  for (int step = 0; step < 3'000; ++step) {
    pool.Tick(Milliseconds(20));
    drain_fluid(capacity * 0.02);
    if (dice.OneIn(2)) {
      const auto leaf = static_cast<size_t>(dice.Roll(0, dice.OneIn(50) ? 3 : 7));
      for (int64_t n = dice.Roll(1, dice.OneIn(20) ? 30 : 2); n > 0; --n) {
        const int64_t nt = dice.Roll(1, largest);
        const auto tenant = static_cast<uint32_t>(leaf / kKeys + 1);
        const ServiceClass c = leaf < 4 ? ServiceClass::kFlex : ServiceClass::kDefault;
        pool.Enqueue(Under(static_cast<uint32_t>(leaf + 1),
                           Ask(tenant, nt, c, static_cast<int64_t>(tenant_weight[leaf / kKeys])),
                           static_cast<int32_t>(key_weight[leaf])));
        asked[pool.last_request] = {leaf, nt};
        fluid[leaf] += static_cast<double>(nt);
        real[leaf] += static_cast<double>(nt);
      }
    }
    for (const uint64_t request : pool.Drain()) {
      real[asked.at(request).first] -= static_cast<double>(asked.at(request).second);
      pool.Finish(request);
    }
    for (size_t leaf = 0; leaf < kLeaves; ++leaf) {
      if (real[leaf] - fluid[leaf] > 3.0 * 8 * 100) return "leaf " + std::to_string(leaf) + " falls behind";
    }
  }
  return "";
}

}  // namespace penstock::admission
