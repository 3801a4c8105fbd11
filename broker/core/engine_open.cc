// Opening and reconfiguring: replay, bind names, pin the tariff, resume what earlier boots granted.
#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "admission/vocabulary/check.h"
#include "broker/core/engine.h"

namespace penstock::core {

/// What limits, budgets and runs still count of the journal, collected while it is read.
struct Engine::Past {
  /// An open grant, and what limits are charged for it.
  struct Given {
    TenantId tenant;
    KeyId key;
    PoolId pool;
    Instant at;
    Instant lease_deadline;
    bool lease_over = false;
    std::optional<RunKey> run;
    TokenCounts estimate;
    Work work;  // of the estimate
    TokenCounts so_far;
    Work attributed;
    TokenCounts charged;
    Work charged_work;
  };
  struct Used {
    admission::Usage back{.requests = 0, .tokens = {}, .work = {}};  // negative
    admission::Usage taken{.requests = 0, .tokens = {}, .work = {}};
  };
  Instant now;
  absl::flat_hash_set<std::string_view> tenants_with_runs;  // whose runs are bounded, by name
  absl::flat_hash_set<TenantId> bounds_runs;
  absl::flat_hash_map<std::string_view, BurndownRates> burndown_by_name;
  absl::flat_hash_map<PoolId, BurndownRates> burndown;
  absl::btree_map<GrantId, Given> open;
  /// By minute and key: limits of an hour or longer need it no finer. What came back of earlier minutes' takes is apart
  /// and goes first, for it may find the level drained. (Each counts up to a minute early, so a level may be short of
  /// up to two minutes' worth.)
  absl::btree_map<std::pair<Instant, KeyId>, Used> used;
  /// By key and day in which the grant was given.
  absl::btree_map<std::pair<KeyId, Instant>, ledger::Money> charged;
  Runs runs;

  Past(const EngineSettings& settings, Instant at) : now(at) {
    for (const TenantSettings& tenant : settings.tenants) {
      if (BoundsRuns(tenant.runs)) tenants_with_runs.insert(tenant.name);
    }
    for (const PoolSettings& pool : settings.pools) burndown_by_name[pool.name] = pool.burndown;
  }

  void See(const ledger::Entry& entry) {
    std::visit([this](const auto& what) { On(what); }, entry);
  }
  /// Leases that ended since the last entry.
  void Finish() {
    for (auto& [id, given] : open) EndLease(given, now);
  }

 private:
  template <class T>
  void On(const T&) {}  // says nothing about them
  void On(const ledger::NameEntry& name) {
    const bool bounds = name.kind == ledger::NameKind::kTenant && tenants_with_runs.contains(name.name);
    if (bounds) bounds_runs.insert(TenantId{name.id});
    if (name.kind != ledger::NameKind::kPool) return;
    if (const auto pool = burndown_by_name.find(name.name); pool != burndown_by_name.end()) {
      burndown[PoolId{name.id}] = pool->second;
    }
  }
  void On(const ledger::GrantEntry& grant) {
    Given given{.tenant = grant.terms.tenant,
                .key = grant.terms.key,
                .pool = grant.terms.pool,
                .at = grant.at,
                .lease_deadline = grant.lease_deadline,
                .run = {},
                .estimate = grant.estimate,
                .work = grant.work,
                .so_far = {},
                .attributed = {},
                .charged = {},
                .charged_work = {}};
    if (!grant.run.empty() && bounds_runs.contains(given.tenant)) given.run = RunKeyOf(given.tenant, grant.run);
    if (given.run) runs.Admit(*given.run, ledger::Money(), grant.at);
    Charge(given, grant.estimate, grant.work, grant.at, 1);
    open[grant.id] = std::move(given);
  }
  void On(const ledger::ProgressEntry& progress) {
    const auto found = open.find(progress.id);
    if (found == open.end()) return;
    Given& given = found->second;
    EndLease(given, progress.at);
    if (!given.lease_over) given.lease_deadline = progress.lease_deadline;
    given.so_far = progress.so_far;
    for (const ledger::Attribution& one : progress.attributions) given.attributed += one.work;
    TokenCounts known = given.estimate;
    for (TokenKind kind : kAllTokenKinds) known[kind] = std::max(known[kind], given.so_far[kind]);
    if (const auto pool = burndown.find(given.pool); pool != burndown.end()) {
      Charge(given, known, WorkOf(known, pool->second), progress.at);
    }
  }
  void On(const ledger::SettleEntry& settle) {
    const auto found = open.find(settle.id);
    // A grant whose record was lost counts as given when it settled.
    const Instant at = found == open.end() ? settle.at : found->second.at;
    if (!settle.charge.IsZero()) charged[{settle.terms.key, WindowStart(at, Days(1))}] += settle.charge;
    if (found == open.end()) return;
    EndLease(found->second, settle.at);
    Charge(found->second, settle.tokens + settle.unbilled, settle.work, settle.at);
    End(found, settle.charge, settle.at);
  }
  void On(const ledger::ExpireEntry& expire) {
    const auto found = open.find(expire.id);
    if (found == open.end()) return;
    EndLease(found->second, expire.at);
    Charge(found->second, found->second.so_far, found->second.attributed, expire.at);
    End(found, ledger::Money(), expire.at);
  }
  void On(const ledger::VoidEntry& gone) {
    const auto found = open.find(gone.id);
    if (found == open.end()) return;
    EndLease(found->second, gone.at);
    Charge(found->second, TokenCounts{}, Work::Zero(), gone.at, -1);
    End(found, ledger::Money(), gone.at);
  }

  void End(absl::btree_map<GrantId, Given>::iterator which, const ledger::Money& charge, Instant at) {
    if (which->second.run) runs.Settle(*which->second.run, ledger::Money(), charge, at);
    open.erase(which);
  }
  void EndLease(Given& given, Instant at) {
    if (given.lease_over || given.lease_deadline > at) return;
    given.lease_over = true;
    Charge(given, given.so_far, given.attributed, given.lease_deadline);
  }
  /// Makes what limits are charged for a grant what was known at that time.
  void Charge(Given& given, const TokenCounts& tokens, Work work, Instant at, int64_t requests = 0) {
    const TokenCounts more = tokens - given.charged;
    const Work more_work = work - given.charged_work;
    given.charged = tokens;
    given.charged_work = work;
    if (given.at + kLongestLimit <= now) return;  // nothing is given back of what is not counted any more
    const Instant minute = WindowStart(at, Minutes(1));
    Used& in_minute = used[{minute, given.key}];
    const bool at_once = WindowStart(given.at, Minutes(1)) == minute;
    const auto side = [&](bool back) -> admission::Usage& {
      return back && !at_once ? in_minute.back : in_minute.taken;
    };
    for (TokenKind kind : kAllTokenKinds) side(more[kind] < Tokens::Zero()).tokens[kind] += more[kind];
    side(more_work < Work::Zero()).work += more_work;
    side(requests < 0).requests += requests;
  }
};

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(const EngineSettings& settings,
                                                     std::unique_ptr<ledger::Journal> journal,
                                                     const SchedulerFactory& scheduling, Instant now) {
  Past past(settings, now);
  auto ledger = ledger::Ledger::Open(std::move(journal), [&](const ledger::Entry& entry) { past.See(entry); });
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
  if (absl::Status written = engine->ledger_->WriteBatch(); !written.ok()) return written;
  // A power cut must not give this epoch, and with it the ids of its grants, to a later boot as well.
  if (absl::Status synced = engine->ledger_->SyncJournal().status(); !synced.ok()) return synced;
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
  accounts_.DisableAll();
  Bind(settings, now_);
  Say(reconfigure.ticket, Reconfigured{});
}

/// What the journal says against these settings, before anything is changed.
absl::Status Engine::CheckSettings(const EngineSettings& settings) const {
  const ledger::Tariff& tariff = settings.tariff;
  for (const ledger::TariffEntry& known : books().tariffs()) {
    if (known.tariff.version != tariff.version || known.tariff == tariff) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("tariff version '", tariff.version,
                     "' is already in the journal with other terms: prices that were charged cannot change; give the "
                     "changed tariff a new version"));
  }
  if (!books().tariffs().empty() && books().tariffs().back().tariff.currency != tariff.currency) {
    return absl::FailedPreconditionError(
        absl::StrCat("the journal's books are in ", books().tariffs().back().tariff.currency, ", tariff '",
                     tariff.version, "' is in ", tariff.currency, ": one journal keeps one currency"));
  }
  for (const PoolSettings& pool : settings.pools) {
    if (tariff.PricesOf(pool.name) != nullptr) continue;
    return absl::FailedPreconditionError(absl::StrCat("tariff ", tariff.version, " has no prices for pool '", pool.name,
                                                      "': add them under tariff.pools"));
  }
  return absl::OkStatus();
}

void Engine::Bind(const EngineSettings& settings, Instant budgets_since) {
  PinTariff(settings.tariff);
  BindPools(settings);
  for (size_t tier = 0; tier < kTierCount; ++tier) {
    accounts_.SetTierLimits(static_cast<Tier>(tier), settings.tier_limits[tier], now_);
  }
  for (const TenantSettings& tenant : settings.tenants) {
    const TenantId id{BindName(ledger::NameKind::kTenant, 0, tenant.name)};
    accounts_.SetTenant(id, tenant, PoolsNamed(tenant.pools), books().BalanceOf(id).posted, budgets_since, now_);
    for (const KeySettings& key : tenant.keys) {
      const KeyId key_id{BindName(ledger::NameKind::kKey, id.value, key.name)};
      accounts_.SetKey(key_id, id, key, PoolsNamed(key.policy.pools), budgets_since, now_);
    }
    BindReservations(id, tenant.reservations);
  }
  for (uint32_t id = 1; id <= books().CountOf(ledger::NameKind::kTenant); ++id) {
    if (accounts_.FindTenant(TenantId{id}) == nullptr) BindReservations(TenantId{id}, {});
  }
  // What keys used that are gone still counts for their tenants.
  for (uint32_t id = 1; id <= books().CountOf(ledger::NameKind::kKey); ++id) {
    accounts_.KnowKey(KeyId{id}, TenantId{books().NameOf(ledger::NameKind::kKey, id).owner});
  }
}

uint32_t Engine::BindName(ledger::NameKind kind, uint32_t owner, const std::string& name) {
  if (const std::optional<uint32_t> known = books().IdOf(kind, owner, name)) return *known;
  const uint32_t id = books().CountOf(kind) + 1;
  ledger_->Post(ledger::NameEntry{kind, id, owner, name});
  return id;
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

void Engine::PinTariff(const ledger::Tariff& tariff) {
  for (const ledger::TariffEntry& known : books().tariffs()) {
    if (known.tariff.version == tariff.version) {
      tariff_ = known.id;
      return;
    }
  }
  tariff_ = static_cast<uint32_t>(books().tariffs().size() + 1);
  ledger_->Post(ledger::TariffEntry{tariff_, tariff});
}

// Limits of an hour or longer, budgets and runs outlive a restart.
void Engine::Recall(Past& past) {
  for (const auto& [when, used] : past.used) {
    accounts_.Replay(when.second, used.back, when.first);
    accounts_.Replay(when.second, used.taken, when.first);
  }
  for (const auto& [when, charge] : past.charged) {
    accounts_.SettleMoney(when.first, ledger::Money(), charge, when.second);
  }
  runs_ = std::move(past.runs);
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
    const bool run_bound = running.in_run && !tenant->policy->runs.max_spend.IsZero();
    running.money_bound = run_bound || accounts_.IsBudgeted(grant.terms.key);
    if (running.money_bound) {
      running.hold = grant.hold;
      accounts_.HoldMoney(grant.terms.key, grant.hold, grant.at);
    }
    if (running.in_run) runs_.Hold(running.run, running.hold);
    // A report after the lease moved its deadline in the journal, yet brought no slot back.
    running.holds_slot = pool != nullptr && !given.lease_over;
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
