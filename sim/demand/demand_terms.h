// How customers answer prices: the scenario's assumptions, swept and not believed.
#pragma once

#include <cstdint>
#include <vector>

#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "sim/world_begin.h"

namespace penstock::sim {

enum class VolumeModel : uint8_t {
  kFixed,              // price changes nothing
  kConstantElasticity, // volume = (price / reference)^-elasticity, none from choke x reference on
  kLogit,              // most_volume x the share of a logit with an outside option, whose elasticity at the reference
                       // price is `elasticity`
};

struct DemandTerms {
  Instant start = kWorldBegin;       // when the load profiles begin: a whole hour
  VolumeModel volume = VolumeModel::kFixed;
  double elasticity = 1.0;           // not negative; of a logit positive
  double choke = 10;                 // x reference price; above 1
  double most_volume = 4;            // x base volume, however cheap; above 1
  int64_t reference_price = 0;  // pico-units per milli-nt: what a milli-nt costs where volume is the trace's. Positive
  std::vector<ServiceClass> plans;   // elastic classes that are on offer; none: kDefault
  bool may_reserve = false;          // sizes a reservation by the newsvendor rule from its own load
  double speed_value = 0;            // what priority is worth to the median customer, in reference prices per milli-nt
  double speed_value_of_spiky = 0;   // adverse selection: so much more per unit of log(peak / mean) above the median
  double taste_noise = 0.1;          // scale of the Gumbel noise in choosing a plan, in reference prices
  double shiftable = 0;              // the chance that a customer's work may wait for a trough
  Duration longest_shift = Hours(6);
  double shift_cost = 0.1;           // in reference prices per milli-nt and hour
  double churn_per_period = 0;       // chance to leave at the end of a period when nothing has become dearer
  double churn_by_price = 0;         // added for each doubling of what a milli-nt costs, against the reference
};

}  // namespace penstock::sim
