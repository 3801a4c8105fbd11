// Agents: runs of requests one after the other whose context grows, each finding the one before in the cache.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sim/arrival.h"
#include "sim/random.h"
#include "sim/traffic/request_terms.h"

namespace penstock::sim {

struct AgentLoops {
  double runs_per_second = 0.1;         // started, at random moments
  int64_t most_runs = 0;                // started in all; 0: no bound
  int64_t requests_per_run = 20;        // 0: a run never ends, as that of an agent that loops
  Tokens first_prompt = Tokens(4'000);  // of every run; not cached
  double mean_new_tokens = 800;         // that each step adds to the context besides the answer; exponential
  double mean_generated = 300;          // tokens of an answer; exponential, at least 1
  Duration mean_step = Seconds(8);      // from one request of a run to the next: answer, tool, thought; exponential
  Tokens longest_context = Tokens(128'000);  // a step beyond it begins again with the first prompt: the run compacts
  std::string run_prefix = "run";            // runs are named run-1, run-2, ...
};

/// Requests in [0, length). Each run has draws of its own, so that the number of runs changes none of them. How long an
/// answer takes is in mean_step: a busy pool does not slow the agents down. Holds the runs that are under way. By time.
/// Of the terms, the cached share does not matter.
std::unique_ptr<ArrivalSource> ArrivalsOf(const AgentLoops& loops, uint32_t tenant, Duration length,
                                          const ArrivalTerms& terms, const Streams& streams);

}  // namespace penstock::sim
