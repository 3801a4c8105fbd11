// Accounts: who may do what, their limits, and what a grant holds of their money. The owner of an account need not be
// the owner of the pool (a fleet splits them), so pools see only this narrow face.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <optional>
#include <string>
#include <vector>

#include "admission/limits.h"
#include "admission/vocabulary/ids.h"
#include "broker/core/settings.h"
#include "ledger/books.h"

namespace penstock::core {

/// A tenant, with its name resolved.
struct Tenant {
  TenantId id;
  TenantSettings settings;
  admission::LimitSet limits;
};

struct Key {
  KeyId id;
  TenantId tenant;
  KeySettings settings;
  admission::LimitSet limits;
};

/// The limit that refused, named with its scope: "tenant.tokens_per_minute", "key.parallel".
struct LimitVerdict {
  bool parallel = false;
  admission::LimitRefusal refusal;
};

class AccountState {
 public:
  void AddTenant(TenantId id, const TenantSettings& settings);
  void AddKey(KeyId id, TenantId tenant, const KeySettings& settings);

  const Tenant* FindTenant(TenantId id) const;
  const Key* FindKey(KeyId id) const;

  /// The most restrictive limit of key and tenant that refuses this usage, or nothing. Consumes nothing.
  std::optional<LimitVerdict> WouldRefuse(KeyId key, const admission::Usage& usage, Instant now);
  void Take(KeyId key, const admission::Usage& usage, Instant now);
  void TrueUp(KeyId key, const admission::Usage& charged, const admission::Usage& known, Instant now);
  void ReleaseParallel(KeyId key);
  /// Occupies a parallel place for a grant of an earlier boot.
  void OccupyParallel(KeyId key, Instant now);
  /// Counts past usage against limits of an hour or longer, while the journal is replayed.
  void Replay(KeyId key, const admission::Usage& usage, Instant at);

 private:
  Key* MutableKey(KeyId id);
  absl::flat_hash_map<TenantId, Tenant> tenants_;
  absl::flat_hash_map<KeyId, Key> keys_;
};

}  // namespace penstock::core
