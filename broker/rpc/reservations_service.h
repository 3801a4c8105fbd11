// Quotes and reservations over gRPC: changes go through the loop, reads happen between two of its commands, and advice
// is worked out on the worker's thread.
#pragma once

#include <memory>

#include "broker/rpc/admission_service.h"

namespace penstock::rpc {

std::unique_ptr<grpc::Service> NewReservationsService(const Surroundings& surroundings);

}  // namespace penstock::rpc
