// The rate card: price, speed and limits of pools and tiers, as somebody sees them who has to choose.
#pragma once

#include <vector>

#include "broker/core/engine.h"
#include "penstock/v1/market.pb.h"

namespace penstock::rpc {

/// Tenant 0: by the tariff in force, with the limits of tiers only.
void FillRateCard(const core::Engine& engine, TenantId tenant, const std::vector<PoolId>& pools, v1::RateCard* out);

}  // namespace penstock::rpc
