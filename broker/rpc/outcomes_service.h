// Outcomes over gRPC: reports go through the loop, queries are read between two of its commands.
#pragma once

#include <memory>

#include "broker/rpc/admission_service.h"

namespace penstock::rpc {

std::unique_ptr<grpc::Service> NewOutcomesService(const Surroundings& surroundings);

}  // namespace penstock::rpc
