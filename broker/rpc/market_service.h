// Prices, the calendar, the rate card, pins and bids over gRPC.
#pragma once

#include <memory>

#include "broker/rpc/admission_service.h"

namespace penstock::rpc {

std::unique_ptr<grpc::Service> NewMarketService(const Surroundings& surroundings);

}  // namespace penstock::rpc
