#include "broker/planning/planner.h"

namespace penstock::planning {

void Planner::Observe(const core::Effects& effects) {
  for (const auto& seen : effects.observations) predictor_.Observe(seen.tenant, seen.pool, seen.generated);
  for (const auto& seen : effects.waits) calibrator_.Observe(seen);
}

std::optional<core::SetPlan> Planner::TakePlan(Instant now) {
  if (now < next_) return std::nullopt;
  next_ = now + kPlanEvery;
  core::SetPlan plan = predictor_.TakePlan();
  plan.wait_tables = calibrator_.TakeTables();
  if (plan.predicted_outputs.empty() && plan.wait_tables.empty()) return std::nullopt;
  return plan;
}

}  // namespace penstock::planning
