#include "broker/core/account_state.h"

#include <algorithm>
#include <utility>

#include "admission/vocabulary/check.h"
#include "admission/vocabulary/start_to_load.h"

namespace penstock::core {
namespace {

/// How many of the latest distinct terms are looked at for one that is the same.
constexpr size_t kLatest = 32;

ClassSet ClassesOf(const TenantSettings& settings) {
  ClassSet classes;
  switch (settings.tier) {
    case Tier::kFree:
      classes.Add(ServiceClass::kFree);
      break;
    case Tier::kReserved:
      classes.Add(ServiceClass::kSpillover);
      break;
    case Tier::kElastic:
      for (const ServiceClass c : settings.classes) classes.Add(c);
      if (settings.classes.empty()) classes.Add(ServiceClass::kDefault);
      break;
  }
  return classes;
}

}  // namespace

template <class T>
std::shared_ptr<const T> AccountState::Latest<T>::Shared(T value) {
  for (const std::shared_ptr<const T>& one : known) {
    if (*one == value) return one;
  }
  if (known.size() == kLatest) known.erase(known.begin());
  return known.emplace_back(std::make_shared<const T>(std::move(value)));
}

bool PoolSet::Has(PoolId pool) const { return all_ || std::find(pools_.begin(), pools_.end(), pool) != pools_.end(); }

uint32_t AccountState::StageAt(const TenantPolicy& policy, const ledger::Money& spent) {
  uint32_t stage = 0;
  while (stage + 1 < policy.stages.size() && spent >= policy.stages[stage + 1].first) ++stage;
  return stage;
}

void AccountState::SetTenant(TenantId id, const TenantSettings& settings, const PoolSet& pools,
                             const ledger::Money& spent, Instant since, Instant now) {
  if (tenants_.size() < id.value) tenants_.resize(id.value);
  TenantPolicy policy{.tier = settings.tier,
                      .weight = settings.weight,
                      .classes = ClassesOf(settings),
                      .pools = pools,
                      .stages = {},
                      .runs = settings.runs,
                      .bounds_runs = BoundsRuns(settings.runs)};
  policy.stages.emplace_back(ledger::Money(), limits_.Shared(settings.limits));
  for (const Graduation& stage : settings.graduations)
    policy.stages.emplace_back(stage.at_spend, limits_.Shared(stage.limits));
  Tenant& tenant = TenantAt(id);
  tenant.id = id;
  for (const auto& [spend, limits] : policy.stages) SetLasting(*limits, Scope::kTenant, id.value, &tenant.lasting);
  tenant.policy = tenant_policies_.Shared(std::move(policy));
  MoveToTier(tenant, settings.tier, now);
  tenant.stage = StageAt(*tenant.policy, spent);
  tenant.limits.SetPolicy(tenant.policy->stages[tenant.stage].second, now);
  tenant.budgets.SetTerms(settings.budgets, since);
}

void AccountState::SetKey(KeyId id, TenantId tenant, const KeySettings& settings, const PoolSet& pools, Instant since,
                          Instant now) {
  if (keys_.size() < id.value) keys_.resize(id.value);
  ResolvedKeyPolicy policy{.terms = settings.policy, .classes = {}, .pools = pools};
  for (const ServiceClass c : settings.policy.classes) policy.classes.Add(c);
  Key& key = keys_[id.value - 1];
  key.id = id;
  key.tenant = tenant;
  key.weight = static_cast<int32_t>(settings.weight);
  key.policy = key_policies_.Shared(std::move(policy));
  SetLasting(settings.limits, Scope::kKey, id.value, &key.lasting);
  key.limits.SetPolicy(limits_.Shared(settings.limits), now);
  key.budgets.SetTerms(settings.budgets, since);
}

void AccountState::SetProject(ProjectId id, const std::vector<BudgetTerms>& budgets, Instant since) {
  if (projects_.size() < id.value) projects_.resize(id.value);
  projects_[id.value - 1].id = id;
  projects_[id.value - 1].budgets.SetTerms(budgets, since);
}

void AccountState::SetProjectOf(KeyId id, ProjectId project, Instant since) {
  Key& key = keys_[id.value - 1];
  if (key.project == project) return;
  key.project = project;
  key.project_since = since;
}

void AccountState::KnowKey(KeyId id, TenantId tenant) {
  if (keys_.size() < id.value) keys_.resize(id.value);
  if (tenants_.size() < tenant.value) tenants_.resize(tenant.value);
  keys_[id.value - 1].id = id;
  keys_[id.value - 1].tenant = tenant;
}

void AccountState::SetTierLimits(Tier tier, const admission::LimitPolicy& limits, Instant now) {
  const auto place = static_cast<size_t>(tier);
  SetLasting(limits, Scope::kTier, static_cast<uint32_t>(tier), &tier_lasting_[place]);
  tiers_[place].SetPolicy(limits_.Shared(limits), now);
}

// Once one of its policies had a lasting limit it stays among those that do.
void AccountState::SetLasting(const admission::LimitPolicy& policy, Scope scope, uint32_t id, uint32_t* place) {
  const bool lasts = std::any_of(policy.limits.begin(), policy.limits.end(), admission::OutlivesRestart);
  if (!lasts || *place != 0) return;
  lasting_.push_back({.scope = scope, .id = id});
  *place = static_cast<uint32_t>(lasting_.size());
}

template <class Visit>
void AccountState::ForLasting(KeyId id, const Visit& visit) {
  const Key* key = MutableKey(id);
  if (key == nullptr) return;
  const Tenant& tenant = TenantAt(key->tenant);
  for (const uint32_t place : {key->lasting, tenant.lasting, tier_lasting_[static_cast<size_t>(tenant.tier)]}) {
    if (place != 0) visit(place - 1);
  }
}

void AccountState::NoteUse(KeyId id) {
  ForLasting(id, [this](uint32_t place) {
    if (lasting_[place].noted) return;
    lasting_[place].noted = true;
    changed_lasting_.push_back(place);
  });
}

void AccountState::NoteWaiting(KeyId id, const admission::Usage& usage, int sign) {
  NoteUse(id);
  ForLasting(id, [&](uint32_t place) {
    admission::Usage& waiting = lasting_[place].waiting;
    // Never below nothing, though who waited may have come before its limits lasted, or before its tenant's tier
    // changed.
    waiting.requests = std::max<int64_t>(waiting.requests + sign * usage.requests, 0);
    waiting.work = std::max(waiting.work + usage.work * sign, Work::Zero());
    for (TokenKind kind : kAllTokenKinds) {
      waiting.tokens[kind] = std::max(waiting.tokens[kind] + usage.tokens[kind] * sign, Tokens::Zero());
    }
  });
}

admission::LimitSet* AccountState::LimitsFor(Scope scope, uint32_t id) {
  switch (scope) {
    case Scope::kKey:
      return id == 0 || id > keys_.size() ? nullptr : &keys_[id - 1].limits;
    case Scope::kTenant:
      return id == 0 || id > tenants_.size() ? nullptr : &tenants_[id - 1].limits;
    case Scope::kTier:
      return id >= tiers_.size() ? nullptr : &tiers_[id];
    default:
      return nullptr;
  }
}

// Those who run move with their tenant; what they used stays where it was.
void AccountState::MoveToTier(Tenant& tenant, Tier tier, Instant now) {
  const admission::Usage nothing{.requests = 0, .tokens = {}, .work = {}};
  for (int64_t n = tenant.tier == tier ? 0 : tenant.limits.parallel(); n > 0; --n) {
    TierLimitsOf(tenant.tier).ReleaseParallel();
    TierLimitsOf(tier).Take(nothing, now);
  }
  tenant.tier = tier;
}

void AccountState::DisableAll() {
  for (Tenant& tenant : tenants_) tenant.policy = nullptr;
  for (Key& key : keys_) key.policy = nullptr;
}

const Tenant* AccountState::FindTenant(TenantId id) const {
  if (id.value == 0 || id.value > tenants_.size()) return nullptr;
  const Tenant& tenant = tenants_[id.value - 1];
  return tenant.policy == nullptr ? nullptr : &tenant;
}

const Key* AccountState::FindKey(KeyId id) const {
  if (id.value == 0 || id.value > keys_.size()) return nullptr;
  const Key& key = keys_[id.value - 1];
  return key.policy == nullptr ? nullptr : &key;
}

// Grants outlive configurations: a key may be gone when its last grant ends, and its levels stay until then.
Key* AccountState::MutableKey(KeyId id) {
  if (id.value == 0 || id.value > keys_.size() || keys_[id.value - 1].id.value == 0) return nullptr;
  return &keys_[id.value - 1];
}

template <class Visit>
void AccountState::ForLimits(KeyId id, const Visit& visit) {
  Key* key = MutableKey(id);
  if (key == nullptr) return;
  Tenant& tenant = TenantAt(key->tenant);
  visit(key->limits, Scope::kKey);
  visit(tenant.limits, Scope::kTenant);
  visit(TierLimitsOf(tenant.tier), Scope::kTier);
}

std::optional<LimitVerdict> AccountState::WouldRefuse(KeyId id, const admission::Usage& usage, Instant now) {
  std::optional<LimitVerdict> worst;
  ForLimits(id, [&](admission::LimitSet& limits, Scope scope) {
    admission::LimitRefusal refusal;
    if (!limits.WouldRefuse(usage, now, &refusal)) return;
    if (worst && worst->refusal.retry_after >= refusal.retry_after) return;
    worst = LimitVerdict{scope, refusal.limit == admission::kParallelLimit, refusal};
  });
  return worst;
}

void AccountState::Take(KeyId id, const admission::Usage& usage, Instant now) {
  NoteUse(id);
  ForLimits(id, [&](admission::LimitSet& limits, Scope) { limits.Take(usage, now); });
}

void AccountState::TrueUp(KeyId id, const admission::Usage& charged, const admission::Usage& known, Instant now) {
  NoteUse(id);
  ForLimits(id, [&](admission::LimitSet& limits, Scope) { limits.TrueUp(charged, known, now); });
}

void AccountState::ReleaseParallel(KeyId id) {
  ForLimits(id, [](admission::LimitSet& limits, Scope) { limits.ReleaseParallel(); });
}

void AccountState::Resume(KeyId id, const admission::Usage& usage, Instant now) {
  ForLimits(id, [&](admission::LimitSet& limits, Scope) { limits.Resume(usage, now); });
}

void AccountState::Replay(KeyId id, const admission::Usage& usage, Instant at) {
  NoteUse(id);
  ForLimits(id, [&](admission::LimitSet& limits, Scope) { limits.Replay(usage, at); });
}

template <class Self, class Visit>
void AccountState::ForBudgets(Self& self, KeyId id, Instant given, const Visit& visit) {
  if (id.value == 0 || id.value > self.keys_.size() || self.keys_[id.value - 1].id.value == 0) return;
  auto& key = self.keys_[id.value - 1];
  if (!key.budgets.empty()) visit(key.budgets, Scope::kKey);
  if (key.project.value != 0 && given >= key.project_since) {
    auto& of_project = self.projects_[key.project.value - 1].budgets;
    if (!of_project.empty()) visit(of_project, Scope::kProject);
  }
  auto& of_tenant = self.tenants_[key.tenant.value - 1].budgets;
  if (!of_tenant.empty()) visit(of_tenant, Scope::kTenant);
}

bool AccountState::IsBudgeted(KeyId id, Instant given) const {
  bool budgeted = false;
  ForBudgets(*this, id, given, [&](const Budgets& budgets, Scope) { budgeted = budgeted || budgets.has_hard(); });
  return budgeted;
}

MoneyVerdict AccountState::MoneyLeft(KeyId id, Instant given) const {
  MoneyVerdict tightest;
  ForBudgets(*this, id, given, [&](const Budgets& budgets, Scope scope) {
    ledger::Money left;
    const BudgetTerms* budget = budgets.Tightest(given, &left);
    if (budget == nullptr || (tightest.budget != nullptr && tightest.left <= left)) return;
    tightest = MoneyVerdict{scope, budget, left};
  });
  return tightest;
}

void AccountState::HoldMoney(KeyId id, const ledger::Money& amount, Instant given) {
  ForBudgets(*this, id, given, [&](Budgets& budgets, Scope) { budgets.Hold(amount, given); });
}

void AccountState::SettleMoney(KeyId id, const ledger::Money& hold, const ledger::Money& charge, Instant given,
                               std::vector<Crossing>* crossed) {
  ForBudgets(*this, id, given, [&](Budgets& budgets, Scope scope) {
    crossed_.clear();
    budgets.Settle(hold, charge, given, crossed == nullptr ? nullptr : &crossed_);
    for (const BudgetCrossing& one : crossed_)
      crossed->push_back({BudgetCrossedBy(keys_[id.value - 1], scope, one), one});
  });
}

ledger::BudgetOf AccountState::BudgetCrossedBy(const Key& key, Scope scope, const BudgetCrossing& crossing) {
  ledger::BudgetOf budget;
  budget.tenant = key.tenant;
  budget.period = crossing.period;
  budget.number = crossing.number;
  if (scope == Scope::kKey) {
    budget.scope = ledger::BudgetScope::kKey;
    budget.subject = key.id.value;
  } else if (scope == Scope::kProject) {
    budget.scope = ledger::BudgetScope::kProject;
    budget.subject = key.project.value;
  }
  return budget;
}

template <class Self>
auto AccountState::FindBudgets(Self& self, const ledger::BudgetOf& of) -> decltype(&self.keys_.front().budgets) {
  switch (of.scope) {
    case ledger::BudgetScope::kTenant:
      if (of.tenant.value >= 1 && of.tenant.value <= self.tenants_.size()) {
        return &self.tenants_[of.tenant.value - 1].budgets;
      }
      break;
    case ledger::BudgetScope::kProject:
      if (of.subject >= 1 && of.subject <= self.projects_.size()) return &self.projects_[of.subject - 1].budgets;
      break;
    case ledger::BudgetScope::kKey:
      if (of.subject >= 1 && of.subject <= self.keys_.size()) return &self.keys_[of.subject - 1].budgets;
      break;
    case ledger::BudgetScope::kRun:
      break;
  }
  return nullptr;
}

const Budgets* AccountState::BudgetsOf(const ledger::BudgetOf& of) const { return FindBudgets(*this, of); }

void AccountState::RaiseBudget(const ledger::BudgetRaiseEntry& raise) {
  Budgets* budgets = FindBudgets(*this, raise.budget);
  if (budgets != nullptr) budgets->Raise(raise.budget.period, raise.more, raise.at, raise.for_good);
}

void AccountState::Graduate(TenantId id, const ledger::Money& spent, Instant now) {
  if (id.value == 0 || id.value > tenants_.size()) return;
  Tenant& tenant = TenantAt(id);
  if (tenant.policy == nullptr) return;
  const uint32_t stage = StageAt(*tenant.policy, spent);
  if (stage <= tenant.stage) return;
  tenant.stage = stage;
  tenant.limits.SetPolicy(tenant.policy->stages[stage].second, now);
}

void AccountState::PrefetchRecords(TenantId tenant, KeyId key) const {
  if (!AreKnown(tenant, key)) return;
  StartToLoadAll(&keys_[key.value - 1]);
  StartToLoadAll(&tenants_[tenant.value - 1]);
}

void AccountState::PrefetchUse(TenantId tenant, KeyId key) const {
  if (!AreKnown(tenant, key)) return;
  keys_[key.value - 1].limits.Prefetch();
  keys_[key.value - 1].budgets.Prefetch();
  tenants_[tenant.value - 1].limits.Prefetch();
  tenants_[tenant.value - 1].budgets.Prefetch();
}

void AccountState::PrefetchMoney(TenantId tenant, KeyId key) const {
  if (!AreKnown(tenant, key)) return;
  keys_[key.value - 1].budgets.PrefetchStates();
  tenants_[tenant.value - 1].budgets.PrefetchStates();
}

void AccountState::CheckInvariants() const {
  for (const Tenant& tenant : tenants_) tenant.budgets.CheckInvariants();
  for (const Project& project : projects_) project.budgets.CheckInvariants();
  for (const Key& key : keys_) key.budgets.CheckInvariants();
}

}  // namespace penstock::core
