// Where the bytes of a trace come from. The core of the simulator opens no files: a command wraps one in a ByteSource.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"

namespace penstock::sim {

/// Bytes one after the other. Not thread-safe.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills the front of `into`, which must not be empty, and says how many bytes it wrote: 0 at the end, and from then
  /// on. Fewer than asked for is no end. After an error every further call returns an error.
  virtual absl::StatusOr<size_t> Read(std::span<char> into) = 0;
};

/// The bytes of `text`, which must outlive the source.
std::unique_ptr<ByteSource> BytesOf(std::string_view text);

}  // namespace penstock::sim
