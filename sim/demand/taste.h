// What a customer is like: drawn once, the same under every tariff. All in reference prices per milli-nt.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/demand/customer.h"
#include "sim/demand/demand_terms.h"
#include "sim/random.h"

namespace penstock::sim {

enum class Plan : uint8_t { kFlex, kDefault, kPriority, kReserve };
constexpr size_t kPlanCount = 4;

struct Taste {
  double speed = 0;                         // what priority is worth over default, and default over flex; not negative
  std::array<double, kPlanCount> liking{};  // Gumbel noise against that of kDefault, whose own is 0
  bool can_wait = false;
  double churn_draw = 0;  // it leaves when its chance to is above this
};

/// In order of the customers. `burndown` says how peaky they are.
std::vector<Taste> TastesOf(std::span<const Customer> customers, const BurndownRates& burndown,
                            const DemandTerms& terms, const Streams& streams);

}  // namespace penstock::sim
