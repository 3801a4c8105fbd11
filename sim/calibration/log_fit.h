// An iteration-time law from a request log.
//
//  1. First guess, by regression over overlaps: from its first token to its last a request lived through output - 1
//     iterations, and the log says who else decoded, how large their contexts were and whose prompts were computed in
//     that time (as if everybody's tokens came evenly). So its duration is a linear combination of c0, d, k and a.
//  2. Refinement by replay: the log goes through the iteration model with one law after the other (downhill simplex),
//     until its times fit no better.
//  3. Standard errors, by leaving out: the search is repeated without each of eight stretches of the log (a jackknife).
//     Errors of one log hang together, and d and k nearly stand in for each other where contexts are alike: what a
//     solution says of itself, as if errors were independent, is far too good.
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

/// How well a law is known, from refits without parts of the log.
struct LawErrors {
  Coefficients standard_errors = {};  // milliseconds
  double correlation_d_k = 0;         // near -1: only what a sequence costs is known, not how much of it is d
  double context_ktokens = 0;         // that a decoding sequence has on average
  double per_sequence = 0;            // d + k x that context, milliseconds
  double per_sequence_error = 0;      // its standard error
  /// d and k are not to be taken for what they say, each for itself.
  bool OnlyTheSumIsKnown() const { return correlation_d_k < -0.9; }
};

struct LogFit {
  IterationLaw law;
  LogAgreement fitted;    // the requests that were looked at
  LogAgreement held_out;  // those that were not
  int replays = 0;        // that the search took
};

/// `terms`: the engine's limits; its law is not looked at. InvalidArgument when the log has too few requests, or when
/// nothing in it tells the coefficients apart.
absl::StatusOr<LogFit> FitLog(std::span<const MeasuredRequest> log, ReplicaTerms terms, HeldOut held_out);

/// Of a law that FitLog found with the same terms.
LawErrors ErrorsOf(const IterationLaw& law, std::span<const MeasuredRequest> log, const ReplicaTerms& terms,
                   HeldOut held_out);

}  // namespace penstock::sim
