// Everything that estimators learn from the engine and hand back to it. The daemon's loop and the simulator drive the
// same one: Observe after every Apply, TakePlan whenever there is time, and what it gives is the next command.
#pragma once

#include <optional>

#include "admission/vocabulary/time.h"
#include "broker/core/answer.h"
#include "broker/core/command.h"
#include "broker/core/engine.h"
#include "broker/planning/market_planner.h"
#include "broker/planning/output_predictor.h"
#include "broker/planning/wait_calibrator.h"

namespace penstock::planning {

class Planner {
 public:
  static constexpr Duration kPlanEvery = Seconds(2);

  /// What the books know already: elastic work of the last weeks, by the hour. Takes time: before anything is observed.
  void Recall(const core::Engine& engine);

  void Observe(const core::Effects& effects);

  /// What changed since the last plan; nothing when nothing did, or when less than kPlanEvery has passed since the last
  /// look.
  std::optional<core::SetPlan> TakePlan(Instant now);

 private:
  OutputPredictor predictor_;
  WaitCalibrator calibrator_;
  MarketPlanner market_;
  Instant next_;
};

}  // namespace penstock::planning
