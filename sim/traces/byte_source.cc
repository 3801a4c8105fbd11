#include "sim/traces/byte_source.h"

#include <algorithm>
#include <cstring>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

class BytesInMemory final : public ByteSource {
 public:
  explicit BytesInMemory(std::string_view text) : rest_(text) {}
  absl::StatusOr<size_t> Read(std::span<char> into) override {
    PENSTOCK_CHECK(!into.empty());
    const size_t count = std::min(into.size(), rest_.size());
    if (count > 0) std::memcpy(into.data(), rest_.data(), count);
    rest_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view rest_;
};

}  // namespace

std::unique_ptr<ByteSource> BytesOf(std::string_view text) { return std::make_unique<BytesInMemory>(text); }

}  // namespace penstock::sim
