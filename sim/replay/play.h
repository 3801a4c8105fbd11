// Plays a recorded boot again, in virtual time, under other terms.
//
// The world begins at the whole hour in which the boot began, at its own time of the week, with empty books: what
// earlier boots charged, held, bought and learnt is not there. Tenants ask what they asked then, whatever the tariff.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "sim/replay/assumed_outcomes.h"
#include "sim/replay/recording.h"

namespace penstock::sim {

/// What is to be other than it was.
struct ReplayChanges {
  std::optional<ledger::Tariff> tariff;  // in place of the one in force; contracts keep the versions that they pin
  std::map<std::string, ledger::rating::Subscription> subscriptions;  // of tenants by name, in place of theirs
  std::string pool;                                                   // whose the following are; empty: the only one's
  std::optional<WorkPerSecond> capacity;  // all the time: changes of capacity in the log do not count
  std::optional<double>
      capacity_factor;  // of what it was, changes in the log included; for every pool if none is named
  std::array<std::optional<int64_t>, kShareClassCount> weights;
  std::optional<int64_t> max_in_flight;  // all the time, too

  bool any() const;
};

/// The recording's settings and capacity changes as `changes` would have them. INVALID_ARGUMENT names the option that
/// does not fit.
absl::Status Change(const ReplayChanges& changes, Recording* recording);

/// Plays it to its end, closes every tenant's statement for the whole hours that it touches, and checks that nothing
/// was lost. Monthly prices are pro-rated to those hours, by the month of 30 days. `outcomes`: of this recording before
/// or after Change. A wait of at most `target_wait` is in time.
/// FAILED_PRECONDITION: what the engine says of the settings.
absl::StatusOr<RunFigures> Play(const Recording& recording, const Outcomes& outcomes, Duration target_wait);

/// Requests that were granted, and not only in the line for it.
int64_t GrantedIn(const RunFigures& figures);

}  // namespace penstock::sim
