// The fluid screen: what a tariff is worth, without requests. Customers respond; their work meets the capacity window
// by window as a fluid; what is served is rated by the rating that makes the bills. Some milliseconds, for ranking many
// tariffs before a few are simulated whole.
//
//   reserved  work inside reservations is served first, up to each customer's rate
//   shared    what is left of the capacity goes to the classes by weight; flex waits for room, the others are refused
//             what their window has no room for
//   in time   of a class that a window had room for: by queues, for a slot and for the pool's rate, of the work that
//             goes no later than it; of flex: what was served at all. Nothing of a class for which there was no room
//
// What it does not see: bursts inside a window, sizes of requests, retries, limits of tenants and keys, caps of
// classes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "ledger/tariff.h"
#include "sim/demand/customer.h"
#include "sim/demand/demand_terms.h"
#include "sim/tariffs/evaluation.h"

namespace penstock::sim {

/// By ServiceClass, as in the scenarios: free, flex, default, priority, spillover.
constexpr std::array<double, kShareClassCount> kScreenWeights = {1, 2, 8, 16, 8};

struct ScreenTerms {
  std::vector<Customer> customers;  // with equally many windows, together at most 30 days
  std::string pool;
  BurndownRates burndown;
  double capacity = 0;       // nt/s, positive
  double capacity_cost = 0;  // currency units per nt/s and billing month
  DemandTerms demand;
  std::vector<double> free_load;  // nt that free traffic asks for in each window; empty: none
  std::array<double, kShareClassCount> weights = kScreenWeights;
  Duration flex_deadline = Hours(6);
  int64_t slots = 0;      // requests that run at once; 0: nothing waits where there is room
  Duration service_time;  // mean, of one request in its slot
  double request_work = 0;  // nt of a request, weighted by work: sum of squares / sum; 0: small ones
  Duration target_wait = Seconds(1);
};

/// Tariffs are priced as they stand in a file, by the billing month; the screen prorates them (prorate.h) and scales
/// its figures up to a month: money and work. Shares are of work of customers, free traffic aside; utilisation counts
/// it. Peaks are the busiest 1 % of windows of customers' work as it came. A tariff under which nobody pays subsidises
/// nobody.
class FluidScreen {
 public:
  explicit FluidScreen(ScreenTerms terms);

  /// The tariff must be sound. The same seed gives every tariff the same customers. May run on several threads at once.
  Evaluation Evaluate(const ledger::Tariff& tariff, uint64_t seed) const;

  /// Evaluate as what a search asks for; the screen must outlive it.
  Evaluator AsEvaluator() const;

 private:
  ScreenTerms terms_;
};

/// The share of requests that wait no longer than the target at this utilisation (0 to 1; none from 1 on), in a line
/// for slots with Poisson arrivals and exponential service: exact for one slot, for more by Sakasegawa's approximation
/// of the chance to wait (1977).
double ShareInTime(double utilisation, int64_t slots, Duration service_time, Duration target_wait);

/// The same in a line for a rate, with Poisson arrivals whose work takes `mean_residual` more from a random moment in
/// it, twice that being request_work / rate: exact for exponential work, for others in heavy traffic (Kingman 1962).
double ShareInTimeOfRate(double utilisation, Duration mean_residual, Duration target_wait);

}  // namespace penstock::sim
