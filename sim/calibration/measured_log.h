// What a real engine did: a request log as vLLM's benchmark writes it, a JSON object per line with input_toks,
// output_toks, arrival_time, queued_ts, scheduled_ts, first_token_ts and last_token_ts, in seconds.
//
// arrival_time is of the client's clock, the others are of the engine's. They are aligned by the smallest difference
// between queued_ts and arrival_time: the least that the way into the engine took counts as nothing.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"
#include "sim/calibration/bad_row.h"

namespace penstock::sim {

/// Times count from the first arrival.
struct MeasuredRequest {
  Tokens input;          // at least 1
  Tokens output;         // at least 2, or there is no time per output token
  Duration arrival;      // when the client sent it
  Duration scheduled;    // when it joined the batch
  Duration first_token;  // not before it was scheduled
  Duration last_token;   // after the first
};

struct MeasuredLog {
  std::vector<MeasuredRequest> requests;  // by arrival
  std::vector<BadRow> bad;
};

/// InvalidArgument when there is no usable row; the message says why for the first.
absl::StatusOr<MeasuredLog> ParseMeasuredLog(std::string_view text, std::string_view file_name);

}  // namespace penstock::sim
