// An iteration-time law from a request log.
//
//  1. First guess, by regression over overlaps: from its first token to its last a request lived through output - 1
//     iterations, and the log says who else decoded, how large their contexts were and whose prompts were computed in
//     that time (as if everybody's tokens came evenly). So its duration is a linear combination of c0, d, k and a.
//  2. Refinement by replay: the log goes through the iteration model with one law after the other (downhill simplex),
//     until its times fit no better. Standard errors are those of the problem made linear at that point.
//
// Every nth request is held out: it is sent like the others, but its times fit nothing, so that its error is honest.
#pragma once

#include <span>

#include "absl/status/statusor.h"
#include "sim/calibration/least_squares.h"
#include "sim/calibration/measured_log.h"
#include "sim/calibration/replay.h"
#include "sim/fleet/iteration_model.h"

namespace penstock::sim {

/// Milliseconds, in the order c0, d, k, a.
IterationLaw LawOfCoefficients(const Coefficients& milliseconds);
Coefficients CoefficientsOf(const IterationLaw& law);

/// Which rows a fit must not look at: every `out_of`th.
struct HeldOut {
  size_t out_of = 3;
  bool operator()(size_t index) const { return index % out_of == out_of - 1; }
};

struct LogFit {
  IterationLaw law;
  Coefficients standard_errors = {};  // milliseconds; 0: the coefficient is at its bound
  LogAgreement fitted;                // the requests that were looked at
  LogAgreement held_out;              // those that were not
  int replays = 0;                    // that the search took
};

/// `terms`: the engine's limits; its law is not looked at. InvalidArgument when the log has too few requests, or when
/// nothing in it tells the coefficients apart.
absl::StatusOr<LogFit> FitLog(std::span<const MeasuredRequest> log, ReplicaTerms terms, HeldOut held_out);

}  // namespace penstock::sim
