// What the books say of the market -> wire messages.
#pragma once

#include <grpcpp/support/status.h>

#include <cstdint>
#include <string>
#include <vector>

#include "broker/core/answer.h"
#include "broker/core/engine.h"
#include "broker/core/service_figures.h"
#include "ledger/market_records.h"
#include "penstock/v1/market.pb.h"
#include "penstock/v1/reservations.pb.h"

namespace penstock::rpc {

/// How much of lists inside something is told: all of it, or in a list of such things a little.
enum class Detail { kFull, kInList };

/// Prices of throughput are pico-units per milli-nt/s and minute.
void Fill(int64_t unit_price, const std::string& currency, v1::UnitPrice* out);
void Fill(const ledger::Money& amount, const std::string& currency, v1::Money* out);
void Fill(const ledger::TokenPrices& prices, google::protobuf::RepeatedPtrField<v1::TokenPrice>* out);

void Fill(const ledger::PriceBasis& basis, const std::string& currency, v1::PriceBasis* out);
void Fill(const ledger::Alternative& alternative, const std::string& currency, v1::Alternative* out);
void Fill(const core::NotSellable& none, const std::string& currency, v1::NotSellable* out);
/// NO_CAPACITY, with a NotSellable among its details.
grpc::Status NoCapacity(const core::NotSellable& none, const std::string& currency);

void Fill(const core::Engine& engine, const ledger::QuoteRecord& record, Detail detail, v1::Quote* out);
void Fill(const core::Engine& engine, const ledger::ReservationTerms& terms, uint32_t tariff, Detail detail,
          v1::ReservationTerms* out);
void Fill(const core::Engine& engine, const ledger::ReservationRecord& record, Detail detail, v1::Reservation* out);
void Fill(const core::Engine& engine, const ledger::BidRecord& record, Detail detail, v1::Bid* out);
void Fill(const ledger::ReservationCharge& charge, const std::string& currency, v1::ReservationCharge* out);
void Fill(const core::Engine& engine, const ledger::PriceEntry& price, v1::PostedPrice* out);
/// Whether a tenant may use a pool; tenant 0 sees every one. Others are told that there is no such pool.
bool IsOpenTo(const core::Engine& engine, TenantId tenant, PoolId pool);
grpc::Status NotOpen(const core::Engine& engine, PoolId pool, const std::string& field);

/// The tariff of a tenant; of tenant 0 the one in force.
const ledger::TariffEntry& TariffFor(const core::Engine& engine, TenantId tenant);
/// The tenant's lock or cap that is in force; nullptr: none, or tenant 0.
const ledger::PriceEntry* PinOf(const core::Engine& engine, TenantId tenant, PoolId pool);
/// What moves of a pool's price: posted now and next, and the tenant's pin. Tenant 0: the tariff in force, no pin.
void FillPosted(const core::Engine& engine, TenantId tenant, PoolId pool, v1::PoolPrice* out);
void FillPin(const core::Engine& engine, const ledger::PriceEntry& price, v1::Pin* out);
void Fill(const core::SpeedFigures& figures, v1::MeasuredSpeed* out);

/// The same values in the same order on both sides, the wire's one later: its 0 means nothing.
v1::Quote::State ToProto(ledger::QuoteState state);
v1::Reservation::State ToProto(ledger::ReservationState state);
v1::Bid::State ToProto(ledger::BidState state);

const std::string& CurrencyOf(const core::Engine& engine, uint32_t tariff);
const std::string& VersionOf(const core::Engine& engine, uint32_t tariff);
/// "tenants/{tenant}", "pools/{pool}"; by the books, which know every name.
std::string NameOf(const core::Engine& engine, TenantId tenant);
std::string NameOf(const core::Engine& engine, PoolId pool);
/// "pools/{pool}/prices/{number}".
std::string NameOf(const core::Engine& engine, const ledger::PriceEntry& price);

/// The most that steps promise at a moment.
WorkPerSecond PeakOf(const std::vector<ledger::RateStep>& steps);
/// "123.4" nt/s x minutes of milli-nt/s x minutes.
std::string ThousandthsText(Int128 thousandths);

}  // namespace penstock::rpc
