// What every trace comes down to: when a request came and how large it turned out to be.
#pragma once

#include <string>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"

namespace penstock::sim {

struct TraceRow {
  Duration offset;   // since the first row; never less than the row before
  Tokens context;    // the prompt, at least 1
  Tokens generated;  // the answer, at least 1

  // What only some formats know; empty otherwise.
  Tokens cached = Tokens(0);  // of the prompt, what a cache that forgets nothing would have had; less than the prompt
  std::string run = {};       // the session or conversation that the request belongs to
  std::string model = {};     // as the trace names it
  std::string kind = {};      // as the trace names it: "Conversation log", "image", ...
};

}  // namespace penstock::sim
