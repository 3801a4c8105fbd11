// What the market has to know of the time to come: elastic demand by the hour, and how many slots elastic work should
// leave free. Fed with what was served; once an hour it has a plan, integers for the core.
//
// Demand is the work that was served on elastic terms. What was refused is not in it, so where a pool is full the
// forecast is what it could carry rather than what was wanted; whoever knows what refused requests would have needed
// may observe that, too, with nothing held.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"
#include "broker/core/command.h"
#include "broker/planning/demand_forecast.h"

namespace penstock::planning {

class MarketPlanner {
 public:
  struct PoolTerms {
    int slots = 0;            // 0: unknown, none are held back
    double reward_ratio = 1;  // what a slot earns inside a reservation, where it earns 1 outside
  };
  void SetPool(PoolId pool, const PoolTerms& terms) { pools_[pool].terms = terms; }

  /// Work of a whole hour (counted since the epoch) before anything was observed: what the books remember. Hours of a
  /// pool ascend.
  void Recall(PoolId pool, int64_t hour, Work elastic);

  struct Served {
    PoolId pool;
    ServiceClass served_as = ServiceClass::kDefault;
    Work work;
    Duration held;  // a slot, for so long
    Instant at;     // its end
  };
  /// Times hardly descend: what is late counts in the hour that is open.
  void Observe(const Served& served);

  /// The week from the whole hour of `now` on, of every pool of which at least one whole hour is known, in order of
  /// pools; nothing when that hour has been planned already.
  std::vector<core::SetPlan::Demand> TakePlan(Instant now);

 private:
  struct Pool {
    PoolTerms terms;
    DemandForecast forecast;
    std::optional<int64_t> open;  // the hour that is being added up
    Work elastic;                 // in it
    Duration reserved_held;
    Duration other_held;
    int64_t hours = 0;         // that loads were learnt from
    double reserved_load = 0;  // Erlangs, smoothed
    double other_load = 0;
  };
  void Begin(Instant now);
  void CloseBefore(int64_t hour, Pool& pool) const;
  static int64_t HoldbackOf(const Pool& pool);

  std::map<PoolId, Pool> pools_;
  std::optional<int64_t> first_whole_hour_;  // the one before was under way when observing began
  std::optional<int64_t> planned_;
};

}  // namespace penstock::planning
