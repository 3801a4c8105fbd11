// Prices that theory gives in closed form (or in one equation with one unknown): what a searched tariff must beat.
//
// Units are the caller's: a price is money per unit of quantity, a cost likewise.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace penstock::sim {

/// Demand in one of the periods of a cycle, such as the peak hours.
struct PeriodDemand {
  std::function<double(double price)> quantity_at;  // falls with the price
  std::function<double(double quantity)> price_at;  // its inverse
  double length = 1;                                // of the period; capacity costs are for the whole cycle
};

/// quantity = (choke - price) / slope, not below zero.
PeriodDemand LinearDemand(double choke, double slope, double length = 1);
/// quantity = base x (price / reference)^-elasticity; all positive.
PeriodDemand ElasticDemand(double base, double reference, double elasticity, double length = 1);

struct PeakLoadPrices {
  double capacity = 0;             // the best; 0 when nobody would pay for any
  std::vector<double> prices;      // by period
  std::vector<double> quantities;  // of each period, not above the capacity
};

/// Peak-load pricing (Boiteux 1949, Steiner 1957, Williamson 1966). Periods that do not fill the capacity pay the
/// running cost; those that do pay what holds demand to it, and together the capacity cost. More than one may fill it:
/// the peak has shifted then. The running cost must be positive, and so the capacity cost (of one unit for a whole
/// cycle).
PeakLoadPrices SolvePeakLoad(std::span<const PeriodDemand> periods, double running_cost, double capacity_cost);

struct MonopolyPrices {
  double price = 0;  // the best single price
  double profit = 0;
  double welfare = 0;
  double two_part_price = 0;  // the running cost, and
  double two_part_fee = 0;    // all of the surplus at it
};

/// Of one buyer with linear demand; the choke price must be above the cost.
MonopolyPrices SolveMonopoly(double choke, double slope, double cost);

struct RamseyMarket {
  double base = 1;        // quantity at price 1
  double elasticity = 1;  // constant, positive
};

/// Ramsey prices: margins that are inverse to elasticities, (price - cost) / price = lambda / elasticity, as small as
/// makes this profit. Nothing when no lambda below 1 and below every elasticity does.
std::optional<std::vector<double>> SolveRamsey(std::span<const RamseyMarket> markets, double cost, double profit);

/// The price of one market at this lambda, below its elasticity.
double RamseyPrice(double cost, double elasticity, double lambda);

/// The price at which `work` pays for its running cost and for the capacity, with a margin (0.2: 20 %) on top.
double CostPlusPrice(double running_cost, double capacity_cost, double work, double margin);

/// The share of the gain of serving in order of value, against serving at random, that so many priority classes of the
/// same size have, when values and supply are uniform.
double PriorityClassShare(int classes);

}  // namespace penstock::sim
