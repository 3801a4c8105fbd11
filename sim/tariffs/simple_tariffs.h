// Tariffs that follow from simple rules, each with one parameter: the families that a searched tariff is compared with.
#pragma once

#include <array>
#include <span>

#include "admission/vocabulary/tiers.h"
#include "sim/demand/customer.h"
#include "sim/tariffs/tariff_family.h"
#include "sim/tariffs/tariff_space.h"

namespace penstock::sim {

/// What simple rules know of a market, for one billing month. Work in milli-nt, money in pico-units.
struct MarketFigures {
  double reference_price = 0;  // per milli-nt: where demand is as the loads below
  double elasticity = 1;       // of all; below 0.05 counts as 0.05
  double peak_work = 0;        // in the peak hours of the tariff's frame
  double off_peak_work = 0;
  double peak_seconds = 0;  // how long those last
  double off_peak_seconds = 0;
  double running_cost = 0;   // of a milli-nt served, positive
  double capacity_cost = 0;  // of the whole fleet
  double capacity = 0;       // of the whole fleet, milli-nt/s
  /// Classes that differ in how much demand answers to price: flex, default, priority.
  std::array<double, 3> class_elasticity = {2.0, 1.5, 1.2};
};

/// The loads of all customers, by the peak hours of the frame, scaled from the length of the profiles to a month of 30
/// days. `start` is when the first window begins. What is no load is left as it is.
MarketFigures WithLoads(MarketFigures figures, std::span<const Customer> customers, const TariffFrame& frame,
                        Instant start);

/// One price for all work. Axis: the price, in this interval.
TariffFamily FlatPrices(const TariffFrame& frame, const Interval& token_price);
/// The average cost of the work at the reference price, and a margin. Axis: the margin, -50 to 300 %.
TariffFamily CostPlusPrices(const TariffFrame& frame, const MarketFigures& figures);
/// Peak-load prices in peak and other hours. Axis: which part of the capacity's cost is charged, 1 to 400 %.
TariffFamily PeakLoadPricesByHour(const TariffFrame& frame, const MarketFigures& figures);
/// The running cost by the token, the capacity's cost by the coincident peak. Axis: which part of both is charged, 10
/// to 400 %.
TariffFamily PeakLoadPricesByDemand(const TariffFrame& frame, const MarketFigures& figures);
/// Ramsey prices of the classes above the average cost. Axis: lambda, from 0 to 98 % of the least elasticity.
TariffFamily RamseyPrices(const TariffFrame& frame, const MarketFigures& figures);

}  // namespace penstock::sim
