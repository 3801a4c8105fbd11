// Resource names on the wire <-> ids inside. A snapshot, taken at start and after every reload; every thread may read
// it.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/strings/string_view.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admission/vocabulary/ids.h"
#include "broker/auth/published.h"
#include "broker/core/engine.h"

namespace penstock::rpc {

class Names {
 public:
  explicit Names(const core::Engine& engine) : snapshot_(Read(engine)) {}
  /// Takes a new snapshot. On the loop's thread.
  void Update(const core::Engine& engine) { snapshot_.Publish(Read(engine)); }

  /// "tenants/{tenant}/keys/{key}"
  std::optional<std::pair<TenantId, KeyId>> Key(const std::string& resource) const;
  /// "tenants/{tenant}/projects/{project}"
  std::optional<std::pair<TenantId, ProjectId>> Project(const std::string& resource) const;
  /// "tenants/{tenant}"
  std::optional<TenantId> Tenant(const std::string& resource) const;
  /// "pools/{pool}"
  std::optional<PoolId> Pool(const std::string& resource) const;
  /// A tenant's project, by its name.
  std::optional<ProjectId> Project(TenantId tenant, const std::string& name) const;

  std::string NameOf(TenantId id) const { return "tenants/" + At(snapshot_.Get().tenants, id.value); }
  std::string NameOf(PoolId id) const { return "pools/" + At(snapshot_.Get().pools, id.value); }
  /// "tenants/{tenant}/keys/{key}"
  std::string NameOf(KeyId id) const;

  const ledger::Tariff& TariffOf(uint32_t id) const { return snapshot_.Get().tariffs.at(id - 1); }
  const ledger::Tariff& CurrentTariff() const { return snapshot_.Get().current_tariff; }

 private:
  /// There may be a million tenants: each name is kept once, and the indexes look into it.
  struct Snapshot {
    std::vector<std::string> tenants;  // id n at index n - 1
    std::vector<std::string> keys;     // likewise; names inside their tenants
    std::vector<TenantId> owners;      // of the keys
    std::vector<std::string> pools;
    std::vector<ledger::Tariff> tariffs;
    ledger::Tariff current_tariff;
    absl::flat_hash_map<absl::string_view, TenantId> tenant_ids;
    absl::flat_hash_map<std::pair<TenantId, absl::string_view>, KeyId> key_ids;
    absl::flat_hash_map<absl::string_view, PoolId> pool_ids;
    absl::flat_hash_map<std::pair<TenantId, std::string>, ProjectId> project_ids;
  };
  static std::unique_ptr<const Snapshot> Read(const core::Engine& engine);
  static const std::string& At(const std::vector<std::string>& names, uint32_t id);
  auth::Published<Snapshot> snapshot_;
};

}  // namespace penstock::rpc
