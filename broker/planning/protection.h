// How much to keep for those who pay more, and how much to buy ahead: the rules of revenue management that turn on one
// chance, that of demand above a level. Demand is normal unless said otherwise; quantities are in any one unit.
#pragma once

#include <span>
#include <vector>

namespace penstock::planning {

struct NormalDemand {
  double mean = 0;
  double sd = 0;  // not negative
};

/// Littlewood's rule for two classes: keep so much for the dear one that its last unit is asked for with the chance
/// `fare_ratio` (cheap fare / dear fare, between 0 and 1, both exclusive). Not negative.
double LittlewoodProtection(const NormalDemand& dear, double fare_ratio);

struct FareClass {
  double fare = 0;  // positive
  NormalDemand demand;
};

/// EMSR-b (Belobaba 1992): for nested classes in order of falling fare, what is kept for the first 1, 2, ... n - 1
/// together. Each time they are taken for one class with their joint demand and mean fare, against the next one's fare.
std::vector<double> EmsrBProtection(std::span<const FareClass> classes);

struct Reserve {
  double quantity = 0;  // not negative
  double cost = 0;      // expected, where on demand a unit costs 1
};

/// The newsvendor: how much to reserve when a reserved unit costs `price_ratio` (between 0 and 1, both exclusive)
/// whether it is used or not, and what is needed beyond costs 1.
Reserve ReserveForNormal(const NormalDemand& demand, double price_ratio);

/// The same for spiky demand: lognormal with this mean (positive), `sigma` (positive) the deviation of its logarithm.
Reserve ReserveForLognormal(double mean, double sigma, double price_ratio);

}  // namespace penstock::planning
