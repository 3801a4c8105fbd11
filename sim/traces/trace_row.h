// What every trace comes down to: when a request came and how large it turned out to be.
#pragma once

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"

namespace penstock::sim {

struct TraceRow {
  Duration offset;   // since the first row; never less than the row before
  Tokens context;    // the prompt, at least 1
  Tokens generated;  // the answer, at least 1
};

}  // namespace penstock::sim
