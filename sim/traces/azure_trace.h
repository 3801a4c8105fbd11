// The Azure LLM inference traces: TIMESTAMP,ContextTokens,GeneratedTokens. That of 2023 writes a time as
// 2023-11-16 18:15:46.6805900, that of 2024 as 2024-05-10 00:00:00.009930+00:00, a whole second without the fraction.
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
