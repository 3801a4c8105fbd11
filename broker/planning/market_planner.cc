#include "broker/planning/market_planner.h"

#include <algorithm>

#include "admission/vocabulary/checked.h"
#include "broker/planning/trunk_reservation.h"

namespace penstock::planning {
namespace {

constexpr double kNewestLoad = 0.1;  // weight of the last hour: a half-life of six and a half

int64_t HourOf(Instant t) { return DivideRoundDown(t.nanoseconds_since_epoch(), Hours(1).count()); }

double Erlangs(Duration held) { return static_cast<double>(held.count()) / static_cast<double>(Hours(1).count()); }

}  // namespace

void MarketPlanner::Begin(Instant now) {
  if (!first_whole_hour_) first_whole_hour_ = DivideRoundUp(now.nanoseconds_since_epoch(), Hours(1).count());
}

void MarketPlanner::Recall(PoolId pool, int64_t hour, Work elastic) { pools_[pool].forecast.Observe(hour, elastic); }

void MarketPlanner::Observe(const Served& served) {
  Begin(served.at);
  Pool& pool = pools_[served.pool];
  const int64_t hour = HourOf(served.at);
  CloseBefore(hour, pool);
  const Tier tier = TierOf(served.served_as);
  if (tier == Tier::kElastic) pool.elastic += served.work;
  (tier == Tier::kReserved ? pool.reserved_held : pool.other_held) += served.held;
}

void MarketPlanner::CloseBefore(int64_t hour, Pool& pool) const {
  // Hours without work count as idle once a pool is known.
  if (!pool.open) pool.open = pool.forecast.last_hour() ? std::min(hour, *first_whole_hour_) : hour;
  for (; *pool.open < hour; ++*pool.open) {
    if (*pool.open >= *first_whole_hour_ && (!pool.forecast.last_hour() || *pool.open > *pool.forecast.last_hour())) {
      pool.forecast.Observe(*pool.open, pool.elastic);
      const double newest = std::max(kNewestLoad, 1 / static_cast<double>(++pool.hours));
      pool.reserved_load += newest * (Erlangs(pool.reserved_held) - pool.reserved_load);
      pool.other_load += newest * (Erlangs(pool.other_held) - pool.other_load);
    }
    pool.elastic = Work::Zero();
    pool.reserved_held = Duration::Zero();
    pool.other_held = Duration::Zero();
  }
}

int64_t MarketPlanner::HoldbackOf(const Pool& pool) {
  if (pool.terms.slots <= 0 || pool.reserved_load <= 0 || pool.other_load <= 0) return 0;
  return BestTrunkReservation(pool.terms.slots, {.dear_load = pool.reserved_load,
                                                 .cheap_load = pool.other_load,
                                                 .dear_reward = pool.terms.reward_ratio,
                                                 .cheap_reward = 1})
      .held_back;
}

std::vector<core::SetPlan::Demand> MarketPlanner::TakePlan(Instant now) {
  Begin(now);
  const int64_t hour = HourOf(now);
  if (planned_ && *planned_ >= hour) return {};
  planned_ = hour;
  std::vector<core::SetPlan::Demand> plan;
  for (auto& [id, pool] : pools_) {
    CloseBefore(hour, pool);
    if (!pool.forecast.last_hour() || *pool.forecast.last_hour() >= hour) continue;
    plan.push_back({.pool = id,
                    .from = WindowStart(now, Hours(1)),
                    .hours = pool.forecast.Ahead(hour),
                    .holdback_slots = HoldbackOf(pool)});
  }
  return plan;
}

}  // namespace penstock::planning
