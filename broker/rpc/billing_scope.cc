#include "broker/rpc/billing_scope.h"

namespace penstock::rpc {

grpc::Status ReadTenant(const std::string& requested, const auth::Principal& principal, const Names& names,
                        BillingScope* scope) {
  const std::string own = "tenants/" + principal.tenant;
  const bool is_tenant = principal.role == auth::Role::kTenant;
  scope->tenant_name = is_tenant && requested.empty() ? own : requested;
  if (is_tenant && scope->tenant_name != own) {
    return ToStatus({core::ErrorReason::kPermissionDenied, "tenant", "a tenant sees only itself: leave it out"});
  }
  const std::optional<TenantId> tenant = names.Tenant(scope->tenant_name);
  if (!tenant) {
    return ErrorStatus(grpc::StatusCode::NOT_FOUND, "UNKNOWN_TENANT",
                       "tenant: there is no '" + scope->tenant_name.substr(0, 160) + "'; the form is tenants/{tenant}");
  }
  scope->tenant = *tenant;
  return grpc::Status::OK;
}

}  // namespace penstock::rpc
