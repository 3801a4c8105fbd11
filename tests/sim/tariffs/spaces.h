// Spaces of tariffs for tests, and random points of them.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "sim/distributions.h"
#include "sim/tariffs/tariff_space.h"

namespace penstock::sim {

/// PENSTOCK_SEED from the environment, else always the same.
inline uint64_t SeedOfThisRun() {
  const char* given = std::getenv("PENSTOCK_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20'260'101;
}

/// What to put into SCOPED_TRACE.
inline std::string SeedText(uint64_t seed) { return "PENSTOCK_SEED=" + std::to_string(seed); }

inline BurndownRates ChatBurndown() {
  BurndownRates burndown{};
  burndown[TokenKind::kInput] = 1'000;
  burndown[TokenKind::kCachedInput] = 100;
  burndown[TokenKind::kOutput] = 4'000;
  burndown[TokenKind::kReasoning] = 4'000;
  return burndown;
}

/// Every axis there is.
inline TariffSpaceTerms WholeSpace() {
  TariffSpaceTerms terms;
  terms.frame.burndown = ChatBurndown();
  terms.frame.effective = Instant() + Days(20'454);  // 2026-01-01
  terms.token_price = {30, 6'000};
  terms.demand = {DemandChoice::kNone, DemandChoice::kPercentile95, DemandChoice::kOwnPeak, DemandChoice::kRatchet,
                  DemandChoice::kCoincident};
  terms.demand_price = {600, 60'000'000};
  terms.capacity_price = {10, 100'000};
  return terms;
}

inline std::vector<double> RandomShares(size_t size, Random& random) {
  std::vector<double> shares(size);
  for (double& share : shares) {
    // Edges, and a little beyond them, as often as the inside.
    const int64_t where = random.Below(4);
    share = where == 0 ? -0.01 : where == 1 ? 1.01 : Uniform(random);
  }
  return shares;
}

/// Terms in which some figures are fixed and limits are strange.
inline TariffSpaceTerms RandomSpace(Random& random) {
  TariffSpaceTerms terms = WholeSpace();
  const auto one_in = [&](int64_t n) { return random.Below(n) == 0; };
  if (one_in(3)) terms.flex_factor = {0.5, 0.5};
  if (one_in(3)) terms.priority_factor = {1, 1};
  if (one_in(3)) terms.peak_factor = {0.2, 7};
  if (one_in(3)) terms.peak_factor = {1, 1};
  if (one_in(3)) terms.demand = {static_cast<DemandChoice>(random.Below(kDemandChoiceCount))};
  if (one_in(4)) terms.token_price = {1e-6, 1e12};
  if (one_in(4)) terms.demand_price = {1e-3, 1e12};
  if (one_in(4)) terms.capacity_price = {0, 0};
  if (one_in(4)) terms.capacity_price = {1e-3, 1e15};
  if (one_in(2)) terms.frame.demand_minutes = 1 + random.Below(1'440);
  if (one_in(2)) terms.frame.coincident_windows = 1 + random.Below(1'000);
  terms.frame.peak_from_hour = static_cast<size_t>(random.Below(24));
  terms.frame.peak_to_hour = terms.frame.peak_from_hour + 1 +
                             static_cast<size_t>(random.Below(24 - static_cast<int64_t>(terms.frame.peak_from_hour)));
  terms.frame.peak_on_weekends = one_in(2);
  for (const TokenKind kind : kAllTokenKinds) {
    if (one_in(3)) terms.frame.burndown[kind] = random.Below(10'000);
  }
  return terms;
}

}  // namespace penstock::sim
