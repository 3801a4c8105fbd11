#include "broker/planning/planner.h"

#include <map>
#include <utility>

namespace penstock::planning {
namespace {

constexpr Duration kRecalled = Days(56);

}  // namespace

void Planner::Recall(const core::Engine& engine) {
  for (const auto& pool : engine.pools()) {
    // What a slot earns inside a reservation beside what it earns on elastic terms: list price against elastic price.
    const market::PriceInputs inputs = engine.PriceInputsOf(pool->id(), TenantId());
    MarketPlanner::PoolTerms terms{.slots = static_cast<int>(pool->settings().terms.max_in_flight)};
    if (inputs.elastic_price > 0) {
      terms.reward_ratio = static_cast<double>(inputs.list_price) / (60.0 * static_cast<double>(inputs.elastic_price));
    }
    market_.SetPool(pool->id(), terms);
  }
  std::map<std::pair<PoolId, int64_t>, Work> hours;
  const Instant this_hour = WindowStart(engine.now(), Hours(1));
  for (const auto& [key, window] : engine.books().meters().windows()) {
    if (key.tier != Tier::kElastic || key.start < engine.now() - kRecalled || key.start >= this_hour) continue;
    hours[{key.pool, key.start.nanoseconds_since_epoch() / Hours(1).count()}] += window.work;
  }
  for (const auto& [key, work] : hours) market_.Recall(key.first, key.second, work);
}

void Planner::Observe(const core::Effects& effects) {
  for (const auto& seen : effects.observations) {
    predictor_.Observe(seen.tenant, seen.pool, seen.generated);
    market_.Observe({seen.pool, seen.served, seen.work, seen.ran, seen.at});
  }
  for (const auto& seen : effects.waits) calibrator_.Observe(seen);
}

std::optional<core::SetPlan> Planner::TakePlan(Instant now) {
  if (now < next_) return std::nullopt;
  next_ = now + kPlanEvery;
  core::SetPlan plan = predictor_.TakePlan();
  plan.wait_tables = calibrator_.TakeTables();
  plan.demands = market_.TakePlan(now);
  if (plan.predicted_outputs.empty() && plan.wait_tables.empty() && plan.demands.empty()) return std::nullopt;
  return plan;
}

}  // namespace penstock::planning
