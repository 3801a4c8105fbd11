// What traces and tables do not say of a request: assumptions, no measurements.
#pragma once

#include <cstdint>

#include "sim/arrival.h"

namespace penstock::sim {

struct ArrivalTerms {
  int cached_thousandths = 0;               // of a prompt; the same for every request
  int reasoning_thousandths = 0;            // of an answer; the same for every request
  int64_t usual_max_output_tokens = 1'024;  // asked for, unless the answer is longer: then the next power of two
};

/// So many thousandths of the whole, rounded down.
Tokens ShareRoundDown(Tokens whole, int thousandths);

int64_t MaxOutputTokens(Tokens generated, const ArrivalTerms& terms);

/// A request with this prompt, of which so much is cached, and this answer. No run.
Arrival ArrivalOf(Duration at, uint32_t tenant, Tokens prompt, Tokens cached, Tokens generated,
                  const ArrivalTerms& terms);
/// The same with the terms' share of the prompt cached.
Arrival ArrivalOf(Duration at, uint32_t tenant, Tokens prompt, Tokens generated, const ArrivalTerms& terms);

}  // namespace penstock::sim
