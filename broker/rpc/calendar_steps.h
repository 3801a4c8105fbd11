// A pool's calendar on the wire: what there is, what is sold, what can be sold, step by step.
#pragma once

#include <grpcpp/support/status.h>

#include <cstddef>

#include "admission/vocabulary/time.h"
#include "broker/market/pool_market.h"
#include "penstock/v1/market.pb.h"

namespace penstock::rpc {

struct AskedCalendar {
  Instant from;          // the epoch: now
  Instant to;            // the epoch: a week later
  Duration resolution;   // zero: where something changes, and at whole hours
  Instant first;         // of this page
  size_t count = 0;      // of steps
  bool in_full = false;  // also what is sold and forecast
};

/// Reads from, to, resolution, page_size, page_token.
grpc::Status ReadCalendar(const v1::GetCalendarRequest& request, AskedCalendar* asked);

/// What lies before now is left out. INVALID_ARGUMENT when all of it does.
grpc::Status FillCalendar(const market::PoolMarket& market, Instant now, const AskedCalendar& asked,
                          v1::GetCalendarResponse* response);

}  // namespace penstock::rpc
