#include <absl/strings/str_cat.h>

#include "admission/vocabulary/check.h"
#include "broker/planning/protection.h"
#include "broker/planning/trunk_reservation.h"
#include "sim/selfcheck/closed_forms.h"
#include "sim/selfcheck/computed_cell.h"

namespace penstock::sim {
namespace {

using absl::StrCat;

constexpr double kFourDigits = 0.00005;
constexpr double kSixDigits = 0.0000005;

void AddProtection(std::vector<ComputedCell>& cells) {
  const closed_forms::Littlewood& rule = closed_forms::kLittlewood;
  cells.push_back({"littlewood/protection", rule.protection,
                   planning::LittlewoodProtection({rule.mean, rule.sd}, rule.fare_ratio), kSixDigits});
  std::vector<planning::FareClass> classes;
  for (size_t i = 0; i < closed_forms::kEmsrFare.size(); ++i) {
    classes.push_back({closed_forms::kEmsrFare[i], {closed_forms::kEmsrMean[i], closed_forms::kEmsrSd[i]}});
  }
  const std::vector<double> levels = planning::EmsrBProtection(classes);
  PENSTOCK_CHECK(levels.size() == closed_forms::kEmsrProtection.size());
  for (size_t i = 0; i < levels.size(); ++i) {
    cells.push_back({StrCat("emsr_b/protection_", i + 1), closed_forms::kEmsrProtection[i], levels[i], kFourDigits});
  }
}

void AddNewsvendor(std::vector<ComputedCell>& cells) {
  for (const closed_forms::Newsvendor& form : closed_forms::kNewsvendor) {
    const planning::Reserve reserve =
        planning::ReserveForNormal({closed_forms::kNewsvendorMean, closed_forms::kNewsvendorSd}, form.price_ratio);
    const std::string name = StrCat("newsvendor/", form.price_ratio);
    cells.push_back({StrCat(name, "/reserve"), form.reserve, reserve.quantity, kFourDigits});
    cells.push_back({StrCat(name, "/cost"), form.cost, reserve.cost, kFourDigits});
  }
  for (size_t i = 0; i < closed_forms::kSpikySigma.size(); ++i) {
    const double sigma = closed_forms::kSpikySigma[i];
    const planning::Reserve reserve = planning::ReserveForLognormal(1, sigma, closed_forms::kSpikyPriceRatio);
    cells.push_back(
        {StrCat("newsvendor_spiky/", sigma, "/cost"), closed_forms::kSpikyCost[i], reserve.cost, kFourDigits});
  }
}

void AddTrunkReservation(std::vector<ComputedCell>& cells) {
  for (const closed_forms::TrunkReservation& form : closed_forms::kTrunkReservation) {
    const planning::TrunkReservation best =
        planning::BestTrunkReservation(form.servers, {form.load[0], form.load[1], form.reward[0], form.reward[1]});
    const std::string name = StrCat("planning/trunk_reservation/", form.servers);
    cells.push_back({StrCat(name, "/best_held_back"), static_cast<double>(form.best_held_back),
                     static_cast<double>(best.held_back), 0});
    cells.push_back({StrCat(name, "/revenue"), form.revenue, best.revenue, kSixDigits});
    cells.push_back({StrCat(name, "/revenue_at_0"), form.revenue_at_0, best.revenue_without, kSixDigits});
  }
}

}  // namespace

std::vector<ComputedCell> PlanningCells() {
  std::vector<ComputedCell> cells;
  AddProtection(cells);
  AddNewsvendor(cells);
  AddTrunkReservation(cells);
  return cells;
}

std::vector<ComputedCell> AllComputedCells() {
  std::vector<ComputedCell> all = PlanningCells();
  for (const auto& cells : {PriceCells(), IterationLawCells()}) all.insert(all.end(), cells.begin(), cells.end());
  return all;
}

}  // namespace penstock::sim
