#include "sim/traces/shipped_traces.h"

// Defined in shipped_traces.S.
extern "C" {
extern const char penstock_conversation_trace_begin[];
extern const char penstock_conversation_trace_end[];
extern const char penstock_code_trace_begin[];
extern const char penstock_code_trace_end[];
extern const char penstock_long_conversation_trace_begin[];
extern const char penstock_long_conversation_trace_end[];
extern const char penstock_servegen_rates_begin[];
extern const char penstock_servegen_rates_end[];
extern const char penstock_servegen_lengths_begin[];
extern const char penstock_servegen_lengths_end[];
}

namespace penstock::sim {

std::string_view ConversationTraceCsv() { return {penstock_conversation_trace_begin, penstock_conversation_trace_end}; }

std::string_view CodeTraceCsv() { return {penstock_code_trace_begin, penstock_code_trace_end}; }

std::string_view LongConversationTraceJsonl() {
  return {penstock_long_conversation_trace_begin, penstock_long_conversation_trace_end};
}

std::string_view ServeGenRatesCsvZst() { return {penstock_servegen_rates_begin, penstock_servegen_rates_end}; }

std::string_view ServeGenLengthsCsvZst() { return {penstock_servegen_lengths_begin, penstock_servegen_lengths_end}; }

}  // namespace penstock::sim
