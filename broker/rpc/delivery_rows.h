// What was delivered of a reservation, hour by hour: utilisation and service level.
#pragma once

#include <absl/strings/numbers.h>
#include <grpcpp/support/status.h>

#include "admission/vocabulary/time.h"
#include "broker/core/engine.h"
#include "broker/rpc/billing_scope.h"
#include "ledger/market_records.h"
#include "penstock/v1/reservations.pb.h"

namespace penstock::rpc {

/// Rows that begin in [from, to); at most `count` of them are told, from `first` on.
struct DeliveryPage {
  Instant from;
  Instant to = Instant::Max();
  Instant first;
  int64_t count = 0;
};

/// Reads from, to, page_size, page_token.
template <class Request>
grpc::Status ReadDeliveryPage(const Request& request, DeliveryPage* page) {
  BillingScope range;
  int64_t first = 0;
  grpc::Status status = ReadRange(request, &range);
  if (status.ok()) status = ReadPageSize(request, &page->count);
  if (!status.ok()) return status;
  if (!request.page_token().empty() && (!absl::SimpleAtoi(request.page_token(), &first) || first < 0)) {
    return InvalidField("page_token", "is not one that this service gave");
  }
  page->from = range.from;
  page->to = range.to;
  page->first = Instant(first);
  return grpc::Status::OK;
}

void FillUtilisation(const core::Engine& engine, const ledger::ReservationRecord& record, const DeliveryPage& page,
                     v1::GetUtilisationResponse* response);
void FillServiceLevel(const core::Engine& engine, const ledger::ReservationRecord& record, const DeliveryPage& page,
                      v1::GetServiceLevelResponse* response);

void Fill(const ledger::ServiceLevel& level, v1::ServiceLevelTargets* out);

}  // namespace penstock::rpc
