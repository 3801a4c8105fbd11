// Finds a tariff: searches a family of many parameters on a cheap model, lets the best race on the full one, and
// compares the winner on days and tenants that nothing was fitted to with tariffs that needed no search, or less of it.
//
//   1. baselines     each family of one parameter is searched on the screen, to the end; random search in the whole
//                    family
//   2. search        CMA-ES (one for each choice, where an axis is a choice), or NSGA-II where a front is wanted, on
//                    the screen; the baselines' best are among the points to begin with
//   3. race          the best of the search, as different as they come, on the full model; of each baseline the best
//                    too. As the screen may be too sure of the constraints, some of them keep tighter ones
//   4. hold-out      the winner against each baseline, paired by seed
//   5. sensitivity   each axis of the winner to its ends, on the screen
//
// All randomness comes of the seeds, and the result does not depend on Parallel.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/search/box.h"
#include "sim/search/evaluation_log.h"
#include "sim/search/race.h"
#include "sim/statistics/estimate.h"
#include "sim/tariffs/evaluation.h"
#include "sim/tariffs/tariff_family.h"

namespace penstock::sim {

enum class Objective : uint8_t { kRevenue, kProfit, kWelfare, kRevenuePerCapacity };
constexpr std::array<std::string_view, 4> kObjectiveNames = {"revenue", "profit", "welfare", "revenue_per_capacity"};
constexpr std::string_view Name(Objective objective) { return kObjectiveNames[static_cast<size_t>(objective)]; }

struct TuneConstraints {
  std::optional<double> least_service_level;  // 0 to 1
  std::optional<double> most_cross_subsidy;   // 0 to 1
};

struct TuneTerms {
  Objective objective = Objective::kRevenuePerCapacity;
  bool front = false;  // searches the compromises between the objective, cross-subsidy and welfare, not the one best
  TuneConstraints constraints;
  size_t screen_budget = 2'000;  // evaluations on the screen; of the search, and as many of random search
  bool random_search = true;     // as a baseline; the tariffs for rank_points are of what it drew
  size_t full_budget = 60;       // evaluations of the race; those of baselines, ranks and hold-out come on top
  size_t finalists = 8;          // in the race, at least 1
  size_t rank_points = 12;       // tariffs by which screen and full model are compared, on two seeds each; 0: none
  uint64_t seed = 1;             // of the searches
  std::vector<uint64_t> screen_seeds = {1};                               // a point's figures are the means over these
  std::vector<uint64_t> full_seeds = {1, 2, 3, 4, 5, 6};                  // at least 2
  std::vector<uint64_t> hold_out_seeds = {101, 102, 103, 104, 105, 106};  // at least 2
  double confidence = 0.95;                                               // of every interval
};

struct TuneModels {
  TariffFamily space;                   // searched
  std::vector<TariffFamily> baselines;  // of one parameter, or of several
  Evaluator screen;
  Evaluator full;      // training days and tenants
  Evaluator hold_out;  // others
  Parallel parallel = Serially;
};

struct TuneProgress {
  std::string phase;  // "flat price", "search", "race", ...
  size_t phases_done = 0;
  size_t phases = 0;
  size_t done = 0;             // evaluations of this phase
  size_t of = 0;               // at most
  std::optional<double> best;  // of the objective in this phase, among what keeps the constraints
};

struct TuneWatch {
  std::function<void(const TuneProgress&)> progress;       // may be empty
  std::function<void(std::string_view lines)> checkpoint;  // lines to append to what is kept; may be empty
  std::string_view resumed;                                // whole lines of an interrupted run (WholeLines)
};

/// A tariff and its figures on the screen.
struct TunedTariff {
  std::string family;
  Point shares;
  std::vector<AxisReading> reading;
  ledger::Tariff tariff;
  Evaluation screen;
};

/// Of the winner against a baseline on hold-out. First who clearly misses the constraints; then who clearly makes more
/// of the objective, unless the other's mean keeps the constraints and its own does not.
enum class Outcome : uint8_t { kWins, kUndecided, kLoses };

/// How a tariff did on the full model.
struct Standing {
  TunedTariff tariff;
  Evaluation training;      // means
  Evaluation held_out;      // means
  Estimate training_value;  // of the objective
  Estimate held_out_value;
  Estimate held_out_service_level;
  Estimate held_out_cross_subsidy;
  double held_out_shortfall = 0;  // by how much constraints are missed there, on average; not above 0: they are kept
  bool clearly_misses = false;    // constraints on hold-out, at the better end of their intervals too
  // Of a baseline: what the winner makes more of the objective, and how much cross-subsidy it has more, paired by seed.
  Estimate winner_gains_in_training;
  Estimate winner_gains_held_out;
  Estimate winner_cross_subsidy_more;  // on hold-out
  Outcome outcome = Outcome::kUndecided;
  std::string verdict;  // "on hold-out, the tuned tariff beats ..."
};

/// What the objective becomes when one axis of the winner goes to its ends.
struct TornadoBar {
  AxisReading low;
  AxisReading winner;
  AxisReading high;
  double value_at_low = 0;
  double value_at_high = 0;
  bool low_keeps_constraints = true;
  bool high_keeps_constraints = true;
};

struct HistoryPoint {
  size_t evaluations = 0;      // of the search on the screen
  std::optional<double> best;  // so far, among what keeps the constraints
};

struct TuneResult {
  Standing winner;
  std::vector<Standing> baselines;  // in the order of the models, then random search
  std::vector<TunedTariff> front;   // not dominated on the screen: by objective, cross-subsidy and welfare
  std::vector<TornadoBar> tornado;  // the longest first
  std::vector<HistoryPoint> history;
  std::vector<TunedTariff> finalists;
  RaceResult race;              // of the finalists; where a simple tariff did better in training, that is the winner
  double winner_on_screen = 0;  // the objective, what the tornado's bars start from
  // Spearman, of the objective on the screen and on the full model with common seeds: of tariffs spread over the ranks
  // of what random search drew, and of the finalists, which may be too alike to tell apart.
  double rank_correlation = 0;
  double finalists_rank_correlation = 0;
  size_t evaluations = 0;  // of all models
  std::string verdict;     // what to make of it, in plain sentences
};

/// What is to be made large.
double ValueOf(const Evaluation& evaluation, Objective objective);
/// By how much the worst missed constraint is missed; not above 0: all are kept.
double ShortfallOf(const Evaluation& evaluation, const TuneConstraints& constraints);

/// INVALID_ARGUMENT when the resumed lines are not of a run with these terms. Terms out of their bounds are a bug.
absl::StatusOr<TuneResult> Tune(const TuneTerms& terms, const TuneModels& models, const TuneWatch& watch);

}  // namespace penstock::sim
