#include "sim/tariffs/closed_form_prices.h"

#include <algorithm>
#include <cmath>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

constexpr int kHalvings = 200;  // more than a double can tell

// Where a falling function crosses the level, between low (above it) and high (not above it).
double Crossing(double low, double high, double level, const std::function<double(double)>& falling) {
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = low + (high - low) / 2;
    (falling(middle) > level ? low : high) = middle;
  }
  return high;
}

}  // namespace

PeriodDemand LinearDemand(double choke, double slope, double length) {
  PENSTOCK_CHECK(choke > 0 && slope > 0 && length > 0);
  return {[=](double price) { return std::max(0.0, (choke - price) / slope); },
          [=](double quantity) { return std::max(0.0, choke - slope * quantity); }, length};
}

PeriodDemand ElasticDemand(double base, double reference, double elasticity, double length) {
  PENSTOCK_CHECK(base > 0 && reference > 0 && elasticity > 0 && length > 0);
  return {[=](double price) { return base * std::pow(price / reference, -elasticity); },
          [=](double quantity) { return reference * std::pow(quantity / base, -1 / elasticity); }, length};
}

PeakLoadPrices SolvePeakLoad(std::span<const PeriodDemand> periods, double running_cost, double capacity_cost) {
  PENSTOCK_CHECK(!periods.empty() && running_cost > 0 && capacity_cost > 0);
  double most = 0;
  for (const PeriodDemand& period : periods) most = std::max(most, period.quantity_at(running_cost));
  // What one more unit of capacity is worth over a cycle.
  const auto worth = [&](double capacity) {
    double sum = 0;
    for (const PeriodDemand& period : periods) {
      sum += period.length * std::max(0.0, period.price_at(capacity) - running_cost);
    }
    return sum;
  };
  PeakLoadPrices result;
  result.capacity = Crossing(0, most, capacity_cost, worth);
  for (const PeriodDemand& period : periods) {
    const double price = std::max(running_cost, period.price_at(result.capacity));
    result.prices.push_back(price);
    result.quantities.push_back(std::min(result.capacity, period.quantity_at(price)));
  }
  return result;
}

MonopolyPrices SolveMonopoly(double choke, double slope, double cost) {
  PENSTOCK_CHECK(slope > 0 && choke > cost && cost >= 0);
  const double quantity = (choke - cost) / (2 * slope);
  MonopolyPrices result;
  result.price = (choke + cost) / 2;
  result.profit = (result.price - cost) * quantity;
  result.welfare = result.profit + (choke - result.price) * quantity / 2;
  result.two_part_price = cost;
  result.two_part_fee = (choke - cost) * (choke - cost) / (2 * slope);
  return result;
}

double RamseyPrice(double cost, double elasticity, double lambda) {
  PENSTOCK_CHECK(lambda >= 0 && lambda < elasticity);
  return cost / (1 - lambda / elasticity);
}

std::optional<std::vector<double>> SolveRamsey(std::span<const RamseyMarket> markets, double cost, double profit) {
  PENSTOCK_CHECK(!markets.empty() && cost > 0 && profit >= 0);
  double most = 1;
  for (const RamseyMarket& market : markets) {
    PENSTOCK_CHECK(market.base > 0 && market.elasticity > 0);
    most = std::min(most, market.elasticity);
  }
  most *= 1 - 1e-12;
  const auto loss = [&](double lambda) {
    double sum = 0;
    for (const RamseyMarket& market : markets) {
      const double price = RamseyPrice(cost, market.elasticity, lambda);
      sum += (price - cost) * market.base * std::pow(price, -market.elasticity);
    }
    return -sum;
  };
  if (loss(most) > -profit) return std::nullopt;
  const double lambda = profit > 0 ? Crossing(0, most, -profit, loss) : 0;
  std::vector<double> prices;
  for (const RamseyMarket& market : markets) prices.push_back(RamseyPrice(cost, market.elasticity, lambda));
  return prices;
}

double CostPlusPrice(double running_cost, double capacity_cost, double work, double margin) {
  PENSTOCK_CHECK(work > 0);
  return (running_cost + capacity_cost / work) * (1 + margin);
}

double PriorityClassShare(int classes) {
  PENSTOCK_CHECK(classes >= 1);
  return 1 - 1 / (static_cast<double>(classes) * classes);
}

}  // namespace penstock::sim
