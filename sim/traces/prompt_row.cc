#include "sim/traces/prompt_row.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"

namespace penstock::sim {

PromptRow::PromptRow(std::vector<std::string_view> others, int64_t block_tokens, std::string_view example)
    : block_tokens_(block_tokens), example_(example) {
  others.insert(others.end(), {"input_length", "output_length", "hash_ids"});
  for (const std::string_view name : others) {
    fields_.emplace_back();
    fields_.back().name = name;
  }
}

absl::Status PromptRow::Read(std::string_view line, TraceRow* row) {
  if (const absl::Status read = ReadJsonRow(line, fields_, example_); !read.ok()) return read;
  const auto context = WholeField("input_length", 1, kMaxTokensPerRequest);
  if (!context.ok()) return context.status();
  const auto generated = WholeField("output_length", 1, kMaxTokensPerRequest);
  if (!generated.ok()) return generated.status();
  const auto cached = Cached(Tokens(*context));
  if (!cached.ok()) return cached.status();
  row->context = Tokens(*context);
  row->generated = Tokens(*generated);
  row->cached = *cached;
  return absl::OkStatus();
}

absl::StatusOr<Tokens> PromptRow::Cached(Tokens context) const {
  const JsonField& blocks = field("hash_ids");
  if (blocks.type == JsonField::Type::kAbsent) return Tokens(0);
  const bool whole = blocks.type == JsonField::Type::kUnsignedList &&
                     std::all_of(blocks.list.begin(), blocks.list.end(),
                                 [](uint64_t block) { return block < SeenBlocks::kMostBlocks; });
  if (!whole) {
    return absl::InvalidArgumentError(absl::StrCat("hash_ids: must be a list of whole numbers between 0 and ",
                                                   SeenBlocks::kMostBlocks - 1, "; correct or remove the row"));
  }
  const int64_t seen = seen_.PrefixSeen(blocks.list) * block_tokens_;
  return Tokens(std::min(seen, context.count() - 1));
}

const JsonField& PromptRow::field(std::string_view name) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(), [&](const JsonField& f) { return f.name == name; });
  PENSTOCK_CHECK(found != fields_.end());
  return *found;
}

absl::StatusOr<int64_t> PromptRow::WholeField(std::string_view name, int64_t least, int64_t most) const {
  return WholeNumber(field(name), least, most, example_);
}

void PromptRow::KeepBlocks() {
  const JsonField& blocks = field("hash_ids");
  if (blocks.type == JsonField::Type::kUnsignedList) seen_.Add(blocks.list);
}

}  // namespace penstock::sim
