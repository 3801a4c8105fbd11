#include <absl/strings/str_cat.h>

#include <vector>

#include "admission/vocabulary/check.h"
#include "sim/selfcheck/closed_forms.h"
#include "sim/selfcheck/computed_cell.h"
#include "sim/tariffs/closed_form_prices.h"

namespace penstock::sim {
namespace {

using absl::StrCat;

constexpr double kExact = 1e-9;  // published as whole numbers
constexpr double kFourDigits = 0.00005;
constexpr double kSixDigits = 0.0000005;

void AddPeakLoad(std::vector<ComputedCell>& cells) {
  const std::vector<PeriodDemand> periods = {LinearDemand(closed_forms::kPeakChoke, 1),
                                             LinearDemand(closed_forms::kOffPeakChoke, 1)};
  for (const closed_forms::PeakLoadPricing& form : closed_forms::kPeakLoadPricing) {
    const PeakLoadPrices found = SolvePeakLoad(periods, closed_forms::kPeakRunningCost, form.capacity_cost);
    const std::string name = StrCat("peak_load_pricing/", form.peak);
    cells.push_back({StrCat(name, "/price_at_peak"), form.price[0], found.prices[0], kExact});
    cells.push_back({StrCat(name, "/price_off_peak"), form.price[1], found.prices[1], kExact});
    cells.push_back({StrCat(name, "/capacity"), form.capacity, found.capacity, kExact});
  }
}

void AddMonopoly(std::vector<ComputedCell>& cells) {
  const MonopolyPrices found = SolveMonopoly(closed_forms::kMonopolyChoke, 1, closed_forms::kMonopolyCost);
  cells.push_back({"monopoly_linear/price", closed_forms::kMonopolyPrice, found.price, kExact});
  cells.push_back({"monopoly_linear/profit", closed_forms::kMonopolyProfit, found.profit, kExact});
  cells.push_back({"monopoly_linear/welfare", closed_forms::kMonopolyWelfare, found.welfare, kExact});
  cells.push_back({"monopoly_linear/two_part_price", closed_forms::kTwoPartPrice, found.two_part_price, kExact});
  cells.push_back({"monopoly_linear/two_part_fee", closed_forms::kTwoPartFee, found.two_part_fee, kExact});
}

void AddRamsey(std::vector<ComputedCell>& cells) {
  std::vector<RamseyMarket> markets;
  for (const double elasticity : closed_forms::kRamseyElasticity) markets.push_back({.elasticity = elasticity});
  const auto prices = SolveRamsey(markets, closed_forms::kRamseyCost, closed_forms::kRamseyProfit);
  PENSTOCK_CHECK(prices.has_value());
  for (size_t i = 0; i < markets.size(); ++i) {
    cells.push_back(
        {StrCat("ramsey/elasticity_", markets[i].elasticity), closed_forms::kRamseyPrice[i], (*prices)[i], kSixDigits});
  }
}

void AddPriorityClasses(std::vector<ComputedCell>& cells) {
  int classes = 2;
  for (const double share : closed_forms::kPriorityClassShare) {
    cells.push_back(
        {StrCat("priority_classes/", classes, "/share_of_gain"), share, PriorityClassShare(classes), kFourDigits});
    ++classes;
  }
}

}  // namespace

std::vector<ComputedCell> PriceCells() {
  std::vector<ComputedCell> cells;
  AddPeakLoad(cells);
  AddMonopoly(cells);
  AddRamsey(cells);
  AddPriorityClasses(cells);
  return cells;
}

}  // namespace penstock::sim
