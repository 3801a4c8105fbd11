// Admission.Session: one stream of batches.
#pragma once

#include "broker/rpc/admission_service.h"

namespace grpc {
class CallbackServerContext;
template <class Request, class Response>
class ServerBidiReactor;
}  // namespace grpc

namespace penstock::v1 {
class SessionRequest;
class SessionResponse;
}  // namespace penstock::v1

namespace penstock::rpc {

/// Authenticates and serves the stream; the reactor deletes itself at its end.
grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* NewSession(const Surroundings& surroundings,
                                                                             grpc::CallbackServerContext* context);

}  // namespace penstock::rpc
