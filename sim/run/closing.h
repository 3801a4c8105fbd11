// The end of a run: every tenant's statement is closed through the engine, and what went in must have come out.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "admission/vocabulary/work.h"
#include "ledger/money.h"
#include "sim/run/figures.h"
#include "sim/run/virtual_broker.h"

namespace penstock::sim {

/// Closes the period from the world's begin to the whole hour at or after `ran`, with the tariff in force for each
/// tenant, and fills bills, revenue, peaks, load and head. `figures` holds what the collector has counted. Lets time
/// pass until the period can be closed. A statement that the engine refuses is a check that does not hold.
///
/// Statements are of whole hours, so the period ends in up to an hour in which nobody comes: charges that are of all
/// windows (percentiles, means) are that much lower, by one part in 170 of a week and a lot of a few minutes. What
/// looks at the busiest windows is not touched.
void CloseRun(VirtualBroker& broker, Duration ran, RunFigures* figures);

/// What the books hold of a whole run, each number by a count of its own.
struct BooksTotals {
  int64_t requests = 0;  // of the hour buckets, likewise tokens and work
  TokenCounts tokens;
  Work work;
  Work work_by_minute;          // of the base windows
  ledger::Money statements;     // sum of those that were closed
  ledger::Money rated_again;    // the same from the meters and the tariff
  ledger::Money receivable;     // what was posted to tenants' receivables
  absl::Status invariants;      // of the books
  size_t open_grants = 0;
};
BooksTotals TotalsOf(const VirtualBroker& broker);

/// Requests, tokens, work and money: what came in equals what came out. Appends to figures->checks; called after
/// CloseRun.
void CheckConservation(const BooksTotals& books, RunFigures* figures);

}  // namespace penstock::sim
