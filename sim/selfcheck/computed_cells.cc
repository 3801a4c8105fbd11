#include <absl/strings/str_cat.h>

#include "admission/vocabulary/check.h"
#include "broker/planning/protection.h"
#include "broker/planning/trunk_reservation.h"
#include "sim/fleet/iteration_law.h"
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

/// Of a batch of 32 with 2,000 tokens in and 400 out: prefill comes in as requests leave, I / O tokens each iteration.
void AddIterationLaws(std::vector<ComputedCell>& cells) {
  constexpr int64_t kBatch = 32;
  constexpr int64_t kInput = 2'000;
  constexpr int64_t kOutput = 400;
  for (const closed_forms::FluidCapacity& form : closed_forms::kFluidCapacity) {
    const IterationLaw* law = LawOf(form.model, form.hardware);
    const double per_request = form.d + form.k * (kInput + kOutput / 2) / 1'000.0 + form.a * kInput / kOutput;
    const double expected = form.c0 + kBatch * per_request;
    const IterationLoad load{
        .decodes = kBatch, .kv = Tokens(kBatch * (kInput + kOutput / 2)), .prefill = Tokens(kBatch * kInput / kOutput)};
    const Duration time = law == nullptr ? Duration() : IterationTimeRoundDown(*law, load);
    cells.push_back({StrCat("iteration_law/", form.model, " on ", form.hardware, "/ms"), expected,
                     static_cast<double>(time.count()) / 1e6, 1e-6});
  }
}

}  // namespace

std::vector<ComputedCell> PlanningCells() {
  std::vector<ComputedCell> cells;
  AddProtection(cells);
  AddNewsvendor(cells);
  AddTrunkReservation(cells);
  AddIterationLaws(cells);
  return cells;
}

}  // namespace penstock::sim
