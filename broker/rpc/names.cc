#include "broker/rpc/names.h"

namespace penstock::rpc {

Names::Names(const core::Engine& engine) : current_tariff_(engine.tariff().tariff) {
  const ledger::Books& books = engine.books();
  for (uint32_t id = 1; id <= books.CountOf(ledger::NameKind::kTenant); ++id) {
    tenants_.push_back(books.NameOf(ledger::NameKind::kTenant, id).name);
    tenant_ids_["tenants/" + tenants_.back()] = TenantId{id};
  }
  for (uint32_t id = 1; id <= books.CountOf(ledger::NameKind::kKey); ++id) {
    const ledger::NameEntry& key = books.NameOf(ledger::NameKind::kKey, id);
    keys_.push_back("tenants/" + tenants_.at(key.owner - 1) + "/keys/" + key.name);
    key_ids_[keys_.back()] = {TenantId{key.owner}, KeyId{id}};
  }
  for (uint32_t id = 1; id <= books.CountOf(ledger::NameKind::kPool); ++id) {
    pools_.push_back(books.NameOf(ledger::NameKind::kPool, id).name);
    pool_ids_["pools/" + pools_.back()] = PoolId{id};
  }
  for (const ledger::TariffEntry& entry : books.tariffs()) tariffs_.push_back(entry.tariff);
}

std::optional<std::pair<TenantId, KeyId>> Names::Key(const std::string& resource) const {
  const auto found = key_ids_.find(resource);
  return found == key_ids_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<TenantId> Names::Tenant(const std::string& resource) const {
  const auto found = tenant_ids_.find(resource);
  return found == tenant_ids_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<PoolId> Names::Pool(const std::string& resource) const {
  const auto found = pool_ids_.find(resource);
  return found == pool_ids_.end() ? std::nullopt : std::optional(found->second);
}

const std::string& Names::At(const std::vector<std::string>& names, uint32_t id) {
  PENSTOCK_CHECK(id >= 1 && id <= names.size());
  return names[id - 1];
}

const ledger::TokenPrices* Names::PricesOf(const ledger::GrantTerms& terms) const {
  const ledger::PoolPrices* prices = TariffOf(terms.tariff).PricesOf(At(pools_, terms.pool.value));
  return prices == nullptr ? nullptr : &prices->by_class[static_cast<size_t>(terms.served)];
}

}  // namespace penstock::rpc
