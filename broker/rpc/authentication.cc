#include "broker/rpc/authentication.h"

#include "broker/auth/authorisation.h"
#include "broker/rpc/errors.h"

namespace penstock::rpc {

grpc::Status Authenticate(const grpc::CallbackServerContext& context, const auth::ApiKeys& keys,
                          std::string_view method, auth::Principal* principal) {
  constexpr std::string_view kBearer = "Bearer ";
  const auto& metadata = context.client_metadata();
  const auto header = metadata.find("authorization");
  if (header == metadata.end()) {
    return ErrorStatus(grpc::StatusCode::UNAUTHENTICATED, "NO_API_KEY",
                       "send your API key as metadata: `authorization: Bearer psk_...`");
  }
  std::string_view value(header->second.data(), header->second.size());
  if (value.substr(0, kBearer.size()) == kBearer) value.remove_prefix(kBearer.size());
  const std::optional<auth::Principal> found = keys.Authenticate(value);
  if (!found) {
    return ErrorStatus(grpc::StatusCode::UNAUTHENTICATED, "UNKNOWN_API_KEY",
                       "this API key is not known here: it was mistyped, or removed from the configuration");
  }
  if (!auth::Allowed(method, found->role)) {
    return ErrorStatus(grpc::StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED",
                       std::string(auth::Name(found->role)) + " keys may not call " + std::string(method));
  }
  *principal = *found;
  return grpc::Status::OK;
}

}  // namespace penstock::rpc
