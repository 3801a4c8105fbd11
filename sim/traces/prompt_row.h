// What the Mooncake and the Qwen-Bailian format share: a JSON object per line with input_length, output_length and
// hash_ids, the numbers of the blocks that the prompt consists of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sim/traces/json_row.h"
#include "sim/traces/seen_blocks.h"
#include "sim/traces/trace_row.h"

namespace penstock::sim {

class PromptRow {
 public:
  /// `others`: fields that the format reads besides. A block has this many tokens; the last may have fewer.
  PromptRow(std::vector<std::string_view> others, int64_t block_tokens, std::string_view example);

  /// Reads the line and sets the row's context, generated and cached tokens. Cached are the leading blocks that rows
  /// kept before had; one token of a prompt is always computed. Errors: 'field: what is wrong, what to do'.
  absl::Status Read(std::string_view line, TraceRow* row);
  /// Of the line that was read last.
  const JsonField& field(std::string_view name) const;
  absl::StatusOr<int64_t> WholeField(std::string_view name, int64_t least, int64_t most) const;
  /// The line that was read last counts: its blocks are in the cache from now on.
  void KeepBlocks();

 private:
  absl::StatusOr<Tokens> Cached(Tokens context) const;

  std::vector<JsonField> fields_;
  int64_t block_tokens_;
  std::string_view example_;
  SeenBlocks seen_;
};

}  // namespace penstock::sim
