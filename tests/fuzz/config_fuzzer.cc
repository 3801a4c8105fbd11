// Any text is either a configuration that describes itself, or refused with a reason. Run for long by hand, from an
// empty folder: build/clang-tsa/config_fuzzer -max_total_time=600 corpus tests/golden/config
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "admission/vocabulary/check.h"
#include "broker/config/config.h"

// The name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace penstock::config;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const absl::StatusOr<Config> config = ParseConfig(text, "fuzzed.yaml");
  PENSTOCK_CHECK(config.ok() ? !Describe(*config).empty() : !config.status().message().empty());
  return 0;
}
