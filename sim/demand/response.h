// What customers make of a tariff: how much they use, on which terms, when, and whether they stay.
//
// Elasticities are swept, not believed: every figure that follows from them is reported for each.
//
// A customer looks at the full price of a milli-nt: what it pays for it on the whole, by the rating that makes the
// bills, plus what waiting costs it, less what the plan's speed is worth to it and how much it likes the plan (both
// against the default class). Of the plans on offer, with and without waiting for better hours, it takes the one with
// the lowest full price, and uses as much as its volume curve says at that price. So nobody uses more, and nobody who
// left stays, when a price rises (but for the size of reservations, and where ladders make the price depend on volume).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/work.h"
#include "ledger/tariff.h"
#include "sim/demand/customer.h"
#include "sim/demand/demand_terms.h"
#include "sim/demand/load_profile.h"
#include "sim/random.h"

namespace penstock::sim {

/// What one customer does under one tariff.
struct Decision {
  bool stays = true;                          // false: it uses nothing
  ServiceClass elastic = ServiceClass::kDefault;  // kSpillover where it reserves: what lies beyond is served as that
  WorkPerSecond reserves;                     // all the time; 0: it does not
  double volume = 1;                          // of its base volume
  double shifts = 0;                          // share of its work that waits for a later window
  std::vector<LoadShift> load_shifts;            // which; of its own load profile, whatever the volume
  double price = 0;                           // what a milli-nt costs it on the whole, in pico-units
  double full_price = 0;                      // that plus waiting, less speed and taste
  double surplus = 0;  // what its use is worth to it above what it pays: currency units over its load profile's span
};

/// Of every customer, in order. The same streams give each customer the same taste under every tariff, and what one
/// draws depends on its place in the list only.
///
/// The tariff must be sound; what it charges by the billing month must be what is charged over the load profiles' span
/// (Prorated in sim/tariffs/prorate.h). The profiles have equally many windows, together at most 30 days. The pool's
/// peak, by which a coincident demand is charged, lies where it comes to lie once everybody has answered: customers
/// learn that in eight rounds, in each of which they expect the mean of what the peaks of all rounds so far would cost.
///
/// Known limits: reservations are sized by base load, not by forecasts; a charge that counts one band only moves work
/// out of the band by price (if tokens are dearer there) or below the customer's own peak, not by the charge itself.
std::vector<Decision> Respond(const ledger::Tariff& tariff, const std::string& pool, const BurndownRates& burndown,
                              std::span<const Customer> customers, const DemandTerms& terms, const Streams& streams);

}  // namespace penstock::sim
