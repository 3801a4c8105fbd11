// What the engine keeps of the market beside the books: each pool's calendar and prices, and of every reservation that is
// not over what it guarantees right now and when that changes next.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "admission/scheduler.h"
#include "admission/tagged_heap.h"
#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"
#include "broker/market/pool_market.h"

namespace penstock::core {

/// A reservation that is not over.
struct LiveReservation {
  admission::ContractId contract = 0;  // 0: nothing is guaranteed right now
  WorkPerSecond promised;              // by its steps right now
  WorkPerSecond guaranteed;            // less while degraded or suspended
  int64_t unserved = 0;                // requests that its contract owed a place, since its last delivery
};

/// A pool's side of it.
struct MarketDesk {
  market::PoolMarket market;
  std::set<uint32_t> promising;  // reservations that promise something right now, oldest first
  WorkPerSecond promised;        // sum of theirs
  bool cut = false;              // some of them guarantee less
  absl::flat_hash_map<admission::ContractId, uint32_t> by_contract;

  Work dispatched;               // outside contracts, since `measured_at`
  Instant measured_at;
  int64_t utilisation = 0;       // thousandths of what is not reserved, smoothed
  uint32_t posted = 0;           // the price that is in force; 0: the tariff's
  Instant posted_until = Instant::Max();  // the next one's beginning
};

}  // namespace penstock::core
