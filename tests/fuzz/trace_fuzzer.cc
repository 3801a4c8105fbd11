// Any bytes, compressed or not, either are rows of a trace or are reported: rows are in order and within bounds, every
// line is counted once. Run for long by hand: build/clang-tsa/trace_fuzzer -max_total_time=600
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"
#include "sim/traces/servegen.h"
#include "sim/traces/trace_reader.h"

namespace penstock::sim {
namespace {

void CheckRow(const TraceRow& row, Duration last) {
  PENSTOCK_CHECK(row.offset >= last);
  PENSTOCK_CHECK(row.context >= Tokens(1) && row.context <= Tokens(kMaxTokensPerRequest));
  PENSTOCK_CHECK(row.generated >= Tokens(1) && row.generated <= Tokens(kMaxTokensPerRequest));
  PENSTOCK_CHECK(row.cached >= Tokens(0) && row.cached < row.context);
}

void ReadsOrReports(std::string_view bytes, TraceOptions options) {
  TraceReader reader(BytesOf(bytes), "fuzzed", std::move(options));
  TraceRow row;
  Duration last;
  int64_t rows = 0;
  while (true) {
    const absl::StatusOr<bool> more = reader.Next(&row);
    PENSTOCK_CHECK(more.ok() || !more.status().message().empty());
    if (!more.ok()) return;
    if (!*more) break;
    CheckRow(row, last);
    last = row.offset;
    ++rows;
  }
  PENSTOCK_CHECK(rows > 0 && rows == reader.tally().rows);
  PENSTOCK_CHECK(reader.tally().bad_rows == 0 || !reader.tally().messages.empty());
}

/// The first half is rates, the second lengths; each may be a client's file as well.
void ReadsServeGen(std::string_view bytes) {
  const std::string_view first = bytes.substr(0, bytes.size() / 2);
  const std::string_view second = bytes.substr(bytes.size() / 2);
  const auto tables = ReadServeGenTables({"rates", BytesOf(first)}, {"lengths", BytesOf(second)}, "m-small");
  PENSTOCK_CHECK(tables.ok() ? !tables->clients.empty() : !tables.status().message().empty());
  RowTally tally;
  const auto client = ReadServeGenClient("0", {"trace", BytesOf(first)}, {"dataset", BytesOf(second)}, {}, &tally);
  PENSTOCK_CHECK(client.ok() || !client.status().message().empty());
}

}  // namespace
}  // namespace penstock::sim

// The name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  penstock::sim::ReadsOrReports(text, {});
  // Named, so that the fuzzer need not find the words of the first line.
  penstock::sim::ReadsOrReports(text, {.format = static_cast<penstock::sim::TraceFormat>(size % 4)});
  penstock::sim::ReadsServeGen(text);
  return 0;
}
