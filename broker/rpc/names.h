// Resource names on the wire <-> ids inside. A snapshot taken at start; immutable, so every thread may read it.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admission/vocabulary/ids.h"
#include "broker/core/engine.h"

namespace penstock::rpc {

class Names {
 public:
  explicit Names(const core::Engine& engine);

  /// "tenants/{tenant}/keys/{key}"
  std::optional<std::pair<TenantId, KeyId>> Key(const std::string& resource) const;
  /// "tenants/{tenant}"
  std::optional<TenantId> Tenant(const std::string& resource) const;
  /// "pools/{pool}"
  std::optional<PoolId> Pool(const std::string& resource) const;

  std::string NameOf(TenantId id) const { return "tenants/" + At(tenants_, id.value); }
  std::string NameOf(PoolId id) const { return "pools/" + At(pools_, id.value); }
  /// "tenants/{tenant}/keys/{key}"
  std::string NameOf(KeyId id) const { return At(keys_, id.value); }

  /// The pinned prices of a grant, for its answer; null when the tariff does not know the pool.
  const ledger::Tariff& TariffOf(uint32_t id) const { return tariffs_.at(id - 1); }
  const ledger::Tariff& CurrentTariff() const { return current_tariff_; }
  const ledger::TokenPrices* PricesOf(const ledger::GrantTerms& terms) const;

 private:
  static const std::string& At(const std::vector<std::string>& names, uint32_t id);
  std::vector<std::string> tenants_;  // id n at index n - 1
  std::vector<std::string> keys_;     // whole resource names
  std::vector<std::string> pools_;
  std::vector<ledger::Tariff> tariffs_;
  ledger::Tariff current_tariff_;
  absl::flat_hash_map<std::string, std::pair<TenantId, KeyId>> key_ids_;
  absl::flat_hash_map<std::string, TenantId> tenant_ids_;
  absl::flat_hash_map<std::string, PoolId> pool_ids_;
};

}  // namespace penstock::rpc
