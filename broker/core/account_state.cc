#include "broker/core/account_state.h"

#include "admission/vocabulary/check.h"

namespace penstock::core {

void AccountState::AddTenant(TenantId id, const TenantSettings& settings) {
  tenants_[id] = Tenant{id, settings, admission::LimitSet(settings.limits, settings.max_parallel)};
}

void AccountState::AddKey(KeyId id, TenantId tenant, const KeySettings& settings) {
  PENSTOCK_CHECK(tenants_.contains(tenant));
  keys_[id] = Key{id, tenant, settings, admission::LimitSet(settings.limits, settings.max_parallel)};
}

const Tenant* AccountState::FindTenant(TenantId id) const {
  const auto found = tenants_.find(id);
  return found == tenants_.end() ? nullptr : &found->second;
}

const Key* AccountState::FindKey(KeyId id) const {
  const auto found = keys_.find(id);
  return found == keys_.end() ? nullptr : &found->second;
}

Key* AccountState::MutableKey(KeyId id) {
  const auto found = keys_.find(id);
  return found == keys_.end() ? nullptr : &found->second;
}

std::optional<LimitVerdict> AccountState::WouldRefuse(KeyId id, const admission::Usage& usage, Instant now) {
  Key* key = MutableKey(id);
  PENSTOCK_CHECK(key != nullptr);
  std::optional<LimitVerdict> worst;
  const auto ask = [&](admission::LimitSet& limits, const char* scope) {
    admission::LimitRefusal refusal;
    if (!limits.WouldRefuse(usage, now, &refusal)) return;
    if (worst && worst->refusal.retry_after >= refusal.retry_after) return;
    const bool parallel = refusal.limit == admission::kParallelLimit;
    refusal.limit = std::string(scope) + "." + refusal.limit;
    worst = LimitVerdict{parallel, std::move(refusal)};
  };
  ask(key->limits, "key");
  ask(tenants_.at(key->tenant).limits, "tenant");
  return worst;
}

void AccountState::Take(KeyId id, const admission::Usage& usage, Instant now) {
  Key* key = MutableKey(id);
  PENSTOCK_CHECK(key != nullptr);
  key->limits.Take(usage, now);
  tenants_.at(key->tenant).limits.Take(usage, now);
}

// Grants outlive configurations: a key may be gone when its last grant ends, and then there is nothing to correct.
void AccountState::TrueUp(KeyId id, const admission::Usage& charged, const admission::Usage& known, Instant now) {
  if (Key* key = MutableKey(id)) {
    key->limits.TrueUp(charged, known, now);
    tenants_.at(key->tenant).limits.TrueUp(charged, known, now);
  }
}

void AccountState::ReleaseParallel(KeyId id) {
  if (Key* key = MutableKey(id)) {
    key->limits.ReleaseParallel();
    tenants_.at(key->tenant).limits.ReleaseParallel();
  }
}

void AccountState::OccupyParallel(KeyId id, Instant now) {
  if (Key* key = MutableKey(id)) {
    const admission::Usage nothing{.requests = 0, .tokens = {}, .work = {}};
    key->limits.Take(nothing, now);
    tenants_.at(key->tenant).limits.Take(nothing, now);
  }
}

void AccountState::Replay(KeyId id, const admission::Usage& usage, Instant at) {
  if (Key* key = MutableKey(id)) {
    key->limits.Replay(usage, at);
    tenants_.at(key->tenant).limits.Replay(usage, at);
  }
}

}  // namespace penstock::core
