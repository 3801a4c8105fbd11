// Accounts: who may do what, their limits, and what a grant holds of their money. The owner of an account need not be
// the owner of the pool (a fleet splits them), so pools see only this narrow face.
//
// Tenants and keys are dense numbers: both live in vectors by id. What many have in common (limits, policies) is kept
// once; what one has not used yet costs nothing beyond its fixed record.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "admission/limits.h"
#include "admission/vocabulary/ids.h"
#include "broker/core/budgets.h"
#include "broker/core/runs.h"
#include "broker/core/settings.h"
#include "ledger/money.h"

namespace penstock::core {

/// A set of service classes, a bit each.
class ClassSet {
 public:
  void Add(ServiceClass c) { bits_ = static_cast<uint8_t>(bits_ | 1U << static_cast<unsigned>(c)); }
  bool Has(ServiceClass c) const { return (bits_ >> static_cast<unsigned>(c) & 1U) != 0; }
  bool empty() const { return bits_ == 0; }
  friend bool operator==(ClassSet, ClassSet) = default;

 private:
  uint8_t bits_ = 0;
};

/// A set of pools; the default one holds all.
class PoolSet {
 public:
  void SetAll(bool all) { all_ = all; }
  void Add(PoolId pool) { pools_.push_back(pool); }
  bool Has(PoolId pool) const;
  friend bool operator==(const PoolSet&, const PoolSet&) = default;

 private:
  bool all_ = true;
  std::vector<PoolId> pools_;
};

/// What tenants of the same terms have in common.
struct TenantPolicy {
  Tier tier = Tier::kElastic;
  int64_t weight = 1;
  ClassSet classes;  // that it may ask for
  PoolSet pools;
  std::vector<std::pair<ledger::Money, std::shared_ptr<const admission::LimitPolicy>>> stages;  // by rising spend
  RunTerms runs;
  bool bounds_runs = false;
  friend bool operator==(const TenantPolicy&, const TenantPolicy&) = default;
};

struct Tenant {
  TenantId id;
  uint32_t lasting = 0;                        // place among those with lasting limits + 1; 0: it has none
  std::shared_ptr<const TenantPolicy> policy;  // nullptr: not in the settings (any more)
  Tier tier = Tier::kElastic;                  // its grants are counted in the limits of this tier
  uint32_t stage = 0;                          // of the policy's graduations; 0: the tenant's own limits
  uint32_t tariff = 0;                         // id of the version that its contract pins; 0: the one in force
  admission::LimitSet limits;
  Budgets budgets;
};

/// What keys of the same terms have in common, with its pools resolved.
struct ResolvedKeyPolicy {
  KeyPolicy terms;
  ClassSet classes;  // empty: all that the tenant may ask for
  PoolSet pools;
  friend bool operator==(const ResolvedKeyPolicy&, const ResolvedKeyPolicy&) = default;
};

struct Project {
  ProjectId id;
  Budgets budgets;
};

struct Key {
  KeyId id;
  TenantId tenant;
  ProjectId project;      // 0: none
  Instant project_since;  // grants given before do not count to it
  int32_t weight = 1;
  uint32_t lasting = 0;                             // as a tenant's
  std::shared_ptr<const ResolvedKeyPolicy> policy;  // nullptr: not in the settings (any more)
  admission::LimitSet limits;
  Budgets budgets;
};

/// Whose limit or budget it is.
enum class Scope : uint8_t { kNone, kKey, kTenant, kTier, kRun, kPool, kProject };
constexpr std::string_view Name(Scope scope) {
  constexpr std::string_view kNames[] = {"", "key", "tenant", "tier", "run", "pool", "project"};
  return kNames[static_cast<size_t>(scope)];
}

struct LimitVerdict {
  Scope scope = Scope::kNone;
  bool parallel = false;
  admission::LimitRefusal refusal;
};

struct MoneyVerdict {
  Scope scope = Scope::kNone;  // kNone: no budget bounds it
  const BudgetTerms* budget = nullptr;
  ledger::Money left;
};

class AccountState {
 public:
  /// Adds a tenant or key, or gives one new terms: what was used, spent and held stays. New budgets count grants given
  /// from `since` on. A tenant that was charged `spent` in all gets the limits of its stage.
  void SetTenant(TenantId id, const TenantSettings& settings, const PoolSet& pools, const ledger::Money& spent,
                 Instant since, Instant now);
  void SetKey(KeyId id, TenantId tenant, const KeySettings& settings, const PoolSet& pools, Instant since, Instant now);
  void SetProject(ProjectId id, const std::vector<BudgetTerms>& budgets, Instant since);
  /// The project of a key that is known; grants given from `since` on count to it if it had none.
  void SetProjectOf(KeyId id, ProjectId project, Instant since);
  /// Keeps the books of a key that the settings do not name: its tenant's limits and budgets count it.
  void KnowKey(KeyId id, TenantId tenant);
  /// 0: whichever is in force. The tenant must be known.
  void PinTariff(TenantId id, uint32_t tariff) { TenantAt(id).tariff = tariff; }
  /// Kept for tenants that the settings do not name any more: what waits of them may still run.
  uint32_t PinnedTariff(TenantId id) const { return id.value - 1 < tenants_.size() ? tenants_[id.value - 1].tariff : 0; }
  void SetTierLimits(Tier tier, const admission::LimitPolicy& limits, Instant now);
  const admission::LimitPolicy& TierLimits(Tier tier) const { return tiers_[static_cast<size_t>(tier)].policy(); }
  /// From here on nobody may ask but who is set again. (Running grants end as ever.)
  void DisableAll();

  /// nullptr when the settings do not name it (any more).
  const Tenant* FindTenant(TenantId id) const;
  const Key* FindKey(KeyId id) const;

  /// The most restrictive limit of key, tenant and tier that refuses this usage, or nothing. Consumes nothing.
  std::optional<LimitVerdict> WouldRefuse(KeyId key, const admission::Usage& usage, Instant now);
  void Take(KeyId key, const admission::Usage& usage, Instant now);
  void TrueUp(KeyId key, const admission::Usage& charged, const admission::Usage& known, Instant now);
  void ReleaseParallel(KeyId key);
  /// Counts a running grant of an earlier boot: a parallel place, and its charge in limits shorter than an hour.
  void Resume(KeyId key, const admission::Usage& usage, Instant now);
  /// Counts past usage (or what came back of it) against limits of an hour or longer.
  void Replay(KeyId key, const admission::Usage& usage, Instant at);

  /// What somebody who waits has taken (+1), and does not wait for any more (-1): no entry will tell of it.
  void NoteWaiting(KeyId key, const admission::Usage& usage, int sign);

  /// Limits of an hour or longer that somebody used since the last call: visit(scope, id of tenant or key or number of
  /// the tier, limits, what waiting requests took of them).
  template <class Visit>
  void TakeLastingChanges(const Visit& visit) {
    for (const uint32_t place : changed_lasting_) {
      Lasting& one = lasting_[place];
      one.noted = false;
      visit(one.scope, one.id, LimitsOf(one.scope, one.id), one.waiting);
    }
    changed_lasting_.clear();
  }
  size_t changed_lasting() const { return changed_lasting_.size(); }
  /// nullptr when there is no such subject (any more).
  admission::LimitSet* LimitsFor(Scope scope, uint32_t id);

  /// True when a hard budget bounds what this key may spend on a grant given then.
  bool IsBudgeted(KeyId key, Instant given) const;
  /// The tightest of the hard budgets of the key, its project and its tenant, for a grant given then.
  MoneyVerdict MoneyLeft(KeyId key, Instant given) const;
  void HoldMoney(KeyId key, const ledger::Money& amount, Instant given);
  /// A threshold that was reached, and of whose budget.
  struct Crossing {
    ledger::BudgetOf budget;
    BudgetCrossing what;
  };
  /// `crossed` may be nullptr: then nothing is told.
  void SettleMoney(KeyId key, const ledger::Money& hold, const ledger::Money& charge, Instant given,
                   std::vector<Crossing>* crossed);
  /// Of a tenant, project or key; nullptr when there is no such one.
  const Budgets* BudgetsOf(const ledger::BudgetOf& of) const;
  void RaiseBudget(const ledger::BudgetRaiseEntry& raise);

  /// The tenant was charged so much in all: its limits graduate if that is enough.
  void Graduate(TenantId tenant, const ledger::Money& spent, Instant now);

  /// Hints without effect: something about this key comes soon. Each starts to load what the one before it found.
  void PrefetchRecords(TenantId tenant, KeyId key) const;
  void PrefetchUse(TenantId tenant, KeyId key) const;
  void PrefetchMoney(TenantId tenant, KeyId key) const;

  void CheckInvariants() const;

 private:
  bool AreKnown(TenantId tenant, KeyId key) const {
    return tenant.value - 1 < tenants_.size() && key.value - 1 < keys_.size();
  }
  Tenant& TenantAt(TenantId id) { return tenants_[id.value - 1]; }
  Key* MutableKey(KeyId id);
  admission::LimitSet& TierLimitsOf(Tier tier) { return tiers_[static_cast<size_t>(tier)]; }
  static uint32_t StageAt(const TenantPolicy& policy, const ledger::Money& spent);
  void MoveToTier(Tenant& tenant, Tier tier, Instant now);
  /// The latest distinct terms, so that many of the same share one.
  template <class T>
  struct Latest {
    std::vector<std::shared_ptr<const T>> known;
    std::shared_ptr<const T> Shared(T value);
  };
  template <class Visit>
  void ForLimits(KeyId key, const Visit& visit);
  /// visit(budgets, scope) of those that count a grant of the key given then.
  template <class Self, class Visit>
  static void ForBudgets(Self& self, KeyId key, Instant given, const Visit& visit);
  template <class Self>
  static auto FindBudgets(Self& self, const ledger::BudgetOf& of) -> decltype(&self.keys_.front().budgets);
  static ledger::BudgetOf BudgetCrossedBy(const Key& key, Scope scope, const BudgetCrossing& crossing);
  /// Subjects with limits of an hour or longer.
  struct Lasting {
    Scope scope = Scope::kNone;
    uint32_t id = 0;
    admission::Usage waiting{.requests = 0, .tokens = {}, .work = {}};
    bool noted = false;  // in changed_lasting_
  };
  void SetLasting(const admission::LimitPolicy& policy, Scope scope, uint32_t id, uint32_t* place);
  template <class Visit>
  void ForLasting(KeyId key, const Visit& visit);
  void NoteUse(KeyId key);
  const admission::LimitSet& LimitsOf(Scope scope, uint32_t id) { return *LimitsFor(scope, id); }

  std::vector<Tenant> tenants_;          // by id - 1
  std::vector<Key> keys_;                // by id - 1
  std::vector<Project> projects_;        // by id - 1
  std::vector<BudgetCrossing> crossed_;  // kept for its memory
  std::array<admission::LimitSet, kTierCount> tiers_;
  std::vector<Lasting> lasting_;
  std::array<uint32_t, kTierCount> tier_lasting_{};
  std::vector<uint32_t> changed_lasting_;
  Latest<admission::LimitPolicy> limits_;
  Latest<TenantPolicy> tenant_policies_;
  Latest<ResolvedKeyPolicy> key_policies_;
};

}  // namespace penstock::core
