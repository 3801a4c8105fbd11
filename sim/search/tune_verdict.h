// What to make of a tuned tariff, in plain sentences.
#pragma once

#include <string>

#include "sim/search/tune.h"

namespace penstock::sim {

/// Fills in the verdict of each baseline and of the whole; all figures must be there.
void AddVerdicts(const TuneTerms& terms, TuneResult& result);

}  // namespace penstock::sim
