// What customers make of a tariff: how much they use, on which terms, when, and whether they stay.
//
// Elasticities are swept, not believed: every figure that follows from them is reported for each.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/work.h"
#include "ledger/tariff.h"
#include "sim/demand/customer.h"
#include "sim/random.h"

namespace penstock::sim {

enum class VolumeModel : uint8_t {
  kFixed,              // price changes nothing
  kConstantElasticity, // volume = (price / reference)^-elasticity, none above choke x reference
  kLogit,              // volume = share of a logit with an outside option, whose slope at the reference is `elasticity`
};

struct DemandTerms {
  VolumeModel volume = VolumeModel::kFixed;
  double elasticity = 1.0;
  double choke = 10;                 // x reference price
  double most_volume = 4;            // x base volume, however cheap
  int64_t reference_price = 0;       // pico-units per milli-nt: what a milli-nt costs where volume is the trace's
  std::vector<ServiceClass> plans;   // elastic classes that are on offer; one: no choice
  bool may_reserve = false;          // sizes a reservation by the newsvendor rule from its own load
  double speed_value = 0;            // what priority is worth to the median customer, in reference prices per milli-nt
  double speed_value_of_spiky = 0;   // adverse selection: so much more per unit of log(peak / mean) above the median
  double taste_noise = 0.1;          // scale of the Gumbel noise in choosing a plan, in reference prices
  double shiftable = 0;              // share of customers' work that may wait for a trough
  Duration longest_shift = Hours(6);
  double shift_cost = 0.1;           // in reference prices per milli-nt and hour
  double churn_per_period = 0;       // chance to leave at the end of a period when nothing has become dearer
  double churn_by_price = 0;         // added for each doubling of what a milli-nt costs, against the reference
};

/// What one customer does under one tariff.
struct Decision {
  bool stays = true;                          // false: it uses nothing
  ServiceClass elastic = ServiceClass::kDefault;
  WorkPerSecond reserves;                     // 0: it does not
  double volume = 1;                          // of its base volume
  double shifts = 0;                          // share of its work in dear or busy windows that waits for later ones
  double price = 0;                           // what a milli-nt costs it on the whole, in pico-units
  double surplus = 0;                         // what its use is worth to it above what it pays: currency units a period
};

/// Of every customer, in order. The same streams give each customer the same taste under every tariff.
std::vector<Decision> Respond(const ledger::Tariff& tariff, const std::string& pool, const BurndownRates& burndown,
                              std::span<const Customer> customers, const DemandTerms& terms, const Streams& streams);

}  // namespace penstock::sim
