// The Mooncake trace format: a JSON object per line with timestamp (ms), input_length, output_length and perhaps
// hash_ids (the prompt's 512-token blocks, numbered with all that is before them).
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/traces/trace_row.h"

namespace penstock::sim {

/// The published arrivals lie on a grid of this width (give or take 3 ms).
constexpr Duration kMooncakeGrid = Seconds(3);

/// The rows of a trace, at least one. Rows with the same timestamp are spread over the grid's cell that begins there
/// (or up to the next timestamp, where that is nearer): uniformly, by a hash of the line, in the order of the lines.
/// Bursts shorter than 3 s are therefore no measurement.
///
/// Strict: an error (InvalidArgument) says 'file:line: field: what is wrong, what to do' and nothing is returned.
/// Fields that are not read may hold anything. `file_name` is only quoted.
absl::StatusOr<std::vector<TraceRow>> ParseMooncakeTrace(std::string_view text, std::string_view file_name);

}  // namespace penstock::sim
