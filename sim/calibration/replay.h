// A measured log through a model of the engine, and how far the model is off.
#pragma once

#include <array>
#include <functional>
#include <span>
#include <vector>

#include "admission/vocabulary/time.h"
#include "sim/calibration/measured_log.h"
#include "sim/fleet/iteration_model.h"

namespace penstock::sim {

struct ReplayedRequest {
  Duration first_token;
  Duration last_token;
};

/// One replica is sent the requests of the log at the times of their arrivals.
std::vector<ReplayedRequest> ReplayLog(std::span<const MeasuredRequest> log, const ReplicaTerms& terms);

/// In seconds.
struct Spread {
  double mean = 0;
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
};

/// Quantiles lie between the two nearest values, linearly. At least one value.
Spread SpreadOf(std::vector<double> values);

/// One quantity, measured and simulated.
struct Agreement {
  Spread measured;
  Spread simulated;
  double mean_relative_error = 0;  // of a single request, signs left out

  /// simulated / measured - 1 of mean, p50, p90 and p99.
  std::array<double, 4> RelativeErrors() const;
};

struct LogAgreement {
  Agreement first_token;  // from arrival
  Agreement per_output;   // from the first token to the last, per token after the first
  Agreement latency;      // from arrival to the last token
  size_t requests = 0;
};

/// Of the requests whose index `counts`; at least one. Both spans have the same length.
LogAgreement Compare(std::span<const MeasuredRequest> log, std::span<const ReplayedRequest> replayed,
                     const std::function<bool(size_t)>& counts);

}  // namespace penstock::sim
