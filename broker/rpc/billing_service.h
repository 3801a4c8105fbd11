// Billing over gRPC: meters and statements, read between two commands of the loop.
#pragma once

#include <memory>

#include "broker/rpc/admission_service.h"

namespace penstock::rpc {

std::unique_ptr<grpc::Service> NewBillingService(const Surroundings& surroundings);

}  // namespace penstock::rpc
