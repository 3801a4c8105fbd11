// What queries about tenants have in common: whose usage, in which whole hours, which page.
#pragma once

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <grpcpp/support/status.h>

#include <cstdint>
#include <string>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/time.h"
#include "broker/auth/principal.h"
#include "broker/rpc/converters.h"
#include "broker/rpc/errors.h"
#include "broker/rpc/names.h"

namespace penstock::rpc {

constexpr int kMaxPage = 1'000;

/// What a billing request is about: one tenant, whole hours.
struct BillingScope {
  TenantId tenant;
  std::string tenant_name;
  Instant from;
  Instant to = Instant::Max();
};

/// A tenant principal may leave its own name out, and may name no other.
grpc::Status ReadTenant(const std::string& requested, const auth::Principal& principal, const Names& names,
                        BillingScope* scope);

inline bool IsWholeHour(Instant t) { return WindowStart(t, Hours(1)) == t; }

template <class Request>
grpc::Status ReadRange(const Request& request, BillingScope* scope) {
  if (request.has_from()) {
    const std::optional<Instant> from = FromProto(request.from());
    if (!from || !IsWholeHour(*from)) return InvalidField("from", "must be a whole hour, UTC");
    scope->from = *from;
  }
  if (request.has_to()) {
    const std::optional<Instant> to = FromProto(request.to());
    if (!to || !IsWholeHour(*to) || *to <= scope->from)
      return InvalidField("to", "must be a whole hour, UTC, after `from`");
    scope->to = *to;
  }
  return grpc::Status::OK;
}

template <class Request>
grpc::Status ReadScope(const Request& request, const auth::Principal& principal, const Names& names,
                       BillingScope* scope) {
  const grpc::Status status = ReadTenant(request.tenant(), principal, names, scope);
  if constexpr (requires { request.from(); }) {
    return status.ok() ? ReadRange(request, scope) : status;
  } else {
    return status;
  }
}

template <class Request>
grpc::Status ReadPageSize(const Request& request, int64_t* count) {
  if (request.page_size() < 0 || request.page_size() > kMaxPage) {
    return InvalidField("page_size", absl::StrCat("must be 0 to ", kMaxPage));
  }
  *count = request.page_size() == 0 ? kMaxPage : request.page_size();
  return grpc::Status::OK;
}

/// Pages over rows that are in a fixed order: the token is the number of rows already given.
template <class Request>
grpc::Status ReadPage(const Request& request, int64_t* skip, int64_t* count) {
  if (const grpc::Status status = ReadPageSize(request, count); !status.ok()) return status;
  *skip = 0;
  if (!request.page_token().empty() && (!absl::SimpleAtoi(request.page_token(), skip) || *skip < 0)) {
    return InvalidField("page_token", "is not one that this service gave");
  }
  return grpc::Status::OK;
}

}  // namespace penstock::rpc
