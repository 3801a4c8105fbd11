// The demo's arrivals: slices of real traces, superposed until they reach a tenant's rate. Arrival times and lengths
// are those of real rows; the same seed gives the same list with every compiler.
//
// What the traces do not have is the tenant profile's assumption and no measurement: the tenant, the share of the
// prompt that is cached, the share of the answer that is reasoning, the cap that the client asked for, and the runs.
//
// These are lists of minutes. What is longer streams: generators.h, agent_loops.h, trace_replay.h,
// servegen_population.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "sim/arrival.h"
#include "sim/traces/trace_row.h"

namespace penstock::sim {

/// A flood: between `from` and `to` the tenant sends `multiplier` times its usual rate.
struct Burst {
  Duration from;
  Duration to;
  double multiplier = 1;  // at least 1
};

enum class TraceChoice : uint8_t { kConversation, kCode };

struct TenantProfile {
  std::string name;
  TraceChoice trace = TraceChoice::kConversation;
  double requests_per_second = 1;  // mean, bursts not counted
  std::vector<Burst> bursts;
  int cached_thousandths = 0;               // of a prompt; the same for every request
  int reasoning_thousandths = 0;            // of an answer; the same for every request
  int64_t usual_max_output_tokens = 1'024;  // asked for, unless the answer is longer: then the next power of two
  int64_t requests_per_run = 0;             // consecutive arrivals share a run; 0: no runs
};

struct Traces {
  std::vector<TraceRow> conversation;
  std::vector<TraceRow> code;
};

/// Arrivals in [0, length), by time, then tenant. A tenant has round(rate x length) of them, and each of its bursts
/// adds round(rate x (multiplier - 1) x burst length). Slices start at offsets chosen by the seed and wrap around at
/// the end of the trace; rows of the last one are left out at random (by a hash of row and seed) to meet the number. A
/// tenant's arrivals depend on the seed, its place in the list and its own profile only.
std::vector<Arrival> BuildTraffic(std::span<const TenantProfile> tenants, const Traces& traces, Duration length,
                                  uint64_t seed);

/// How a trace is played as it stands, from its first row on.
struct Replay {
  Duration length;   // rows before this
  int copies = 1;    // of each row: a trace this many times as large and as bursty
  Duration scatter;  // the first copy of a row comes at its time, the others up to this much later, uniformly
};
/// The arrivals of the tenant at `index`, by time. Of its profile, rate and bursts do not matter here.
std::vector<Arrival> ReplayTrace(const TenantProfile& tenant, uint32_t index, std::span<const TraceRow> trace,
                                 const Replay& replay, uint64_t seed);

/// Arrivals in [0, length) of the tenant at `index` that do not know of each other: exponential gaps at its profile's
/// rate, lengths of rows drawn from the trace.
std::vector<Arrival> PoissonTraffic(const TenantProfile& tenant, uint32_t index, std::span<const TraceRow> trace,
                                    Duration length, uint64_t seed);

/// Several tenants' arrivals as one list: by time, then tenant.
std::vector<Arrival> Merged(std::span<const std::vector<Arrival>> parts);

}  // namespace penstock::sim
