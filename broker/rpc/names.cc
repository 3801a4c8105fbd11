#include "broker/rpc/names.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

namespace penstock::rpc {

namespace {

constexpr absl::string_view kTenants = "tenants/";
constexpr absl::string_view kKeys = "/keys/";
constexpr absl::string_view kProjects = "/projects/";
constexpr absl::string_view kPools = "pools/";

/// What `found` says in an index; nothing when it is not there.
template <class Map, class Key>
auto Look(const Map& map, const Key& key) -> std::optional<typename Map::mapped_type> {
  const auto found = map.find(key);
  return found == map.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

std::unique_ptr<const Names::Snapshot> Names::Read(const core::Engine& engine) {
  auto names = std::make_unique<Snapshot>();
  names->current_tariff = engine.tariff().tariff;
  const ledger::Books& books = engine.books();
  const auto read = [&books](ledger::NameKind kind, std::vector<std::string>* out) {
    out->reserve(books.CountOf(kind));
    for (uint32_t id = 1; id <= books.CountOf(kind); ++id) out->push_back(books.NameOf(kind, id).name);
  };
  read(ledger::NameKind::kTenant, &names->tenants);
  read(ledger::NameKind::kKey, &names->keys);
  read(ledger::NameKind::kPool, &names->pools);
  names->tenant_ids.reserve(names->tenants.size());
  names->key_ids.reserve(names->keys.size());
  names->owners.reserve(names->keys.size());
  for (uint32_t id = 1; id <= names->tenants.size(); ++id) names->tenant_ids[names->tenants[id - 1]] = TenantId{id};
  for (uint32_t id = 1; id <= names->keys.size(); ++id) {
    names->owners.push_back(TenantId{books.NameOf(ledger::NameKind::kKey, id).owner});
    names->key_ids[{names->owners.back(), names->keys[id - 1]}] = KeyId{id};
  }
  for (uint32_t id = 1; id <= names->pools.size(); ++id) names->pool_ids[names->pools[id - 1]] = PoolId{id};
  for (uint32_t id = 1; id <= books.CountOf(ledger::NameKind::kProject); ++id) {
    const ledger::NameEntry& project = books.NameOf(ledger::NameKind::kProject, id);
    names->project_ids[{TenantId{project.owner}, project.name}] = ProjectId{id};
  }
  for (const ledger::TariffEntry& entry : books.tariffs()) names->tariffs.push_back(entry.tariff);
  return names;
}

// Names have no slash in them, so there is only one way to read a resource name.
std::optional<std::pair<TenantId, KeyId>> Names::Key(const std::string& resource) const {
  absl::string_view rest = resource;
  if (!absl::ConsumePrefix(&rest, kTenants)) return std::nullopt;
  const size_t split = rest.find(kKeys);
  if (split == absl::string_view::npos) return std::nullopt;
  const Snapshot& names = snapshot_.Get();
  const std::optional<TenantId> tenant = Look(names.tenant_ids, rest.substr(0, split));
  if (!tenant) return std::nullopt;
  const std::optional<KeyId> key = Look(names.key_ids, std::pair(*tenant, rest.substr(split + kKeys.size())));
  return key ? std::optional(std::pair(*tenant, *key)) : std::nullopt;
}

std::optional<std::pair<TenantId, ProjectId>> Names::Project(const std::string& resource) const {
  const size_t split = resource.find(kProjects.data(), 0, kProjects.size());
  if (split == std::string::npos) return std::nullopt;
  const std::optional<TenantId> tenant = Tenant(resource.substr(0, split));
  if (!tenant) return std::nullopt;
  const auto project = Look(snapshot_.Get().project_ids, std::pair(*tenant, resource.substr(split + kProjects.size())));
  return project ? std::optional(std::pair(*tenant, *project)) : std::nullopt;
}

std::optional<TenantId> Names::Tenant(const std::string& resource) const {
  absl::string_view rest = resource;
  return absl::ConsumePrefix(&rest, kTenants) ? Look(snapshot_.Get().tenant_ids, rest) : std::nullopt;
}

std::optional<PoolId> Names::Pool(const std::string& resource) const {
  absl::string_view rest = resource;
  return absl::ConsumePrefix(&rest, kPools) ? Look(snapshot_.Get().pool_ids, rest) : std::nullopt;
}

std::optional<ProjectId> Names::Project(TenantId tenant, const std::string& name) const {
  return Look(snapshot_.Get().project_ids, std::pair(tenant, name));
}

std::string Names::NameOf(KeyId id) const {
  const Snapshot& names = snapshot_.Get();
  const std::string& key = At(names.keys, id.value);
  return absl::StrCat(kTenants, At(names.tenants, names.owners[id.value - 1].value), kKeys, key);
}

const std::string& Names::At(const std::vector<std::string>& names, uint32_t id) {
  PENSTOCK_CHECK(id >= 1 && id <= names.size());
  return names[id - 1];
}

}  // namespace penstock::rpc
