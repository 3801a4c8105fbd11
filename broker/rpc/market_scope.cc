#include "broker/rpc/market_scope.h"

#include <absl/strings/strip.h>

namespace penstock::rpc {
namespace {

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

/// Reads "{collection}/{number}" at the end of a name; 0 when it does not end so.
uint64_t NumberAt(const std::string& name, size_t at, std::string_view collection) {
  absl::string_view rest = absl::string_view(name).substr(at);
  uint64_t number = 0;
  const bool fits = absl::ConsumePrefix(&rest, "/") && absl::ConsumePrefix(&rest, Abseil(collection)) &&
                    absl::ConsumePrefix(&rest, "/") && absl::SimpleAtoi(rest, &number);
  return fits && rest == absl::StrCat(number) ? number : 0;
}

/// Where the second slash of a name is, or its end.
size_t SecondSlash(const std::string& name) {
  const size_t first = name.find('/');
  return first == std::string::npos ? name.size() : std::min(name.find('/', first + 1), name.size());
}

}  // namespace

std::string NameOfOwned(const std::string& tenant, const OwnedKind& kind, uint64_t number) {
  return absl::StrCat(tenant, "/", Abseil(kind.collection), "/", number);
}

grpc::Status UnknownOwned(const OwnedKind& kind, const std::string& name) {
  return ToStatus({kind.unknown, "name",
                   absl::StrCat("there is no '", name.substr(0, 160), "'; the form is tenants/{tenant}/",
                                Abseil(kind.collection), "/{number}")});
}

grpc::Status ReadOwned(const std::string& name, const OwnedKind& kind, const auth::Principal& principal,
                       const Names& names, Owned* owned) {
  if (name.empty()) return InvalidField("name", "is required");
  const size_t split = SecondSlash(name);
  const std::string tenant = name.substr(0, split);
  const bool is_tenant = principal.role == auth::Role::kTenant;
  if (is_tenant && tenant != "tenants/" + principal.tenant && tenant.rfind("tenants/", 0) == 0) {
    return ToStatus({core::ErrorReason::kPermissionDenied, "name", "a tenant acts for itself only"});
  }
  const std::optional<TenantId> id = names.Tenant(tenant);
  owned->number = NumberAt(name, split, kind.collection);
  if (!id || owned->number == 0) return UnknownOwned(kind, name);
  owned->tenant = *id;
  return grpc::Status::OK;
}

std::string NameOfPrice(const std::string& pool, uint32_t number) { return absl::StrCat(pool, "/prices/", number); }

grpc::Status UnknownPrice(const std::string& name) {
  return ErrorStatus(grpc::StatusCode::NOT_FOUND, "UNKNOWN_PRICE",
                     "name: there is no '" + name.substr(0, 160) + "'; the form is pools/{pool}/prices/{number}",
                     {{"field", "name"}});
}

grpc::Status ReadPriceName(const std::string& name, const Names& names, PriceName* price) {
  const size_t split = SecondSlash(name);
  const std::optional<PoolId> pool = names.Pool(name.substr(0, split));
  const uint64_t number = NumberAt(name, split, "prices");
  if (!pool || number == 0 || number > std::numeric_limits<uint32_t>::max()) return UnknownPrice(name);
  *price = {*pool, static_cast<uint32_t>(number)};
  return grpc::Status::OK;
}

grpc::Status ReadParent(const std::string& parent, Parent need, const auth::Principal& principal, const Names& names,
                        TenantId* tenant) {
  const std::string own = "tenants/" + principal.tenant;
  const bool is_tenant = principal.role == auth::Role::kTenant;
  const std::string& name = is_tenant && parent.empty() ? own : parent;
  if (is_tenant && name != own) {
    return ToStatus({core::ErrorReason::kPermissionDenied, "parent", "a tenant acts for itself only: leave it out"});
  }
  if (name.empty()) {
    if (need == Parent::kOptional) return grpc::Status::OK;
    return InvalidField("parent", "is required: tenants/{tenant}");
  }
  const std::optional<TenantId> found = names.Tenant(name);
  if (!found) {
    return ErrorStatus(grpc::StatusCode::NOT_FOUND, "UNKNOWN_TENANT",
                       "parent: there is no '" + name.substr(0, 160) + "'; the form is tenants/{tenant}",
                       {{"field", "parent"}});
  }
  *tenant = *found;
  return grpc::Status::OK;
}

grpc::Status ReadPool(const std::string& name, const std::string& field, const Names& names, PoolId* pool) {
  if (name.empty()) return InvalidField(field, "is required: pools/{pool}");
  const std::optional<PoolId> found = names.Pool(name);
  if (!found) {
    return ToStatus({core::ErrorReason::kUnknownPool, field,
                     "there is no '" + name.substr(0, 160) + "'; the form is pools/{pool}"});
  }
  *pool = *found;
  return grpc::Status::OK;
}

grpc::Status ReadEtag(const std::string& etag, uint64_t* version) {
  *version = 0;
  if (etag.empty()) return grpc::Status::OK;
  absl::string_view number = etag;
  const bool quoted = absl::ConsumePrefix(&number, "\"") && absl::ConsumeSuffix(&number, "\"");
  if (quoted && absl::SimpleAtoi(number, version) && *version != 0) return grpc::Status::OK;
  return InvalidField("etag", "is not one that this service gave");
}

std::string EtagOf(uint64_t version) { return absl::StrCat("\"", version, "\""); }

}  // namespace penstock::rpc
