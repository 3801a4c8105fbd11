// The Qwen-Bailian anonymised traces: a JSON object per line with chat_id, parent_chat_id (-1: none), timestamp
// (seconds), input_length, output_length, type, turn and hash_ids (the prompt's 16-token blocks).
//
// The blocks are hashed one by one, not with all before them: in the published to-B trace 1.4 % of the hits that the
// numbers promise are none.
#include <cmath>
#include <string>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "sim/traces/prompt_row.h"
#include "sim/traces/row_format.h"

namespace penstock::sim {
namespace {

constexpr double kLongestTraceSeconds = 366.0 * 24 * 3'600;
constexpr int64_t kMostChats = int64_t{1} << 53;
constexpr size_t kMostRemembered = 10'000'000;
constexpr int64_t kBlockTokens = 16;

/// The conversation that a chat belongs to: that of its parent. One whose parent is not in the file belongs to the
/// parent.
class Conversations {
 public:
  int64_t RootOf(int64_t chat, int64_t parent) const {
    if (parent < 0) return chat;
    const auto found = root_of_.find(parent);
    return found == root_of_.end() ? parent : found->second;
  }
  /// Beyond ten million chats none is remembered: their answers start conversations of their own.
  void Add(int64_t chat, int64_t root) {
    if (root_of_.size() < kMostRemembered) root_of_.emplace(chat, root);
  }

 private:
  std::unordered_map<int64_t, int64_t> root_of_;
};

class Bailian final : public RowFormat {
 public:
  bool has_header() const override { return false; }
  absl::Status ReadHeader(std::string_view) override { return absl::OkStatus(); }

  absl::StatusOr<Outcome> ReadRow(std::string_view line, TraceRow* row) override {
    if (const absl::Status read = prompt_.Read(line, row); !read.ok()) return read;
    const JsonField& timestamp = prompt_.field("timestamp");
    if (!IsNumber(timestamp) || !(timestamp.real >= 0 && timestamp.real <= kLongestTraceSeconds)) {
      return absl::InvalidArgumentError("timestamp: must be seconds between 0 and a year; correct or remove the row");
    }
    const auto chat = prompt_.WholeField("chat_id", 0, kMostChats);
    if (!chat.ok()) return chat.status();
    const auto parent = prompt_.WholeField("parent_chat_id", -1, kMostChats);
    if (!parent.ok()) return parent.status();
    const JsonField& type = prompt_.field("type");
    row->offset = Nanoseconds(std::llround(timestamp.real * 1e9));
    row->kind = type.type == JsonField::Type::kText ? type.text : "";
    chat_ = *chat;
    root_ = conversations_.RootOf(*chat, *parent);
    row->run = absl::StrCat(root_);
    return Outcome::kRow;
  }
  void Keep(const TraceRow&) override {
    prompt_.KeepBlocks();
    conversations_.Add(chat_, root_);
  }
  std::string EarlierRow() const override { return "timestamp: earlier than the row before; sort the file by time"; }
  std::string NoRows() const override { return "row: the trace is empty; pass the whole file"; }

 private:
  static bool IsNumber(const JsonField& field) {
    return field.type == JsonField::Type::kUnsigned || field.type == JsonField::Type::kReal;
  }

  PromptRow prompt_{{"chat_id", "parent_chat_id", "timestamp", "type"},
                    kBlockTokens,
                    R"({"chat_id": 159, "parent_chat_id": -1, "timestamp": 61.114, "input_length": 521, )"
                    R"("output_length": 132, "type": "text", "turn": 1, "hash_ids": [1089]})"};
  Conversations conversations_;
  int64_t chat_ = 0;  // of the row that was read last
  int64_t root_ = 0;
};

}  // namespace

std::unique_ptr<RowFormat> BailianFormat() { return std::make_unique<Bailian>(); }

}  // namespace penstock::sim
