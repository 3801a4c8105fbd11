// The rows of a trace as one tenant's requests, read as they come: a week of them is never held in memory.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "sim/arrival.h"
#include "sim/traces/row_tally.h"
#include "sim/traces/trace_reader.h"
#include "sim/traffic/request_terms.h"

namespace penstock::sim {

/// A trace that can be opened again and again.
struct TraceText {
  std::string name;  // quoted in errors
  std::function<absl::StatusOr<std::unique_ptr<ByteSource>>()> open;
  TraceOptions options;
};

/// What a whole reading has found.
struct TraceSurvey {
  RowTally tally;
  Duration span;  // from the first row to the last
  /// Requests per second, over the span.
  double Rate() const;
};

/// Reads it once, to the end: the errors of TraceReader, and INVALID_ARGUMENT when it has fewer than two rows.
absl::StatusOr<TraceSurvey> Survey(const TraceText& trace);

struct TraceStretch {
  Duration begin;    // into the trace: its row at this offset comes at time 0
  Duration length;   // arrivals in [0, length)
  bool goes_round = true;  // begins anew at its end (a mean gap later); else there is nothing more
};

/// `survey` must be that of the trace, which must not change meanwhile: a row that cannot be read any more is a bug.
/// Each lap is a TraceReplay.
std::unique_ptr<ArrivalSource> TraceArrivals(const TraceText& trace, const TraceSurvey& survey,
                                             const TraceStretch& stretch, uint32_t tenant, const ArrivalTerms& terms);

}  // namespace penstock::sim
