// Operations over gRPC: pools, capacity, the journal's head, the key that signs grant names.
#pragma once

#include <memory>

#include "broker/rpc/admission_service.h"

namespace penstock::rpc {

std::unique_ptr<grpc::Service> NewOperationsService(const Surroundings& surroundings);

}  // namespace penstock::rpc
