// What a caller gets wrong, as gRPC statuses with google.rpc.ErrorInfo. All reasons in one place.
#pragma once

#include <grpcpp/support/status.h>

#include <map>
#include <string>

#include "broker/core/answer.h"

namespace google::protobuf {
class Message;
}

namespace penstock::rpc {

/// A status with ErrorInfo{reason, domain "penstock", metadata}.
grpc::Status ErrorStatus(grpc::StatusCode code, const std::string& reason, const std::string& message,
                         const std::map<std::string, std::string>& metadata = {});

/// The same status with one more message among its details.
grpc::Status WithDetail(const grpc::Status& status, const google::protobuf::Message& detail);

/// How a reason is called on the wire.
struct Meaning {
  grpc::StatusCode code;
  const char* reason;
};
Meaning MeaningOf(core::ErrorReason reason);

grpc::Status ToStatus(const core::Error& error);

/// INVALID_ARGUMENT about one field of a request.
grpc::Status InvalidField(const std::string& field, const std::string& message);
grpc::Status Overloaded();
/// Too many unary Admits are under way.
grpc::Status TooManyWait();

}  // namespace penstock::rpc
