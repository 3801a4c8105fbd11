// Why a price is what it is: inputs, and the computation line by line.
#pragma once

#include "broker/core/engine.h"
#include "ledger/market_records.h"
#include "penstock/v1/market.pb.h"

namespace penstock::rpc {

void Explain(const core::Engine& engine, const ledger::QuoteRecord& record, v1::PriceExplanation* out);
void Explain(const core::Engine& engine, const ledger::PriceEntry& price, v1::PriceExplanation* out);

}  // namespace penstock::rpc
