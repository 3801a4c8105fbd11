// Arithmetic on load profiles: how much work, how peaky, what is left when some of it waits.
//
// A kind of token that a customer does not use may have an empty list in place of zeros. All other lists are equally
// long: one number a window.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "sim/demand/customer.h"

namespace penstock::sim {

size_t WindowCount(const LoadProfile& profile);
Duration SpanOf(const LoadProfile& profile);

/// By window: milli-nt.
std::vector<double> WorkOfWindows(const LoadProfile& profile, const BurndownRates& burndown);

/// Over all windows, idle ones too.
struct LoadShape {
  double total = 0;
  double mean = 0;
  double peak = 0;
  /// Mean / peak: 0 to 1; 0 where there is no load.
  double load_factor() const { return peak > 0 ? mean / peak : 0; }
};
LoadShape ShapeOf(std::span<const double> load);

/// floor(share x windows) of the windows with the most load, at least one (of none: none); the earliest on ties.
/// Ascending.
std::vector<size_t> BusiestWindows(std::span<const double> load, double share);

LoadProfile Scaled(const LoadProfile& profile, double factor);

/// Window by window. The profiles have windows of the same length; shorter ones count as zero where they end.
LoadProfile SumOf(std::span<const Customer> customers);

/// This share of what one window brought is done in a later one. What no shift names stays where it is; the shares
/// of one window sum to 1 at most.
struct LoadShift {
  uint32_t from = 0;  // window
  uint32_t to = 0;    // a later window
  double share = 0;   // 0 to 1
};

/// Nothing gets lost: each kind's total stays, but for the rounding of doubles.
LoadProfile Shifted(const LoadProfile& profile, std::span<const LoadShift> load_shifts);
std::vector<double> Shifted(std::span<const double> load, std::span<const LoadShift> load_shifts);

}  // namespace penstock::sim
