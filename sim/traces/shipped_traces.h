// The traces that the binary carries, so that the demo runs from any directory. See README.md here for their source,
// licences (CC-BY 4.0, Apache-2.0) and defects.
#pragma once

#include <string_view>

namespace penstock::sim {

/// The whole text of AzureLLMInferenceTrace_conv.csv; lives as long as the program.
std::string_view ConversationTraceCsv();
/// The whole text of AzureLLMInferenceTrace_code.csv; lives as long as the program.
std::string_view CodeTraceCsv();
/// The whole text of mooncake_conversation_25min.jsonl; lives as long as the program.
std::string_view LongConversationTraceJsonl();
/// The bytes of servegen_rates.csv.zst and servegen_lengths.csv.zst, for ReadServeGenTables; live as long as the
/// program.
std::string_view ServeGenRatesCsvZst();
std::string_view ServeGenLengthsCsvZst();

}  // namespace penstock::sim
