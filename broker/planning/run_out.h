// When a budget is used up, if the time to come spends like the time just past.
#pragma once

#include <optional>
#include <span>

#include "admission/vocabulary/time.h"
#include "ledger/money.h"

namespace penstock::planning {

/// So many of the last full hours say how an account spends.
constexpr size_t kHoursOfHistory = 168;

/// The hour in which `left` is used up, if every hour spends what the hour a week before it did: the forecast repeats
/// the last week, whose nights and weekends it keeps. Before there is a week of history, every hour spends the mean of
/// what there is. `spent`: charges of the last full hours before `now`, oldest first, at most kHoursOfHistory of them.
/// Nothing when it is not used up before `end` (or, where that is later, within ten years), or nothing was spent.
std::optional<Instant> RunsOut(std::span<const ledger::Money> spent, const ledger::Money& left, Instant now,
                               Instant end);

}  // namespace penstock::planning
