// Who is calling, and may they: API key in the metadata -> principal -> the authorisation table.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <string_view>

#include "broker/auth/api_keys.h"
#include "broker/auth/principal.h"

namespace penstock::rpc {

/// OK and the principal, UNAUTHENTICATED (no key, or not one of ours), or PERMISSION_DENIED (not for this role).
grpc::Status Authenticate(const grpc::CallbackServerContext& context, const auth::ApiKeys& keys,
                          std::string_view method, auth::Principal* principal);

}  // namespace penstock::rpc
