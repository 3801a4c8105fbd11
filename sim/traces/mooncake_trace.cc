#include "sim/traces/mooncake_trace.h"

#include <algorithm>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "sim/traces/prompt_row.h"
#include "sim/traces/row_format.h"
#include "sim/traces/trace_reader.h"

namespace penstock::sim {
namespace {

constexpr int64_t kLongestTraceMs = 366ll * 24 * 3'600 * 1'000;
constexpr int64_t kBlockTokens = 512;

class Mooncake final : public RowFormat {
 public:
  bool has_header() const override { return false; }
  absl::Status ReadHeader(std::string_view) override { return absl::OkStatus(); }
  absl::StatusOr<Outcome> ReadRow(std::string_view line, TraceRow* row) override {
    if (const absl::Status read = prompt_.Read(line, row); !read.ok()) return read;
    const auto timestamp = prompt_.WholeField("timestamp", 0, kLongestTraceMs);
    if (!timestamp.ok()) return timestamp.status();
    row->offset = Milliseconds(*timestamp);
    return Outcome::kRow;
  }
  void Keep(const TraceRow&) override { prompt_.KeepBlocks(); }
  Duration cell() const override { return kMooncakeGrid; }
  std::string EarlierRow() const override { return "timestamp: earlier than the row before; sort the file by time"; }
  std::string NoRows() const override { return "row: the trace is empty; pass the whole file"; }

 private:
  PromptRow prompt_{{"timestamp"}, kBlockTokens, R"({"timestamp": 3000, "input_length": 6758, "output_length": 500})"};
};

}  // namespace

std::unique_ptr<RowFormat> MooncakeFormat() { return std::make_unique<Mooncake>(); }

absl::StatusOr<std::vector<TraceRow>> ParseMooncakeTrace(std::string_view text, std::string_view file_name) {
  return ParseTrace(text, file_name, TraceFormat::kMooncake);
}

}  // namespace penstock::sim
