// Opening: replay, bind names, pin the tariff, resume what earlier boots granted.
#include "broker/core/engine.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

namespace penstock::core {

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(const EngineSettings& settings,
                                                     std::unique_ptr<ledger::Journal> journal,
                                                     const SchedulerFactory& scheduling, Instant now) {
  std::vector<ledger::Entry> recent;  // grants and settlements that limits of an hour or longer still count
  const auto observe = [&](const ledger::Entry& entry) {
    if (const auto* grant = std::get_if<ledger::GrantEntry>(&entry); grant && grant->at + kLongestLimit > now) {
      recent.push_back(entry);
    } else if (const auto* end = std::get_if<ledger::SettleEntry>(&entry); end && end->at + kLongestLimit > now) {
      recent.push_back(entry);
    }
  };
  auto ledger = ledger::Ledger::Open(std::move(journal), observe);
  if (!ledger.ok()) return ledger.status();
  std::unique_ptr<Engine> engine(new Engine(*std::move(ledger)));
  engine->now_ = std::max(now, engine->books().newest());
  engine->ledger_->Post(ledger::BootEntry{engine->books().epoch() + 1, engine->now_});
  if (absl::Status pinned = engine->PinTariff(settings.tariff); !pinned.ok()) return pinned;
  engine->BindTenants(settings);
  if (absl::Status bound = engine->BindPools(settings, scheduling); !bound.ok()) return bound;
  engine->ReplayLimits(recent);
  engine->ResumeOpenGrants();
  if (absl::Status written = engine->ledger_->WriteBatch(); !written.ok()) return written;
  // A power cut must not give this epoch, and with it the ids of its grants, to a later boot as well.
  if (absl::Status synced = engine->ledger_->SyncJournal().status(); !synced.ok()) return synced;
  return engine;
}

uint32_t Engine::Bind(ledger::NameKind kind, uint32_t owner, const std::string& name) {
  if (const std::optional<uint32_t> known = books().IdOf(kind, owner, name)) return *known;
  const uint32_t id = books().CountOf(kind) + 1;
  ledger_->Post(ledger::NameEntry{kind, id, owner, name});
  return id;
}

void Engine::BindTenants(const EngineSettings& settings) {
  for (const TenantSettings& tenant : settings.tenants) {
    const TenantId id{Bind(ledger::NameKind::kTenant, 0, tenant.name)};
    accounts_.AddTenant(id, tenant);
    for (const KeySettings& key : tenant.keys) {
      accounts_.AddKey(KeyId{Bind(ledger::NameKind::kKey, id.value, key.name)}, id, key);
    }
  }
}

absl::Status Engine::BindPools(const EngineSettings& settings, const SchedulerFactory& scheduling) {
  for (const PoolSettings& pool : settings.pools) {
    if (tariff().tariff.PricesOf(pool.name) == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat("tariff ", tariff().tariff.version, " has no prices for pool '",
                                                        pool.name, "': add them under tariff.pools"));
    }
    const PoolId id{Bind(ledger::NameKind::kPool, 0, pool.name)};
    pools_.push_back(std::make_unique<PoolState>(id, pool, scheduling, now_));
    pool_by_id_[id] = pools_.back().get();
  }
  for (const TenantSettings& tenant : settings.tenants) {
    if (!tenant.reservation) continue;
    for (const auto& pool : pools_) {
      if (pool->settings().name != tenant.reservation->pool) continue;
      pool->AddReservation(TenantId{*books().IdOf(ledger::NameKind::kTenant, 0, tenant.name)}, *tenant.reservation,
                           now_);
    }
  }
  return absl::OkStatus();
}

absl::Status Engine::PinTariff(const ledger::Tariff& tariff) {
  for (const ledger::TariffEntry& known : books().tariffs()) {
    if (known.tariff.version != tariff.version) continue;
    if (known.tariff == tariff) {
      tariff_ = known.id;
      return absl::OkStatus();
    }
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
  tariff_ = static_cast<uint32_t>(books().tariffs().size() + 1);
  ledger_->Post(ledger::TariffEntry{tariff_, tariff});
  return absl::OkStatus();
}

// Limits of an hour or longer outlive a restart: what recent grants held, corrected by what was settled.
void Engine::ReplayLimits(const std::vector<ledger::Entry>& recent) {
  absl::flat_hash_map<GrantId, admission::Usage> settled;
  for (const ledger::Entry& entry : recent) {
    if (const auto* end = std::get_if<ledger::SettleEntry>(&entry)) {
      settled[end->id] = {.requests = 1, .tokens = end->tokens, .work = end->work};
    }
  }
  for (const ledger::Entry& entry : recent) {
    const auto* grant = std::get_if<ledger::GrantEntry>(&entry);
    if (grant == nullptr) continue;
    const auto known = settled.find(grant->id);
    const admission::Usage held{.requests = 1, .tokens = grant->estimate, .work = grant->work};
    accounts_.Replay(grant->terms.key, known == settled.end() ? held : known->second, grant->at);
  }
}

// Grants of earlier boots keep their holds, and their slots until their leases end: the fleet may still be running
// them.
void Engine::ResumeOpenGrants() {
  for (const auto& [id, open] : books().open()) {
    const ledger::GrantEntry& grant = open.grant;
    Running running;
    running.terms = grant.terms;
    running.charge = {.tenant = grant.terms.tenant, .served = grant.terms.served, .work = grant.work};
    running.usage = {.requests = 1, .tokens = grant.estimate, .work = grant.work};
    running.lease_deadline = grant.lease_deadline;
    running.settle_deadline = grant.settle_deadline;
    running.of_earlier_boot = true;
    PoolState* pool = MutablePool(grant.terms.pool);
    running.holds_slot = pool != nullptr && grant.lease_deadline > now_;
    if (running.holds_slot) {
      pool->scheduler().OccupySlot(running.charge, now_);
      pool->CountSlotOfEarlierBoot(+1);
      accounts_.OccupyParallel(grant.terms.key, now_);
      leases_.emplace(running.lease_deadline, id);
    }
    settlements_.emplace(running.settle_deadline, id);
    running_.emplace(id, running);
  }
}

}  // namespace penstock::core
