// Any bytes either are records of the arrival log or are refused, and commands that were read are written and read
// again as the same. Run for long by hand: build/clang-tsa/arrival_fuzzer -max_total_time=600
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "admission/vocabulary/check.h"
#include "broker/arrivals/record.h"

namespace penstock::arrivals {
namespace {

std::string BytesOf(const Arrival& arrival) {
  BlockWriter writer;
  writer.Add(arrival.command, arrival.now);
  return writer.bytes();
}

void ReadsOrRefuses(std::string_view bytes) {
  BlockReader reader(bytes);
  Record record;
  while (true) {
    const absl::StatusOr<bool> more = reader.Next(&record);
    if (!more.ok() || !*more) return;
    const auto* arrival = std::get_if<Arrival>(&record);
    if (arrival == nullptr) continue;
    const std::string written = BytesOf(*arrival);
    BlockReader again(written);
    Record same;
    const absl::StatusOr<bool> read = again.Next(&same);
    PENSTOCK_CHECK(read.ok() && *read);
    PENSTOCK_CHECK(BytesOf(std::get<Arrival>(same)) == written);
  }
}

}  // namespace
}  // namespace penstock::arrivals

// The name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  penstock::arrivals::ReadsOrRefuses({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
