// Whether the next chunk of capacity pays: what a provider would sell more of if it had it, at the price that elastic
// work pays, against what the chunk costs. In peak-load pricing's words, the capacity's shadow price: at the right
// capacity the margins of the hours in which it is scarce add up to what a unit of it costs (shadow_price_test).
//
// A lower bound: demand that came back later, reservations that a larger pool could sell, and prices that scarcity
// raises beyond the given ones are not in it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"
#include "ledger/market_terms.h"
#include "ledger/money.h"

namespace penstock::planning {

struct HourOutlook {
  ledger::HourDemand demand;  // elastic
  WorkPerSecond sellable;     // capacity less what is reserved; may be negative
  int64_t margin_pico = 0;    // per milli-nt: what elastic work pays, less what running it costs; not negative
};

struct CapacityChunk {
  WorkPerSecond size;  // positive
  ledger::Money price_per_hour;
  Duration lead_time;  // from the order until it serves
};

struct ChunkWeek {
  WorkPerSecond short_without;   // mean over the hours of what demand is expected to exceed
  WorkPerSecond short_with;      // likewise, with the chunk
  ledger::Money value_per_hour;  // what the difference pays, rounded down
};

struct ChunkVerdict {
  enum class What : uint8_t {
    kOrderNow,        // in the week in which it would come, it pays
    kOrderLater,      // in a later one
    kNotForeseeable,  // in none of the weeks looked at
  };
  What what = What::kNotForeseeable;
  std::optional<size_t>
      pays_from;        // the first week in which it would be worth its price if it were here; this one is 0
  size_t order_in = 0;  // weeks from now, kOrderLater only
  ledger::Money price_per_hour;
  std::vector<ChunkWeek> weeks;
};

/// `hours`: those of this week (or of any period that repeats), not empty. Demand, mean and deviation, grows by
/// `growth_millionths` a week, compounding (above -1,000,000). Looks `weeks` ahead.
ChunkVerdict JudgeChunk(std::span<const HourOutlook> hours, const CapacityChunk& chunk, int64_t growth_millionths,
                        size_t weeks);

}  // namespace penstock::planning
