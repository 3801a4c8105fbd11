// Budgets over gRPC: read between two commands of the loop; asking for a raise and deciding about it are commands.
#pragma once

#include <memory>

#include "broker/rpc/admission_service.h"

namespace penstock::rpc {

std::unique_ptr<grpc::Service> NewBudgetsService(const Surroundings& surroundings);

}  // namespace penstock::rpc
