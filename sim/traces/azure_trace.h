// The Azure LLM inference trace, 2023 format: TIMESTAMP,ContextTokens,GeneratedTokens with seven fractional digits.
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/traces/trace_row.h"

namespace penstock::sim {

/// The rows of a trace, at least one. Strict: an error (InvalidArgument) says 'file:line:column: what is wrong, what to
/// do' and nothing is returned. Lines end in LF or CR LF; the last one may end in nothing. `file_name` is only quoted.
absl::StatusOr<std::vector<TraceRow>> ParseAzureTrace(std::string_view text, std::string_view file_name);

}  // namespace penstock::sim
