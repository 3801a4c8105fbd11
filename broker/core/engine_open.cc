// Opening and reconfiguring: replay, bind names, pin the tariff, resume what earlier boots granted.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "admission/vocabulary/check.h"
#include "broker/core/engine.h"
#include "broker/core/past.h"

namespace penstock::core {

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(const EngineSettings& settings,
                                                     std::unique_ptr<ledger::Journal> journal,
                                                     const SchedulerFactory& scheduling, Instant now,
                                                     const ledger::FollowerStart* then) {
  Past past(settings, now);
  auto ledger = ledger::Ledger::Open(std::move(journal), &past, ledger::kRememberedEnds, then);
  if (!ledger.ok()) return ledger.status();
  past.Finish();
  std::unique_ptr<Engine> engine(new Engine(*std::move(ledger)));
  engine->now_ = std::max(now, engine->books().newest());
  engine->scheduling_ = scheduling;
  if (absl::Status checked = engine->CheckSettings(settings); !checked.ok()) return checked;
  engine->ledger_->Post(ledger::BootEntry{engine->books().epoch() + 1, engine->now_});
  engine->Bind(settings, Instant());
  engine->Recall(past);
  engine->ResumeOpenGrants(past);
  engine->ResumeReservations();
  if (absl::Status written = engine->ledger_->WriteBatch(); !written.ok()) return written;
  // A power cut must not give this epoch, and with it the ids of its grants, to a later boot as well.
  if (absl::Status synced = engine->ledger_->SyncJournal().status(); !synced.ok()) return synced;
  if (engine->ledger_->keeps_projections() && engine->ledger_->opening().loaded == 0) {
    absl::Status all = engine->ledger_->WriteAll([&](ledger::RowBatch* rows) { engine->TakeOwnChanges(rows); });
    if (!all.ok()) return all;
  }
  return engine;
}

void Engine::On(const Reconfigure& reconfigure) {
  PENSTOCK_CHECK(reconfigure.settings != nullptr);
  const EngineSettings& settings = *reconfigure.settings;
  absl::Status checked = CheckSettings(settings);
  for (const auto& pool : pools_) {
    const bool kept = std::any_of(settings.pools.begin(), settings.pools.end(),
                                  [&](const PoolSettings& next) { return next.name == pool->settings().name; });
    if (!kept && checked.ok()) {
      checked = absl::FailedPreconditionError(absl::StrCat(
          "pool '", pool->settings().name, "' is in use: it can go with a restart, not while traffic runs"));
    }
  }
  if (!checked.ok()) {
    return Say(reconfigure.ticket, Error{ErrorReason::kFailedPrecondition, "", std::string(checked.message())});
  }
  // New budgets count grants from here on: an instant that no grant before can have.
  now_ = now_ + Nanoseconds(1);
  // Bind adds what was approved to every budget anew: to those that stay, to new ones, and to those of who is gone.
  for (const ledger::Raise& raise : books().budget_records().raises()) {
    if (!raise.approved()) continue;
    ledger::BudgetRaiseEntry back = raise.asked;
    back.more = -back.more;
    accounts_.RaiseBudget(back);
  }
  accounts_.DisableAll();
  Bind(settings, now_);
  Say(reconfigure.ticket, Reconfigured{});
}

/// What the journal says against these settings, before anything is changed.
absl::Status Engine::CheckSettings(const EngineSettings& settings) const {
  absl::Status checked = CheckTariff(settings.tariff, settings);
  for (const ledger::Tariff& tariff : settings.more_tariffs) {
    if (checked.ok()) checked = CheckTariff(tariff, settings);
  }
  for (const TenantSettings& tenant : settings.tenants) {
    if (checked.ok()) checked = CheckProjects(tenant);
    if (checked.ok()) checked = CheckAccount(tenant, settings);
  }
  return checked;
}

absl::Status Engine::CheckTariff(const ledger::Tariff& tariff, const EngineSettings& settings) const {
  for (const ledger::TariffEntry& known : books().tariffs()) {
    if (known.tariff.version != tariff.version || known.tariff.HasTermsOf(tariff)) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("tariff version '", tariff.version,
                     "' is already in the journal with other terms: prices that were charged cannot change; give the "
                     "changed tariff a new version"));
  }
  for (const PoolSettings& pool : settings.pools) {
    if (tariff.PricesOf(pool.name) != nullptr) continue;
    return absl::FailedPreconditionError(absl::StrCat("tariff ", tariff.version, " has no prices for pool '", pool.name,
                                                      "': add them under tariff.pools"));
  }
  return absl::OkStatus();
}

absl::Status Engine::CheckProjects(const TenantSettings& tenant) const {
  const std::optional<uint32_t> id = books().IdOf(ledger::NameKind::kTenant, 0, tenant.name);
  for (const KeySettings& key : tenant.keys) {
    const std::optional<uint32_t> known = id ? books().IdOf(ledger::NameKind::kKey, *id, key.name) : std::nullopt;
    const ProjectId project = known ? books().ProjectOf(KeyId{*known}) : ProjectId();
    if (project == ProjectId()) continue;
    const std::string& name = books().NameOf(ledger::NameKind::kProject, project.value).name;
    if (name == key.project) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("key '", key.name, "' of tenant '", tenant.name, "' belongs to project '", name,
                     "' for ever: write `project: ", name, "`, and use a new key for another project"));
  }
  return absl::OkStatus();
}

/// The tariff that a contract pins is there, a tenant keeps its currency, and credits that were given do not change.
absl::Status Engine::CheckAccount(const TenantSettings& tenant, const EngineSettings& settings) const {
  const ledger::Tariff* tariff = &settings.tariff;
  if (!tenant.tariff.empty() && tenant.tariff != tariff->version) {
    const auto found = std::find_if(settings.more_tariffs.begin(), settings.more_tariffs.end(),
                                    [&](const ledger::Tariff& t) { return t.version == tenant.tariff; });
    if (found == settings.more_tariffs.end()) {
      return absl::FailedPreconditionError(absl::StrCat("tenant '", tenant.name, "' pins tariff '", tenant.tariff,
                                                        "', which is not among the tariffs: add its file to `tariffs`"));
    }
    tariff = &*found;
  }
  const std::optional<uint32_t> known = books().IdOf(ledger::NameKind::kTenant, 0, tenant.name);
  if (!known) return absl::OkStatus();
  const ledger::Accounts& accounts = books().accounts();
  if (!accounts.Fits(TenantId{*known}, tariff->currency)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the account of tenant '", tenant.name, "' is in ", std::string(accounts.CurrencyOf(TenantId{*known})),
                     ", tariff '", tariff->version, "' in ", tariff->currency,
                     ": a tenant keeps its currency; pin a tariff in it with `tariff`, or open another tenant"));
  }
  for (const ledger::rating::Credit& credit : tenant.subscription.credits) {
    const ledger::CreditRecord* given = accounts.FindCredit(TenantId{*known}, credit.name);
    if (given == nullptr || given->granted.credit == credit) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("credit '", credit.name, "' of tenant '", tenant.name,
                     "' is already in the journal with other terms: give another credit another name"));
  }
  return absl::OkStatus();
}

void Engine::Bind(const EngineSettings& settings, Instant budgets_since) {
  BindTariffs(settings);
  BindPools(settings);
  for (size_t tier = 0; tier < kTierCount; ++tier) {
    accounts_.SetTierLimits(static_cast<Tier>(tier), settings.tier_limits[tier], now_);
  }
  for (const TenantSettings& tenant : settings.tenants) {
    const TenantId id{BindName(ledger::NameKind::kTenant, 0, tenant.name)};
    accounts_.SetTenant(id, tenant, PoolsNamed(tenant.pools), books().BalanceOf(id).posted, budgets_since, now_);
    for (const KeySettings& key : tenant.keys) {
      const KeyId key_id{BindName(ledger::NameKind::kKey, id.value, key.name)};
      BindProject(id, key_id, key.project);
      accounts_.SetKey(key_id, id, key, PoolsNamed(key.policy.pools), budgets_since, now_);
    }
    BindReservations(id, tenant.reservations);
    accounts_.PinTariff(id, 0);
    for (const ledger::TariffEntry& tariff : books().tariffs()) {
      if (tenant.tariff.empty()) break;  // of a million tenants, most
      if (tariff.tariff.version == tenant.tariff) accounts_.PinTariff(id, tariff.id);
    }
    BindSubscription(id, tenant.subscription);
  }
  for (uint32_t id = 1; id <= books().CountOf(ledger::NameKind::kTenant); ++id) {
    if (accounts_.FindTenant(TenantId{id}) == nullptr) BindReservations(TenantId{id}, {});
  }
  // What keys used that are gone still counts for their tenants.
  for (uint32_t id = 1; id <= books().CountOf(ledger::NameKind::kKey); ++id) {
    accounts_.KnowKey(KeyId{id}, TenantId{books().NameOf(ledger::NameKind::kKey, id).owner});
  }
  BindProjects(settings, budgets_since);
  ApplyRaises();
  BindMarkets(settings);
}

void Engine::BindProjects(const EngineSettings& settings, Instant budgets_since) {
  absl::flat_hash_map<ProjectId, const std::vector<BudgetTerms>*> budgets;
  for (const TenantSettings& tenant : settings.tenants) {
    const uint32_t owner = *books().IdOf(ledger::NameKind::kTenant, 0, tenant.name);
    for (const ProjectSettings& project : tenant.projects) {
      budgets[ProjectId{BindName(ledger::NameKind::kProject, owner, project.name)}] = &project.budgets;
    }
  }
  for (uint32_t id = 1; id <= books().CountOf(ledger::NameKind::kProject); ++id) {
    const auto found = budgets.find(ProjectId{id});
    const std::vector<BudgetTerms> none;
    accounts_.SetProject(ProjectId{id}, found == budgets.end() ? none : *found->second, budgets_since);
  }
  for (uint32_t id = 1; id <= books().CountOf(ledger::NameKind::kKey); ++id) {
    accounts_.SetProjectOf(KeyId{id}, books().ProjectOf(KeyId{id}), budgets_since);
  }
}

uint32_t Engine::BindName(ledger::NameKind kind, uint32_t owner, const std::string& name) {
  if (const std::optional<uint32_t> known = books().IdOf(kind, owner, name)) return *known;
  const uint32_t id = books().CountOf(kind) + 1;
  ledger_->Post(ledger::NameEntry{kind, id, owner, name});
  return id;
}

void Engine::BindProject(TenantId tenant, KeyId key, const std::string& name) {
  if (name.empty() || books().ProjectOf(key) != ProjectId()) return;
  ledger_->Post(ledger::KeyProjectEntry{key, ProjectId{BindName(ledger::NameKind::kProject, tenant.value, name)}});
}

void Engine::BindPools(const EngineSettings& settings) {
  for (const PoolSettings& pool : settings.pools) {
    const PoolId id{BindName(ledger::NameKind::kPool, 0, pool.name)};
    if (PoolState* known = MutablePool(id)) {
      known->SetSettings(pool, now_);
      continue;
    }
    pools_.push_back(std::make_unique<PoolState>(id, pool, scheduling_, now_));
    if (pool_by_id_.size() < id.value) pool_by_id_.resize(id.value);
    pool_by_id_[id.value - 1] = pools_.back().get();
  }
}

void Engine::BindReservations(TenantId tenant, const std::vector<ReservationSettings>& reservations) {
  std::vector<ReservationSettings> here;
  for (const auto& pool : pools_) {
    here.clear();
    for (const ReservationSettings& one : reservations) {
      if (one.pool == pool->settings().name) here.push_back(one);
    }
    pool->SetReservations(tenant, here, now_);
  }
}

PoolSet Engine::PoolsNamed(const std::vector<std::string>& names) const {
  PoolSet pools;
  pools.SetAll(names.empty());
  for (const std::string& name : names) {
    if (const auto id = books().IdOf(ledger::NameKind::kPool, 0, name)) pools.Add(PoolId{*id});
  }
  return pools;
}

uint32_t Engine::PinTariff(const ledger::Tariff& tariff) {
  for (const ledger::TariffEntry& known : books().tariffs()) {
    if (known.tariff.version == tariff.version) return known.id;
  }
  const auto id = static_cast<uint32_t>(books().tariffs().size() + 1);
  ledger_->Post(ledger::TariffEntry{id, tariff});
  return id;
}

void Engine::BindTariffs(const EngineSettings& settings) {
  versions_ = {{Instant(), PinTariff(settings.tariff)}};
  for (const ledger::Tariff& tariff : settings.more_tariffs) {
    const uint32_t id = PinTariff(tariff);
    const bool follows = tariff.currency == settings.tariff.currency && tariff.effective > settings.tariff.effective;
    if (follows) versions_.emplace_back(tariff.effective, id);
  }
  std::sort(versions_.begin(), versions_.end());
  SwitchTariff();
}

void Engine::SwitchTariff() {
  next_tariff_at_ = Instant::Max();
  for (const auto& [effective, id] : versions_) {
    if (effective > now_) {
      next_tariff_at_ = effective;
      break;
    }
    tariff_ = id;
  }
}

// What the settings say now is journalled, so that a statement follows from the journal alone. A credit is given once.
void Engine::BindSubscription(TenantId tenant, const ledger::rating::Subscription& subscription) {
  const ledger::Accounts& accounts = books().accounts();
  ledger::rating::Subscription terms = subscription;
  terms.credits.clear();
  const ledger::SubscriptionEntry* known = accounts.FindSubscription(tenant);
  const bool changed = known == nullptr ? !(terms == ledger::rating::Subscription()) : !(known->terms == terms);
  if (changed) ledger_->Post(ledger::SubscriptionEntry{tenant, now_, std::move(terms)});
  for (const ledger::rating::Credit& credit : subscription.credits) {
    if (accounts.FindCredit(tenant, credit.name) != nullptr) continue;
    const auto id = static_cast<uint32_t>(accounts.credits().size() + 1);
    ledger_->Post(ledger::CreditEntry{id, tenant, now_, TariffOf(tenant).tariff.currency, credit});
  }
}

// Limits of an hour or longer, budgets and runs outlive a restart.
void Engine::Recall(Past& past) {
  for (const KeptLevel& kept : past.levels) {
    admission::LimitSet* limits = accounts_.LimitsFor(kept.scope, kept.id);
    if (limits != nullptr) limits->RestoreLevel(kept.terms, kept.level);
  }
  for (const auto& [when, used] : past.used) {
    accounts_.Replay(when.second, used.back, when.first);
    accounts_.Replay(when.second, used.taken, when.first);
  }
  for (const auto& [when, charge] : past.charged) {
    accounts_.SettleMoney(when.first, ledger::Money(), charge.amount, when.second, /*crossed=*/nullptr);
    const KeyDay day = {when.first, when.second};
    charged_[day].amount = charge.amount;
    if (charge.noted) NoteCharge(day, &charged_[day]);
  }
  runs_ = std::move(past.runs);
  lease_changes_ = std::move(past.ended_beyond_lease);
}

// Grants of earlier boots keep their holds, and their slots until their leases end: the fleet may still be running
// them.
void Engine::ResumeOpenGrants(const Past& past) {
  for (const ledger::OpenGrant* open : books().OpenInOrder()) {
    const ledger::GrantEntry& grant = open->grant;
    const GrantId id = grant.id;
    Running running;
    running.id = id;
    running.terms = grant.terms;
    running.charge = {.tenant = grant.terms.tenant,
                      .key = grant.terms.key,
                      .served = grant.terms.served,
                      .work = grant.work,
                      .kv_tokens = Total(grant.estimate).count(),
                      .class_mark = {},
                      .tenant_mark = {},
                      .key_mark = {}};
    const Past::Given& given = past.open.at(id);
    running.charged = PackedCounts(given.charged);
    running.charged_work = given.charged_work;
    running.max_output = grant.output_cap;
    running.given = grant.at;
    running.lease_deadline = grant.lease_deadline;
    running.settle_deadline = grant.settle_deadline;
    running.of_earlier_boot = true;
    PoolState* pool = MutablePool(grant.terms.pool);
    const Tenant* tenant = accounts_.FindTenant(grant.terms.tenant);
    running.in_run = tenant != nullptr && tenant->policy->bounds_runs && !grant.run.empty();
    if (running.in_run) running.run = RunKeyOf(grant.terms.tenant, grant.run);
    const bool run_bound =
        running.in_run && !tenant->policy->runs.max_spend.IsZero() && !tenant->policy->runs.soft_spend;
    running.money_bound = run_bound || accounts_.IsBudgeted(grant.terms.key, grant.at);
    running.hold = grant.hold;
    accounts_.HoldMoney(grant.terms.key, grant.hold, grant.at);
    if (running.in_run) runs_.Hold(running.run, running.hold);
    // A report after the lease moved its deadline in the journal, yet brought no slot back.
    running.holds_slot = pool != nullptr && !given.lease_over;
    if (given.lease_over) lease_changes_.push_back(id);
    if (running.holds_slot) {
      pool->scheduler().OccupySlot(running.charge, now_);
      pool->CountSlotOfEarlierBoot(+1);
      const admission::Usage usage{.requests = 1, .tokens = running.charged, .work = running.charged_work};
      accounts_.Resume(grant.terms.key, usage, now_);
    }
    AddRunning(std::move(running));
  }
}

}  // namespace penstock::core
