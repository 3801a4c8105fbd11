// FairScheduler beside oracles that look at everything: who departs by deadline, and who goes on which contract.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "admission/fair_scheduler.h"
#include "tests/admission/pool_driver.h"
#include "tests/admission/seed.h"

namespace penstock::admission {
namespace {

TEST(Oracle, DeadlinesLeaveInTheOrderOfASortedList) {
  for (const uint64_t seed : TestSeeds(10)) {
    SCOPED_TRACE(testing::Message() << "PENSTOCK_SEED=" << seed);
    Dice dice(seed);
    PoolTerms terms = OneAtATime();
    terms.kv_tokens = 1;
    PoolDriver<FairScheduler> pool(terms);
    pool.Enqueue(WithKv(1, Ask(1, 1)));
    pool.Drain();  // which never ends: all others wait for KV
    std::set<std::pair<Instant, uint64_t>> sorted;
    std::map<uint64_t, std::pair<WaitingId, Instant>> waiting;
    for (int step = 0; step < 3'000; ++step) {
      Offer offer =
          WithKv(1, Ask(static_cast<uint32_t>(dice.Roll(1, 30)), 10, static_cast<ServiceClass>(dice.Roll(0, 4))));
      offer.deadline = pool.now + Nanoseconds(dice.Roll(1, 500'000));
      const WaitingId id = pool.Enqueue(offer).id;
      sorted.emplace(offer.deadline, pool.last_request);
      waiting[pool.last_request] = {id, offer.deadline};
      if (dice.OneIn(4)) {
        auto victim = waiting.begin();
        std::advance(victim, dice.Roll(0, static_cast<int64_t>(waiting.size()) - 1));
        ASSERT_TRUE(pool.scheduler.Cancel(victim->second.first, pool.now));
        sorted.erase({victim->second.second, victim->first});
        waiting.erase(victim);
      }
      ASSERT_EQ(pool.scheduler.NextWake(pool.now), sorted.empty() ? Instant::Max() : sorted.begin()->first);
      pool.Tick(Nanoseconds(dice.Roll(0, 3'000)));
      Instant last;
      for (const uint64_t request : pool.Departed()) {
        ASSERT_LE(waiting.at(request).second, pool.now);
        ASSERT_GE(waiting.at(request).second, last) << "out of order";
        last = waiting.at(request).second;
        sorted.erase({last, request});
        waiting.erase(request);
      }
      ASSERT_TRUE(sorted.empty() || sorted.begin()->first > pool.now) << "left behind";
    }
  }
}

/// The rules of contracts.h over plain lists, asked about everybody each time.
class ContractOracle {
 public:
  void Set(ContractId id, const ContractTerms& terms, Instant now) {
    Contract& contract = contracts_.try_emplace(id, Contract{terms.tenant, LeakyLevel(terms.rate)}).first->second;
    contract.level.SetTerms(terms.rate, now);
  }
  void Remove(ContractId id) { contracts_.erase(id); }
  void Append(TenantId tenant, uint64_t request, int64_t amount, Instant now) {
    lines_[tenant].push_back({request, amount, now});
    DrainToHead(tenant);
  }
  bool Serves(TenantId tenant) const {
    for (const auto& [id, contract] : contracts_) {
      if (contract.tenant == tenant) return true;
    }
    return false;
  }
  void Clear(TenantId tenant) { lines_.erase(tenant); }
  void Cancel(TenantId tenant, uint64_t request) {
    auto& line = lines_[tenant];
    std::erase_if(line, [&](const InLine& each) { return each.request == request; });
    DrainToHead(tenant);
  }
  void TrueUp(ContractId id, int64_t change, Instant now) {
    const auto found = contracts_.find(id);
    if (found == contracts_.end()) return;
    LeakyLevel& level = found->second.level;
    level.Adjust(change, lines_[found->second.tenant].empty() ? now : level.at());
  }

  struct Next {
    uint64_t request = 0;
    ContractId contract = 0;
    Instant eligible_at;
    Instant deadline;
  };
  /// Who goes now; taken out of line and charged.
  std::optional<Next> Pop(Instant now) {
    std::optional<Next> best;
    for (const auto& [tenant, line] : lines_) {
      if (line.empty()) continue;
      std::optional<Next> own;
      for (const auto& [id, contract] : contracts_) {
        if (contract.tenant != tenant) continue;
        LeakyLevel level = contract.level;
        const Instant from = std::max(line.front().since, level.at());
        const Instant at = from + level.WaitFor(line.front().amount, from);
        if (own && own->eligible_at <= at) continue;
        level.Take(line.front().amount, at);
        own = Next{line.front().request, id, at, at + level.TimeToEmpty(at)};
      }
      if (!own || own->eligible_at > now) continue;
      if (!best || std::pair(own->deadline, own->contract) < std::pair(best->deadline, best->contract)) best = own;
    }
    if (!best) return best;
    Contract& contract = contracts_.at(best->contract);
    auto& line = lines_[contract.tenant];
    contract.level.Take(line.front().amount, best->eligible_at);
    line.pop_front();
    DrainToHead(contract.tenant);
    return best;
  }

 private:
  struct Contract {
    TenantId tenant;
    LeakyLevel level;
  };
  struct InLine {
    uint64_t request = 0;
    int64_t amount = 0;
    Instant since;
  };
  /// A level with a line is known as of when the line's head came.
  void DrainToHead(TenantId tenant) {
    if (lines_[tenant].empty()) return;
    for (auto& [id, contract] : contracts_) {
      if (contract.tenant == tenant) contract.level.Remaining(std::max(contract.level.at(), lines_[tenant][0].since));
    }
  }

  std::map<ContractId, Contract> contracts_;
  std::map<TenantId, std::deque<InLine>> lines_;
};

TEST(Oracle, ContractsGoByEarliestEligibleDeadlineWhileTheyComeChangeAndGo) {
  for (const uint64_t seed : TestSeeds(20)) {
    SCOPED_TRACE(testing::Message() << "PENSTOCK_SEED=" << seed);
    Dice dice(seed);
    PoolDriver<FairScheduler> pool(OneAtATime());
    ContractOracle oracle;
    std::map<ContractId, TenantId> sold;
    std::map<uint64_t, std::pair<WaitingId, TenantId>> waiting;
    int dispatched = 0;
    const auto random_terms = [&](uint32_t tenant) {
      return Guarantee(tenant, dice.Roll(10, 500), dice.Roll(10, 300), Overrun::kWait);
    };
    for (int step = 0; step < 3'000; ++step) {
      const auto tenant = static_cast<uint32_t>(dice.Roll(1, 5));
      if (sold.size() < 3 || dice.OneIn(60)) {
        const ContractTerms terms = random_terms(tenant);
        const ContractId id = pool.scheduler.AddContract(terms, pool.now);
        oracle.Set(id, terms, pool.now);
        sold[id] = terms.tenant;
      } else if (dice.OneIn(60)) {
        auto changed = sold.begin();
        std::advance(changed, dice.Roll(0, static_cast<int64_t>(sold.size()) - 1));
        const ContractTerms terms = random_terms(changed->second.value);
        pool.scheduler.SetContract(changed->first, terms, pool.now);
        oracle.Set(changed->first, terms, pool.now);
      } else if (dice.OneIn(60)) {
        auto removed = sold.begin();
        std::advance(removed, dice.Roll(0, static_cast<int64_t>(sold.size()) - 1));
        const auto [id, of] = *removed;
        pool.scheduler.RemoveContract(id, pool.now);
        oracle.Remove(id);
        sold.erase(removed);
        if (!oracle.Serves(of)) {
          oracle.Clear(of);
          for (const uint64_t request : pool.Departed()) ASSERT_EQ(waiting.extract(request).mapped().second, of);
        }
      }
      if (oracle.Serves(TenantId{tenant}) && dice.OneIn(2)) {
        const int64_t nt = dice.Roll(0, 100);
        const WaitingId id = pool.Enqueue(AskReserved(tenant, nt)).id;
        waiting[pool.last_request] = {id, TenantId{tenant}};
        oracle.Append(TenantId{tenant}, pool.last_request, NormalizedTokens(nt).count(), pool.now);
      }
      if (dice.OneIn(15) && !waiting.empty()) {
        auto victim = waiting.begin();
        std::advance(victim, dice.Roll(0, static_cast<int64_t>(waiting.size()) - 1));
        pool.scheduler.Cancel(victim->second.first, pool.now);
        oracle.Cancel(victim->second.second, victim->first);
        waiting.erase(victim);
      }
      pool.Tick(Milliseconds(dice.Roll(0, 300)));
      if (!pool.running.empty() && dice.OneIn(2)) {
        const uint64_t request = pool.running.begin()->first;
        const Charge charge = pool.running.at(request);
        if (dice.OneIn(2)) {
          const int64_t truth = dice.Roll(0, 150);
          pool.TrueUp(request, truth);
          oracle.TrueUp(charge.contract, NormalizedTokens(truth).count() - charge.contract_amount, pool.now);
        }
        pool.Finish(request);
      }
      if (!pool.running.empty()) continue;
      const Dispatch dispatch = pool.Next();
      const std::optional<ContractOracle::Next> expected = oracle.Pop(pool.now);
      ASSERT_EQ(dispatch.request, expected ? expected->request : 0) << "step " << step;
      if (!expected) continue;
      ASSERT_EQ(dispatch.charge.contract, expected->contract);
      ASSERT_EQ(dispatch.reason.eligible_at, expected->eligible_at);
      ASSERT_EQ(dispatch.reason.contract_deadline, expected->deadline);
      waiting.erase(dispatch.request);
      ++dispatched;
    }
    EXPECT_GT(dispatched, 300);
  }
}

}  // namespace
}  // namespace penstock::admission
