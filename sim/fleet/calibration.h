// From an iteration-time law and a traffic mix to what a pool can sell: capacity in nt/s and burndown rates.
//
// The fluid model. A replica that keeps B sequences decoding finishes B/O requests per iteration, and each that
// replaces them brings I prompt tokens, so that
//
//   TPOT(B) = c0 + B x (d + k x (I + O/2) / 1000 + a x I/O)
//
// B is the batch at which TPOT meets the target. At that point every millisecond of an iteration has an owner: a prompt
// token costs a; the rest of the iteration, shared by its B output tokens, is what an output token costs:
//
//   c0/B + d + k x (I + O/2) / 1000
//
// Their ratio is the burndown rate of output, and capacity is simply the work of the requests that the fleet finishes.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "sim/fleet/fleet.h"
#include "sim/traces/trace_row.h"

namespace penstock::sim {

/// Mean tokens of a request.
struct Mix {
  double input = 0;   // I, at least 1
  double output = 0;  // O, at least 1
};

/// The mix of a trace; it must have rows.
Mix MixOf(std::span<const TraceRow> rows);
/// The mix of traffic in which `thousandths_of_a` of a thousand requests are like a and the others like b.
Mix Blend(const Mix& a, int thousandths_of_a, const Mix& b);

/// TPOT(B) in milliseconds.
double FluidTimePerOutputTokenMs(const IterationLaw& law, const Mix& mix, double batch);

struct Calibration {
  double batch = 0;                     // B of one replica, not more than the replica's limits allow
  double time_per_output_token_ms = 0;  // the target, or less where a limit of the replica binds before it
  double requests_per_second = 0;       // of the whole fleet
  BurndownRates burndown;               // milli-nt per token: input 1000, cached_input 100 (a price convention: the
                                        // law prices only its KV), output and reasoning from the law, in whole hundreds
  int64_t capacity_nt_per_second = 0;   // of the whole fleet, rounded down to whole hundreds
};

/// InvalidArgument when the target cannot be met by a single sequence, or when the law has no prefill cost.
absl::StatusOr<Calibration> Calibrate(const FleetTerms& terms, const Mix& mix, Duration target_time_per_output_token);

}  // namespace penstock::sim
